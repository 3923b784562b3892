"""Script files: places, ranges, commands; and paths that are not there."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from open_seq2seq.errors import InputError, RunError
from open_seq2seq.kaldi_io import ArkWriter, ScpFile, read_object, read_table

X = np.arange(40, dtype=np.float32).reshape(10, 4)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ArkWriter("feats.ark", "feats.scp") as writer:
        writer.write("a", X)
        writer.write("b", -X)
    return tmp_path


def scp(folder, *lines):
    path = folder / "other.scp"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_objects_are_read_when_they_are_asked_for(folder):
    found = ScpFile("feats.scp")
    assert list(found) == ["a", "b"] and len(found) == 2
    np.testing.assert_array_equal(found["b"], -X)
    assert [key for key, _ in read_table("scp:feats.scp")] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "rows", "columns"),
    [
        ("[:]", slice(None), slice(None)),
        ("[2:5]", slice(2, 6), slice(None)),
        ("[0:0,1:2]", slice(0, 1), slice(1, 3)),
        ("[:,3:3]", slice(None), slice(3, 4)),
        ("[8:12]", slice(8, 10), slice(None)),  # up to three rows too many are cut off
    ],
)
def test_ranges_have_both_ends(folder, text, rows, columns):
    path = scp(folder, f"a feats.ark:2{text}")
    np.testing.assert_array_equal(ScpFile(path)["a"], X[rows, columns])


@pytest.mark.parametrize("text", ["[8:13]", "[10:10]", "[0:3,0:4]", "[3:2]", "[a:b]", "[1,2,3]"])
def test_ranges_that_are_not_there(folder, text):
    with pytest.raises(InputError, match="range"):
        list(read_table(scp(folder, f"a feats.ark:2{text}")))


def test_archives_are_beside_the_script(folder, monkeypatch):
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    np.testing.assert_array_equal(ScpFile(folder / "feats.scp")["a"], X)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a", "expected a key and a place"),
        ("", "expected a key and a place"),
        ("a feats.ark:3", "no object's first byte"),
        ("a feats.ark:100", "no object's first byte"),
        ("a feats.ark:99999", "the offset 99999 in feats.ark of"),
        ("a nothing.ark:2", "cannot be read (No such file"),
        ("a | tee x", "a place in a file is not"),
    ],
)
def test_lines_that_are_none(folder, line, says):
    with pytest.raises(InputError) as error:
        list(read_table(scp(folder, line)))
    assert says.lower() in str(error.value).lower()
    assert "other.scp:1" in str(error.value)


def test_a_key_twice(folder):
    path = scp(folder, "a feats.ark:2", "a feats.ark:2[0:1]")
    assert [len(array) for _, array in read_table(path)] == [10, 2]
    with pytest.raises(InputError, match=r"other.scp:2: found a again"):
        ScpFile(path)


def test_commands_run_only_when_that_is_asked_for(folder):
    path = scp(folder, "a cat feats.ark | tail -c +3 |")
    with pytest.raises(InputError, match="--allow_pipes"):
        list(read_table(path))
    ((_, array),) = read_table(path, allow_pipes=True)
    np.testing.assert_array_equal(array, X)


def test_what_a_command_that_fails_said_is_shown(folder):
    with pytest.raises(RunError, match=r"ended with 3: no such thing"):
        list(read_table("ark:echo no such thing >&2; exit 3 |", allow_pipes=True))


def test_gzip_is_read_without_a_command(folder):
    packed = Path("feats.ark.gz")
    packed.write_bytes(gzip.compress(Path("feats.ark").read_bytes()))
    np.testing.assert_array_equal(dict(read_table(packed))["b"], -X)
    packed.write_bytes(packed.read_bytes()[:-30])
    with pytest.raises(InputError, match="gzip"):
        list(read_table(packed))


def test_lines_are_passed_over_only_by_the_option(folder, logged):
    path = scp(folder, "a nothing.ark:2", "b feats.ark:2")
    assert [key for key, _ in read_table(f"scp,p:{path}")] == ["b"]
    assert any("nothing.ark" in text for text in logged)


def test_an_object_without_a_key(folder):
    Path("lda.mat").write_bytes(Path("feats.ark").read_bytes()[2:])
    np.testing.assert_array_equal(read_object("lda.mat[1:2]"), X[1:3])
