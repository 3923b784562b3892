"""Archives that are written whole or not at all, and read by Kaldi's own code."""

import kaldi_native_io
import numpy as np
import pytest

from open_seq2seq.errors import InputError, RunError
from open_seq2seq.kaldi_io import ArkWriter, open_writer, read_table

X = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)


@pytest.mark.parametrize("text", [False, True], ids=["binary", "text"])
def test_kaldi_reads_what_is_written(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kinds = {
        "FloatMatrix": X,
        "DoubleMatrix": X.astype(np.float64) * np.pi,
        "FloatVector": X[0],
        "DoubleVector": X[0].astype(np.float64) * np.pi,
        "Int32Vector": np.array([3, -1, 2**31 - 1]),
    }
    for name, array in kinds.items():
        with ArkWriter("x.ark", "x.scp", text=text) as writer:
            writer.write("a", array)
            writer.write("é", array[:2])
        with getattr(kaldi_native_io, f"Sequential{name}Reader")("scp:x.scp") as reader:
            read = {key: np.array(value) for key, value in reader}
        assert list(read) == ["a", "é"]
        np.testing.assert_array_equal(read["a"], array)
        ours = dict(read_table("x.ark"))
        np.testing.assert_array_equal(
            ours["é"], array[:2].astype(np.float32) if text else array[:2]
        )


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (0,), (3, 0)], ids=str)
@pytest.mark.parametrize("kind", [None, "CM"])
@pytest.mark.parametrize("text", [False, True])
def test_empty_ones(shape, kind, text, tmp_path):
    if kind == "CM" and len(shape) == 1:
        kind = None
    with ArkWriter(tmp_path / "x.ark", text=text, kind=kind) as writer:
        writer.write("a", np.zeros(shape, np.float32))
        writer.write("b", X)
    found = dict(read_table(tmp_path / "x.ark"))
    assert found["a"].size == 0
    assert found["b"].shape == X.shape


def test_other_numbers_become_float32(tmp_path):
    with ArkWriter(tmp_path / "x.ark") as writer:
        writer.write("half", X.astype(np.float16))
        writer.write("whole", np.arange(6).reshape(2, 3))
    found = dict(read_table(tmp_path / "x.ark"))
    assert {array.dtype for array in found.values()} == {np.dtype(np.float32)}


def test_nothing_is_there_until_all_of_it_is(tmp_path):
    ark, scp = tmp_path / "x.ark", tmp_path / "x.scp"
    with ArkWriter(ark, scp) as writer:
        writer.write("old", X)
    before = ark.read_bytes(), scp.read_bytes()
    with pytest.raises(ZeroDivisionError), ArkWriter(ark, scp) as writer:
        writer.write("new", X)
        assert (ark.read_bytes(), scp.read_bytes()) == before
        raise ZeroDivisionError
    assert (ark.read_bytes(), scp.read_bytes()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.ark", "x.scp"]


@pytest.mark.parametrize(
    ("key", "array", "kind"),
    [
        ("a b", X, None),
        ("", X, None),
        ("a", X, "FV"),
        ("a", X[0], "CM"),
        ("a", X[None], None),
        ("a", np.array([2**31]), None),
        ("a", np.array([[np.nan]]), "CM2"),
        ("a", np.array([["x"]]), None),
    ],
)
def test_what_cannot_be_written(key, array, kind, tmp_path):
    with (
        pytest.raises(InputError, match="cannot be written"),
        ArkWriter(tmp_path / "x.ark", kind=kind) as writer,
    ):
        writer.write(key, array)
    assert not (tmp_path / "x.ark").exists()


def test_a_key_twice(tmp_path):
    with pytest.raises(InputError, match="a again"), ArkWriter(tmp_path / "x.ark") as writer:
        writer.write("a", X)
        writer.write("a", X)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="could not be written"), ArkWriter(tmp_path / "file/x.ark"):
        pass


def test_specifiers(tmp_path):
    with open_writer(f"ark,scp,t:{tmp_path}/x.txt,{tmp_path}/x.scp") as writer:
        writer.write("a", X[:1, :1])
    assert (tmp_path / "x.txt").read_text().startswith("a  [\n  ")
    assert (tmp_path / "x.scp").read_text() == f"a {tmp_path}/x.txt:2\n"
    np.testing.assert_array_equal(dict(read_table(tmp_path / "x.scp"))["a"], X[:1, :1])
    for wrong in ("scp:x.scp", "ark:| cat", "ark,scp:x.ark", "ark:"):
        with pytest.raises(InputError):
            open_writer(wrong)
