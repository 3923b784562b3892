"""One table of alphabet files, for each part that reads them: Python's three and the C++ core's."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctc_decoder_with_lm.library import core
from open_seq2seq.alphabet_file import alphabet_lines
from open_seq2seq.data.text import load_vocabulary
from open_seq2seq.decoders.alphabet import check_alphabet
from open_seq2seq.errors import InputError

# Name: (file, labels).
CASES = {
    "OpenSeq2Seq's": (b" \na\nb\n'\n", [" ", "a", "b", "'"]),
    "no end of the last line": (b"a\nb", ["a", "b"]),
    "empty lines": (b"\na\n\n\nb\n\n", ["a", "b"]),
    "a space is a label": (b"a\n \n", ["a", " "]),
    "DeepSpeech's comments": (b"# the letters\n \na\n# the end\n", [" ", "a"]),
    "a comment with a lone sign": (b"# the letters\na\n#\nb\n", ["a", "b"]),
    "an escaped label": (b"a\n\\#\nb\n", ["a", "#", "b"]),
    "an escape makes lone signs comments": (b"#\na\n\\#\n", ["a", "#"]),
    "without comments the sign is a label": (b"a\n#\nb\n", ["a", "#", "b"]),
    "a backslash is a label": (b"\\\na\n", ["\\", "a"]),
    "Windows' lines": (b"# x\r\n \r\na\r\n\r\n\\#\r\n", [" ", "a", "#"]),
    "a byte order mark": (b"\xef\xbb\xbfa\nb\n", ["a", "b"]),
    "a byte order mark before a comment": (b"\xef\xbb\xbf# x\na\n", ["a"]),
    "letters of several bytes": ("é\nß\nя\n".encode(), ["é", "ß", "я"]),
}


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, list[str]]:
    content, labels = CASES[request.param]
    path = tmp_path / "alphabet.txt"
    path.write_bytes(content)
    return str(path), labels


def test_each_part_reads_the_same_labels(case: tuple[str, list[str]]) -> None:
    path, labels = case
    text = Path(path).read_bytes().decode("utf-8-sig")
    assert [label for _, label in alphabet_lines(text)] == labels
    assert load_vocabulary(path, bpe=False).symbols == labels
    assert core().read_alphabet(path) == labels
    check_alphabet(path, labels)
    for others in (labels[:-1], [*labels, "z"], ["z", *labels[1:]]):
        with pytest.raises(InputError):
            check_alphabet(path, others)


def test_the_core_says_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("# nothing\n\n")
    with pytest.raises(core().Error, match=r"empty\.txt: .* there is none"):
        core().read_alphabet(str(tmp_path / "empty.txt"))
    with pytest.raises(core().Error, match="cannot be opened"):
        core().read_alphabet(str(tmp_path / "gone.txt"))
