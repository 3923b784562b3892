"""Language models: every kind of file gives the model's scores, every bad one is refused."""

import gzip
import random
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from ctc_decoder_with_lm import BeamSearchDecoder, LanguageModel
from open_seq2seq.decoders.beam_search import lexicon_note
from open_seq2seq.errors import InputError

from .arpa import NGramModel
from .language_model_files import OPTIONS, ROUGH, WORDS, build_binary, make_model, write_all

KINDS = ["arpa", "gz", *OPTIONS]
TEST_VALUES = 56  # where a binary's test values begin
FIXED = 88  # where its order, multiplier, type, flag and version are
COUNTS = 108  # where its numbers of n-grams are


def sentences(count=60, seed=0):
    rng = random.Random(seed)
    for _ in range(count):
        yield rng.choices([*WORDS, "unheard", "<unk>"], k=rng.randint(0, 7))


def reference_scores(model, words, begin, end):
    tokens = ["<s>"] * begin + words + ["</s>"] * end
    return [model.score(tokens[:index], tokens[index]) for index in range(begin, len(tokens))]


def expect_scores(path, model, tolerance):
    loaded = LanguageModel(path)
    for words in sentences():
        for begin, end in ((True, True), (False, False)):
            found = [score for score, _ in loaded.score(words, begin, end)]
            expected = reference_scores(model, words, begin, end)
            assert found == pytest.approx(expected, abs=tolerance), words


def refuse(path, match):
    with pytest.raises(InputError, match=match) as caught:
        LanguageModel(path)
    assert str(path) in str(caught.value)


@pytest.fixture
def changed(language_model_files, tmp_path):
    """A function that copies a file, with other bytes at a place or another size."""

    def change(kind, at=0, data=b"", size=None):
        content = bytearray(language_model_files[kind].read_bytes())
        content[at : at + len(data)] = data
        path = tmp_path / f"changed.{kind}"
        path.write_bytes(content[:size])
        return path

    return change


@pytest.mark.parametrize("kind", KINDS)
def test_scores(language_model_files, kind):
    expect_scores(language_model_files[kind], make_model(), 2e-5)


def test_scores_of_few_bits(language_model_files, tmp_path):
    path = build_binary(language_model_files["arpa"], tmp_path / "rough", *ROUGH)
    # 32 bins for values from -3 to 0, of which a score adds up three.
    expect_scores(path, make_model(), 3 * 3 / 32)


@pytest.mark.parametrize("order", [2, 4])
def test_other_orders(tmp_path, order):
    for path in write_all(tmp_path, order).values():
        assert LanguageModel(path).order == order
        expect_scores(path, make_model(order), 2e-5)


@pytest.mark.parametrize("options", [None, ("probing",), ("-q", "8", "-a", "9", "trie")])
def test_the_largest_order(tmp_path, options):
    ngrams = {(word,): (-2.0, -0.1) for word in ("<unk>", "<s>", "</s>", "cat")}
    for length in range(2, 7):
        ngrams[("cat",) * length] = (-length / 10, -0.2)
    model = NGramModel(ngrams)
    path = model.write(tmp_path / "model.arpa")
    path = build_binary(path, tmp_path / "model", *options) if options else path
    loaded = LanguageModel(path)
    assert loaded.order == 6
    found = [score for score, _ in loaded.score(["cat"] * 9, begin=False, end=False)]
    assert found == pytest.approx([-2.0, *(-n / 10 for n in range(2, 6)), *[-0.6] * 4], abs=2e-5)
    # One more is refused, by its first lines.
    ngrams[("cat",) * 7] = (-1.0, 0.0)
    refuse(NGramModel(ngrams).write(tmp_path / "larger.arpa"), "line 8: n-grams of order 7")


@pytest.mark.parametrize("kind", KINDS)
def test_vocabulary(language_model_files, kind):
    model = LanguageModel(language_model_files[kind])
    assert model.size == len(WORDS) + 3
    words = model.words()
    assert words[0] == "<unk>"
    assert set(words) == {"<unk>", "<s>", "</s>", *WORDS}


@pytest.mark.parametrize("kind", ["probing", "trie"])
def test_binary_without_spelling(language_model_files, tmp_path, kind):
    path = build_binary(language_model_files["arpa"], tmp_path / "model", "-v", kind)
    expect_scores(path, make_model(), 2e-5)
    with pytest.raises(InputError, match=r"does not hold the spelling.*without build_binary's"):
        LanguageModel(path).words()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_binaries_are_mapped(language_model_files):
    path = language_model_files["trie"]
    model = LanguageModel(path)
    assert str(path) in Path("/proc/self/maps").read_text()
    del model
    assert str(path) not in Path("/proc/self/maps").read_text()


@pytest.mark.parametrize("kind", ["arpa", "gz", "trie"])
def test_nothing_is_printed(language_model_files, capfd, kind):
    LanguageModel(language_model_files[kind])
    assert capfd.readouterr() == ("", "")


def test_words_of_another_encoding_are_never_said(language_model_files, tmp_path):
    path = tmp_path / "latin.arpa"
    path.write_bytes(language_model_files["arpa"].read_text(encoding="utf-8").encode("latin-1"))
    symbols = [" ", *sorted(set("".join(WORDS)))]
    decoder = BeamSearchDecoder(symbols, LanguageModel(path))
    assert decoder.unspellable_words == 1 and decoder.unspellable_examples == ["b\ufffdr"]
    assert "They are not UTF-8" in (lexicon_note(decoder) or "")


def test_no_temporary_file_stays(language_model_files, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    LanguageModel(language_model_files["gz"])
    damaged = tmp_path / "damaged"
    damaged.write_bytes(language_model_files["gz"].read_bytes()[:-20])
    refuse(damaged, "gzip file is damaged")
    assert list(tmp_path.iterdir()) == [damaged]


def test_a_binary_may_be_gzipped(language_model_files, tmp_path):
    path = tmp_path / "model.gz"
    path.write_bytes(gzip.compress(language_model_files["trie"].read_bytes()))
    expect_scores(path, make_model(), 2e-5)


@pytest.mark.parametrize("level", [0, 1, 6, 9])
def test_gzip_members_and_levels(tmp_path, level):
    text = make_model().write(tmp_path / "model.arpa").read_bytes()
    # Comments enough for several blocks, matches of every distance, and two members.
    rng = random.Random(level)
    words = ["".join(rng.choices("abcdefgh", k=rng.randint(1, 9))) for _ in range(300)]
    noise = "".join(f"# {' '.join(rng.choices(words, k=9))}\n" for _ in range(3000)).encode()
    path = tmp_path / "model.arpa.gz"
    path.write_bytes(gzip.compress(noise, level) + gzip.compress(text, level))
    expect_scores(path, make_model(), 2e-5)


def test_gzip_of_fixed_codes(tmp_path):
    text = make_model().write(tmp_path / "model.arpa").read_bytes()
    packer = zlib.compressobj(9, zlib.DEFLATED, 31, 9, zlib.Z_FIXED)
    path = tmp_path / "model.arpa.gz"
    path.write_bytes(packer.compress(text) + packer.flush())
    expect_scores(path, make_model(), 2e-5)


def test_files_that_are_none(tmp_path, language_model_files):
    refuse(tmp_path / "missing", "No such file")
    refuse(tmp_path, "a directory, expected a file")
    refuse("/dev/null", "not an ordinary file")
    empty = tmp_path / "empty"
    empty.touch()
    refuse(empty, "The file is empty")
    empty.write_bytes(gzip.compress(b""))
    refuse(empty, "The file is empty")
    with pytest.raises(InputError, match="no path"):
        LanguageModel(f"{language_model_files['trie']}\0")


@pytest.mark.parametrize("kind", ["gz", *OPTIONS])
def test_truncated_at_every_byte(language_model_files, tmp_path, kind):
    path = tmp_path / "truncated"
    shutil.copy(language_model_files[kind], path)
    size = path.stat().st_size
    # All of the header and of the end, and every seventh byte between them.
    places = {*range(1, 160), *range(160, size - 60, 7), *range(max(size - 60, 1), size)}
    with path.open("r+b") as file:
        for place in sorted(places, reverse=True):
            file.truncate(place)
            with pytest.raises(InputError):
                LanguageModel(path)


def test_truncated_arpa(language_model_files, tmp_path):
    text = language_model_files["arpa"].read_bytes()
    path = tmp_path / "truncated.arpa"
    for size in range(1, len(text) - len(b"\\end\\\n") + 1, 11):
        path.write_bytes(text[:size])
        refuse(path, r"line \d+|neither a KenLM binary nor an ARPA file")


@pytest.mark.parametrize("kind", OPTIONS)
def test_headers_of_others(changed, language_model_files, kind):
    content = language_model_files[kind].read_bytes()
    assert content[FIXED] == 3
    swapped = struct.pack(">3f3IQ", 0, 1, -0.5, 1, 2**32 - 1, 0, 1)
    refuse(changed(kind, TEST_VALUES, swapped), "other byte order.*from its ARPA file")
    refuse(changed(kind, TEST_VALUES, b"\1"), "header is damaged, or was written by another kind")
    refuse(changed(kind, 49, b"4"), "not of version 5")
    refuse(changed(kind, 35, b"incomplete\n"), "neither a KenLM binary")
    unfinished = b"mmap lm http://kheafield.com/code incomplete\n"
    refuse(changed(kind, 0, unfinished), "unfinished: build_binary was interrupted")
    refuse(changed(kind, 0, b"M"), r"neither a KenLM binary nor an ARPA file.*\\data\\")
    refuse(changed(kind, FIXED, b"\7"), "order 7; at most 6")
    refuse(changed(kind, FIXED, b"\1"), "order is 1")
    for multiplier in (0.5, float("nan"), float("inf"), 1e30):
        data = struct.pack("<f", multiplier)
        refuse(changed(kind, FIXED + 4, data), "impossible size multiplier")
    refuse(changed(kind, FIXED + 8, b"\6"), "unknown type 6")
    refuse(changed(kind, FIXED + 16, b"\x09"), "version 9")
    refuse(changed(kind, FIXED + 12, b"\2"), "impossible values")
    for count in (2**32, 2**60, 2**64 - 1):
        for order in range(3):
            refuse(changed(kind, COUNTS + 8 * order, struct.pack("<Q", count)), "damaged")


def test_spelling_is_checked(changed, language_model_files):
    for kind in OPTIONS:
        at = language_model_files[kind].read_bytes().rindex(b"cat\0")
        refuse(changed(kind, at, b"b"), "not found by its spelling")
        refuse(changed(kind, at, b"\0"), r"spells 10 words, expected 9")


ARPA_FAULTS = {
    "the counts are cut off": ("ngram 2=", "ngrm 2=", r"line 3: found \"ngrm 2=\d+\""),
    "a count is no number": ("ngram 1=9", "ngram 1=many", r"line 2: found \"ngram 1=many\""),
    "a count is absurd": ("ngram 3=", "ngram 3=9999999999", "line 4: .* cannot hold"),
    "a count is larger than all": ("ngram 2=", f"ngram 2={9**30}", "line 3: found"),
    "a count is too small": (
        "ngram 1=9",
        "ngram 1=8",
        r"near line 1\d: .*missing </s>",
    ),
    "a section is missing": ("\\2-grams:", "\\4-grams:", "near line 1[5-8]: .*2-grams:"),
    "a score is no number": ("-99.000000\t<s>", "low\t<s>", 'near line [6-9]: .*"low"'),
    "a score is positive": ("-99.000000\t<s>", "3.5\t<s>", "near line [6-9]: Positive log"),
    "the separator is missing": ("-99.000000\t<s>", "-99.000000 <s>", "near line [6-9]: .*tab"),
    "a word is unknown": (" cat\t", " dog\t", "near line [0-9]+: Word dog was not seen"),
    "the end is missing": ("\\end\\", "", "near line [0-9]+: End of file"),
    "there is more": ("\\end\\\n", "\\end\\\nmore\n", "near line [0-9]+: Trailing line more"),
    "it is not UTF-8": (" cat\t", " \udcff\udcfe\t", r"near line [0-9]+: Word \?\? was not seen"),
}


@pytest.mark.parametrize("fault", ARPA_FAULTS)
def test_faults_of_arpa_files(language_model_files, tmp_path, fault):
    before, after, match = ARPA_FAULTS[fault]
    text = language_model_files["arpa"].read_text()
    path = tmp_path / "faulty.arpa"
    path.write_text(text.replace(before, after, 1), errors="surrogateescape")
    assert before in text
    refuse(path, match)
    path.write_bytes(gzip.compress(path.read_bytes()))
    refuse(path, match)


def test_unigrams_alone(tmp_path):
    path = tmp_path / "unigrams.arpa"
    path.write_text("\\data\\\nngram 1=2\n\n\\1-grams:\n-1\t<s>\n-1\ta\n\n\\end\\\n")
    refuse(path, "only unigrams are declared")


DAMAGE = """
import random, sys
from ctc_decoder_with_lm import BeamSearchDecoder, LanguageModel
from open_seq2seq.decoders.beam_search import lexicon_note
from open_seq2seq.errors import InputError
refused = 0
rng = random.Random(int(sys.argv[1]))
for path in sys.argv[3:]:
    original = open(path, "rb").read()
    for _ in range(150):
        content = bytearray(original)
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(content) if rng.random() < 0.5 else 160)
            content[place] = rng.choice([0, 255, content[place] ^ 1 << rng.randrange(8)])
        open(sys.argv[2], "wb").write(content)
        try:
            model = LanguageModel(sys.argv[2])
            for _ in range(4):
                found = model.score(rng.choices(model.words(), k=12))
                assert all(-2e9 < score < 2e9 for score, _ in found)
        except InputError:
            refused += 1
print(refused)
"""


def test_damaged_files(language_model_files, tmp_path):
    """A crash would end the other process with a signal."""
    files = [str(language_model_files[kind]) for kind in KINDS]
    command = [sys.executable, "-c", DAMAGE, "7", str(tmp_path / "damaged"), *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert 150 < int(done.stdout) < 150 * len(files)
