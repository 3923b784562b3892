"""Archives that Kaldi wrote, read whole and by their headers."""

from pathlib import Path

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.kaldi_io import read_object, read_table, scan_ark

DATA = Path(__file__).parent / "data"
FEATURES = "AMI_ES2011a_H00_FEE041_0004332_0004439"


def one(path, **options):
    ((key, array),) = read_table(path, **options)
    return key, array


def test_features_of_kaldi():
    key, array = one(DATA / "feats.ark")
    assert (key, array.shape, array.dtype) == (FEATURES, (105, 13), np.float32)
    # As copy-feats prints them; the archive was made by decompressing the other one.
    np.testing.assert_array_equal(one(DATA / "feats_compressed.ark")[1], array)


@pytest.mark.parametrize("name", ["ali", "conf"])
def test_binary_and_text_are_the_same(name):
    key, array = one(DATA / f"{name}.ark")
    text_key, text = one(DATA / f"{name}.txt")
    assert key == text_key
    assert array.dtype == text.dtype == (np.int32 if name == "ali" else np.float32)
    np.testing.assert_allclose(array, text, rtol=1e-6)


@pytest.mark.parametrize("path", sorted(DATA.glob("*.[at][rx]*")), ids=lambda path: path.name)
def test_headers_alone_say_the_same(path):
    key, array = one(path)
    (entry,) = scan_ark(path)
    assert (entry.key, entry.shape) == (key, array.shape)
    assert entry.offset == len(key) + 1
    np.testing.assert_array_equal(read_object(f"{path}:{entry.offset}"), array)


@pytest.mark.parametrize("name", ["feats.ark", "feats_compressed.ark", "conf.ark", "ali.ark"])
def test_mapped_files_give_the_same(name):
    np.testing.assert_array_equal(one(DATA / name, memory_map=True)[1], one(DATA / name)[1])


def test_views_of_a_mapped_file_outlive_its_reading():
    array = one(DATA / "feats.ark", memory_map=True)[1]
    assert not array.flags.owndata and not array.flags.writeable
    assert np.isfinite(array).all()


def text_table(tmp_path, content):
    path = tmp_path / "table"
    path.write_bytes(content)
    return dict(read_table(path))


def test_all_forms_of_text(tmp_path):
    found = text_table(
        tmp_path,
        b"a  [\n  1 2\n  3 4 ]\nb [ 1 2 ; 3 4 ]\nc [ ]\nd []\r\ne\t [ 1.5 -2e3 inf nan ]\n"
        b"f 1 -2 3\r\ng \nh 7\n",
    )
    for key in "ab":
        np.testing.assert_array_equal(found[key], [[1, 2], [3, 4]])
    assert found["c"].shape == found["d"].shape == (0,)
    np.testing.assert_array_equal(found["e"], np.array([1.5, -2000, np.inf, np.nan], "f"))
    assert [found[key].tolist() for key in "fgh"] == [[1, -2, 3], [], [7]]


def test_an_empty_compressed_matrix_has_four_bytes_too_many(tmp_path):
    empty = b"a \0BCM " + bytes(20)
    found = text_table(tmp_path, empty + (DATA / "feats.ark").read_bytes())
    assert found["a"].shape == (0, 0)
    assert found[FEATURES].shape == (105, 13)
    path = tmp_path / "table"
    assert [entry.shape for entry in scan_ark(path)] == [(0, 0), (105, 13)]


def test_keys_are_utf8(tmp_path):
    assert list(text_table(tmp_path, "été-1 1\n".encode())) == ["été-1"]
    with pytest.raises(InputError, match="expected a key"):
        text_table(tmp_path, b"\xe9t\xe9 1\n")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\0BFM \4\1\0\0\0\4\1\0\0\0\0\0\0\0", "It is one matrix or vector, not an archive"),
        (b" [ 1 2 ]\n", "It is one matrix or vector"),
        (b"a \0B<Nnet3Eg> ", "nnet3-copy-egs reads it"),
        (b"a \0BSM \4\1\0\0\0", "a sparse matrix"),
        (
            b"a \0BFM \4\xff\xff\xff\x7f\4\xff\xff\xff\x7f",
            "to the end of the file, expected a matrix",
        ),
        (b"a \0BFM \4\xff\xff\xff\xff\4\1\0\0\0", "found the size -1"),
        (b"a \0BFM \5\1\0\0\0\4\1\0\0\0", "found the size byte 5"),
        (b"a \0B\4\2\0\0\0\4\1\0\0\0\5\1\0\0\0", "without their size bytes"),
        (b"a [ 1 2\n 3 ]\n", "1 numbers in row 1 of a matrix, 2 in the first"),
        (b"a [ 1 1_0 ]\n", "found '1_0'"),
        (b"a [ 1 2 \n", "no ']' up to the end"),
        (b"a 1 2147483648\n", "a whole number of 32 bits"),
        (b"a 1.5\n", "found '1.5'"),
        (b"a", "the key a at the end"),
        (b"A" * 5000, "without a space"),
        (b"RIFF\x24\0\0\0WAVE", "expected a key"),
    ],
)
def test_what_is_no_archive(content, says, tmp_path):
    with pytest.raises(InputError) as error:
        text_table(tmp_path, content)
    assert says in str(error.value)
    assert "byte" in str(error.value)
