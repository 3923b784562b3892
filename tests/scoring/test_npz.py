import io
import zipfile

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.scoring.npz import NpzFile, NpzWriter, is_npz


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_files_of_numpy_are_read_in_their_order(tmp_path, save):
    arrays = {"b": np.arange(6.0).reshape(2, 3), "a": np.ones((1, 3), np.float32),
              "c": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(3, 2))}  # fmt: skip
    save(tmp_path / "x.npz", **arrays)
    found = NpzFile(tmp_path / "x.npz")
    assert list(found) == ["b", "a", "c"]
    for key, array in arrays.items():
        assert np.array_equal(found[key], array) and found[key].dtype == array.dtype
    assert is_npz(tmp_path / "x.npz")


def test_any_key_is_written_and_numpy_reads_it(tmp_path):
    arrays = {"file": np.ones((2, 2), np.float32), "sp1/utt 2": np.zeros((1, 2), np.float32)}
    with NpzWriter(tmp_path / "x.npz") as writer:
        for key, array in arrays.items():
            writer.write(key, array)
        assert not (tmp_path / "x.npz").exists()
    with np.load(tmp_path / "x.npz", allow_pickle=False) as found:
        assert {key: found[key].tolist() for key in found.files} == {
            key: array.tolist() for key, array in arrays.items()
        }


def test_a_failure_leaves_no_file(tmp_path):
    with pytest.raises(ValueError, match="stop"), NpzWriter(tmp_path / "x.npz") as writer:
        writer.write("a", np.ones((1, 1)))
        raise ValueError("stop")
    assert list(tmp_path.iterdir()) == []


def test_pickles_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.array([{}], object))
    with pytest.raises(InputError, match="a: found values of object, expected numbers"):
        NpzFile(tmp_path / "x.npz")["a"]


def test_a_header_that_promises_too_much_is_not_believed(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (10**9, 10**6)}
    )
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.npy", header.getvalue() + b"\0" * 8)
    with pytest.raises(InputError, match=r"\[1000000000, 1000000\] of float32 in \d+ bytes"):
        NpzFile(tmp_path / "x.npz")["a"]


@pytest.mark.parametrize(
    "step", [pytest.param(11, id="few"), pytest.param(1, id="all", marks=pytest.mark.slow)]
)
def test_every_cut_file_ends_in_a_sentence(step, tmp_path):
    np.savez_compressed(tmp_path / "x.npz", a=np.arange(40.0).reshape(4, 10), b=np.ones((1, 1)))
    content = (tmp_path / "x.npz").read_bytes()
    for size in range(0, len(content), step):
        (tmp_path / "cut.npz").write_bytes(content[:size])
        with pytest.raises(InputError, match="cannot be read"):
            for key in (found := NpzFile(tmp_path / "cut.npz")):
                found[key]
