"""Text for language models: files, vocabularies, batches."""

import bz2
import gzip
import io
import lzma
import tarfile

import numpy as np
import pyarrow as pa
import pytest

from open_seq2seq.data import TextDataLayer
from open_seq2seq.data.text_files import read_lines
from open_seq2seq.data.word_vocabulary import WordVocabulary, make_text_vocabulary
from open_seq2seq.errors import InputError

LINES = ["the cat sat", "the dog", "a cat and a dog sat on the mat", "dog", "the the the the"]


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(LINES) + "\n")
    return path


def layer(text, mode="train", batch_size=2, share=None, **more):
    params = {"vocab_file": str(text.parent / "words.txt"), "dataset_files": [str(text)], **more}
    return TextDataLayer(params, mode=mode, batch_size=batch_size, seed=3, **(share or {}))


def test_text_csv_and_gzip_are_read_alike(tmp_path):
    (tmp_path / "a.txt").write_text("One  line\n\n two \r\n")
    with gzip.open(tmp_path / "b.txt.gz", "wt") as file:
        file.write("three\n")
    (tmp_path / "c.csv").write_text(
        'wav_filename,wav_filesize,transcript\nx,0,"four, five"\ny,0,\n'
    )
    files = [str(tmp_path / name) for name in ("a.txt", "b.txt.gz", "c.csv")]
    lines = [(source.rpartition("/")[2], line) for source, line in read_lines(files, True)]
    assert lines == [("a.txt:1", "one line"), ("a.txt:3", "two"), ("b.txt.gz:1", "three"),
                     ("c.csv:2", "four, five")]  # fmt: skip


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst", "tar", "tar.xz"])
def test_compressed_text_is_read_as_it_is(tmp_path, suffix):
    text = "".join(f"line {number}\n" for number in range(3000)).encode()
    file = tmp_path / f"a.txt.{suffix}"
    name = f"a.txt.{suffix}"
    if "tar" in suffix:
        with tarfile.open(file, f"w:{suffix.partition('.')[2]}") as tar:
            for member, data in (("x/b.txt", text), ("c.wav", b"\xff"), ("d.csv", b"transcript\n")):
                info = tarfile.TarInfo(member)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        name += "/x/b.txt"
    elif suffix == "zst":
        file.write_bytes(pa.compress(text, "zstd", asbytes=True))
    else:
        file.write_bytes({"gz": gzip, "bz2": bz2, "xz": lzma}[suffix].compress(text))
    lines = list(read_lines([str(file)]))
    assert lines == [(f"{tmp_path}/{name}:{n + 1}", f"line {n}") for n in range(3000)]


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.xz", b"no xz", "a.xz: found"),
        ("a.bz2", b"no bz2", "a.bz2: found"),
        ("a.zst", b"no zstd", "a.zst: found"),
        ("a.tar", b"no tar" * 200, "a.tar: found"),
        ("a.tar", bytes(10240), "members that end in"),
        ("a.csv", b"wav_filename,transcripts\nx,y\n", "Rename the column 'transcripts'"),
        ("a.csv", b"transcript,b\nx\n", "found 1 cells, expected 2"),
        ("a.txt", b"caf\xe9\n", "byte 0xE9"),
        ("a.txt.gz", b"no gzip", "a.txt.gz: found"),
        ("a.txt.gz", gzip.compress(b"one", mtime=0)[:10] + b"\xff" * 9, "a.txt.gz: found Error -3"),
        ("missing.txt", None, "No such file"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, name, content, found):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=found):
        list(read_lines([str(tmp_path / name)]))


def test_the_vocabulary_has_the_most_frequent_words(tmp_path):
    path = str(tmp_path / "words.txt")
    make_text_vocabulary(path, LINES, 6, bpe=False)
    # the 7, dog 3, then a, cat and sat twice: the alphabet decides
    assert (tmp_path / "words.txt").read_text().split() == [
        "<S>",
        "<UNK>",
        "the",
        "dog",
        "a",
        "cat",
    ]
    make_text_vocabulary(path, LINES, 99, bpe=False, min_count=3)
    assert (tmp_path / "words.txt").read_text().split() == ["<S>", "<UNK>", "the", "dog"]


def test_a_list_of_openseq2seq_is_used_as_it_is():
    words = WordVocabulary(["a", "<UNK>", "b", "<S>"])
    assert (words.begin, words.end, words.unknown) == (3, 3, 1)
    assert words.encode("b x a").tolist() == [2, 1, 0]
    with pytest.raises(InputError, match="no <S>"):
        WordVocabulary(["a", "<UNK>"])
    with pytest.raises(InputError, match="'a' twice"):
        WordVocabulary(["a", "<UNK>", "<S>", "a"])


def test_a_batch_has_each_token_before_its_target(text):
    data = layer(text, vocab_size=4)  # <S>, <UNK>, the, dog
    rows = {}
    for batch in data.batches():
        assert batch.tokens.shape == batch.targets.shape
        assert batch.units == batch.lengths.sum()
        for row, length, tokens, targets in zip(
            batch.indices, batch.lengths, batch.tokens, batch.targets
        ):
            rows[int(row)] = tokens[:length].tolist(), targets[:length].tolist()
            assert not tokens[length:].any() and not targets[length:].any()
    assert rows[0] == ([0, 2, 1, 1], [2, 1, 1, 0])
    assert rows[1] == ([0, 2, 3], [2, 3, 0])
    assert sorted(rows) == [0, 1, 2, 3, 4]
    notes = data.check().notes
    assert "5 lines, 19 tokens of 4 kinds; 47.37% are not in the vocabulary." in notes


def test_an_epoch_can_be_entered_anywhere_and_its_order_changes(text):
    def order(epoch, start=0):
        return [batch.indices.tolist() for batch in layer(text, vocab_size=9).batches(epoch, start)]

    whole = order(1)
    assert order(1, 1) == whole[1:] and order(1) == whole
    assert sorted(row for rows in whole for row in rows) == list(range(5))
    assert any(order(epoch) != whole for epoch in range(2, 6))


def test_workers_share_the_batches_of_one(text):
    """Training: the rows of each batch in turn; evaluation: the batches in turn."""
    whole = list(layer(text, vocab_size=9, batch_size=4).batches(1))
    parts = [
        list(layer(text, share={"rank": rank, "world_size": 2}, vocab_size=9).batches(1))
        for rank in range(2)
    ]
    assert [len(batch.indices) for batch in whole] in ([4, 1], [1, 4])
    for expected, *step in zip(whole, *parts, strict=True):
        for rank, part in enumerate(step):
            assert part.is_padding == (rank == len(expected.indices))
            rows = slice(0, 1) if part.is_padding else slice(rank, None, 2)
            for array, one in zip(
                (*part.arrays, part.indices), (*expected.arrays, expected.indices)
            ):
                np.testing.assert_array_equal(array, one[rows])
        assert sum(part.units for part in step) == expected.units
    whole = [batch.indices.tolist() for batch in layer(text, "eval").batches()]
    for rank in range(2):
        data = layer(text, "eval", share={"rank": rank, "world_size": 2, "devices": 3})
        assert [batch.indices.tolist() for batch in data.batches()] == whole[rank::2]
        assert data.batches_per_epoch == len(whole[rank::2])


def test_long_lines_are_left_out_of_training_only(text):
    data = layer(text, vocab_size=9, max_length=5)
    assert [line.transcript for line in data.utterances] == [*LINES[:2], *LINES[3:]]
    assert any("1 lines have more than 5 tokens" in note for note in data.check().notes)
    assert len(layer(text, "eval", max_length=5).utterances) == 5


def test_evaluation_makes_no_vocabulary_and_is_not_shuffled(text):
    with pytest.raises(InputError, match="no such file"):
        layer(text, "eval", vocab_size=9)
    layer(text, vocab_size=9)
    with pytest.raises(InputError, match="Only training data can be shuffled"):
        layer(text, "eval", shuffle=True)


def test_pieces_are_trained_and_spell_the_text(tmp_path):
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abcdef"), 4)) for _ in range(60)]
    path = tmp_path / "text.txt"
    path.write_text("\n".join(" ".join(rng.choice(words, 6)) for _ in range(300)))
    data = layer(path, bpe=True, vocab_size=40, vocab_file=str(tmp_path / "pieces.model"))
    assert data.vocabulary.size == 40
    batch = next(data.batches())
    for row, length, targets in zip(batch.indices, batch.lengths, batch.targets):
        assert targets[length - 1] == data.vocabulary.end
        line = data.utterances[int(row)].transcript
        assert data.vocabulary.decode(targets[: length - 1]) == line


def test_joined_csv_files(tmp_path):
    first, second = "wav_filename,wav_filesize,transcript\nx,0,one\n", "transcript\ntwo\n"
    other = "transcript,wav_filename\nthree,x\n"
    (tmp_path / "a.csv").write_text(first + other + first)
    (tmp_path / "b.csv").write_text(second + second)
    files = [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    lines = [(source.rpartition("/")[2], line) for source, line in read_lines(files)]
    assert lines == [("a.csv:2", "one"), ("a.csv:4", "three"), ("a.csv:6", "one"),
                     ("b.csv:2", "two"), ("b.csv:4", "two")]  # fmt: skip


def test_normalised(tmp_path):
    (tmp_path / "a.txt").write_text("Mr. Smith\n—\nhad 2!\n")
    data = layer(tmp_path / "a.txt", text_normalization="librispeech", vocab_size=10)
    assert [line.transcript for line in data.utterances] == ["mister smith", "had two"]
    assert any("1 lines" in note for note in data.notes)
    assert data.fingerprint_problems(data.fingerprint()) == []
    assert data.fingerprint_problems({"lower_case": False}) != []
