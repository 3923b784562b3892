"""OpenSeq2Seq's alphabet files against the vocabulary."""

import pytest

from open_seq2seq.decoders.alphabet import check_alphabet
from open_seq2seq.errors import InputError


def test_comments_and_escapes(tmp_path):
    path = tmp_path / "alphabet.txt"
    path.write_bytes(b"\xef\xbb\xbf# labels\n \na\r\n\\#\n'\n\xc3\xa9\n# end\n")
    check_alphabet(str(path), [" ", "a", "#", "'", "é"])


def test_every_line_that_differs_is_named(tmp_path):
    path = tmp_path / "alphabet.txt"
    path.write_text("#\n \nb\nab\nc\n")
    with pytest.raises(InputError) as error:
        check_alphabet(str(path), [" ", "a", "b"])
    found = [(problem.where.rsplit(":")[-1], problem.found) for problem in error.value.problems]
    assert found == [("3", "'b'"), ("4", "'ab'"), ("5", "'c'")]
    with pytest.raises(InputError, match="no line more"):
        check_alphabet(str(path), [" ", "b", "ab", "c", "d"])
    with pytest.raises(InputError, match="No such file"):
        check_alphabet(str(tmp_path / "gone"), ["a"])
