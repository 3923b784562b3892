"""Files of logits: every kind that is read, and everything that is refused."""

import os
import pickle

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.stored_logits.logits_file import read_logits
from open_seq2seq.stored_logits.stored import read_stored
from tests.stored_logits.small import SYMBOLS, dump, logits_of


def stored(path, content, protocol=4):
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_dump_of_inference(tmp_path, protocol, dtype):
    content = dump(step_size=np.float32(0.04))
    content["logits"] = {k: v.astype(dtype) for k, v in content["logits"].items()}
    file = read_logits(stored(tmp_path / "x.pkl", content, protocol))
    assert file.names == [f"{i}.wav" for i in range(5)]
    assert file.symbols == SYMBOLS and file.step_size == pytest.approx(0.04)
    for mine, given in zip(file.logits, content["logits"].values()):
        np.testing.assert_array_equal(mine, given)


def test_bare_arrays(tmp_path):
    arrays = list(dump()["logits"].values())
    file = read_logits(stored(tmp_path / "x.pkl", arrays))
    assert file.names is None and file.step_size is None and file.symbols is None
    assert [len(one) for one in file.logits] == [len(one) for one in arrays]
    ragged = np.empty(len(arrays), object)
    ragged[:] = arrays
    assert len(read_logits(stored(tmp_path / "y.pkl", ragged)).logits) == 5
    assert len(read_logits(stored(tmp_path / "z.pkl", np.zeros((3, 7, 6)))).logits) == 3


def test_archives(tmp_path):
    logits = dump()["logits"]
    np.savez(tmp_path / "named.npz", **logits, vocab=np.array(SYMBOLS), step_size=0.04)
    file = read_logits(tmp_path / "named.npz")
    assert file.names == list(logits) and file.symbols == SYMBOLS and file.step_size == 0.04

    arrays = list(logits.values())
    np.savez(
        tmp_path / "flat.npz",
        keys=list(logits),
        lengths=[len(one) for one in arrays],
        logits=np.concatenate(arrays).astype(np.float16),
        texts=["one"] * 5,
    )
    file = read_logits(tmp_path / "flat.npz")
    assert file.names == list(logits) and file.references == ["one"] * 5
    for mine, given in zip(file.logits, arrays):
        np.testing.assert_array_equal(mine, given.astype(np.float16))


class Harmful:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_cannot_run_anything(tmp_path, protocol):
    mark = tmp_path / "it ran"
    content = {"logits": {"a.wav": Harmful(f"touch '{mark}'")}}
    with pytest.raises(InputError, match=r"system.*NumPy arrays"):
        read_logits(stored(tmp_path / "x.pkl", content, protocol))
    assert not mark.exists()


@pytest.mark.parametrize("value", [eval, np.load, np.testing, InputError])
def test_other_objects_are_refused(tmp_path, value):
    try:
        path = stored(tmp_path / "x.pkl", {"logits": value})
    except TypeError:  # modules cannot be pickled
        path = tmp_path / "x.pkl"
        path.write_bytes(b"cnumpy\nf2py\n.")
    with pytest.raises(InputError, match="found an object of"):
        read_logits(path)


@pytest.mark.parametrize("content", [b"", b"no pickle", b"\x80\x04\x95", b"PK\x03\x04"])
def test_damaged_files(tmp_path, content):
    (tmp_path / "x.pkl").write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        read_logits(tmp_path / "x.pkl")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (6, 1),  # encrypted
        (8, 77),  # a compression that nobody knows
        (4, 255),  # a version of ZIP
    ],
)
def test_archives_that_zip_cannot_read(tmp_path, place, value):
    np.savez(tmp_path / "x.npz", a=np.zeros((2, 3), np.float32))
    content = bytearray((tmp_path / "x.npz").read_bytes())
    central = content.index(b"PK\1\2")
    content[place] = content[central + place + 2] = value
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(InputError, match="a damaged archive"):
        read_logits(tmp_path / "x.npz")


def test_truncated_files(tmp_path):
    whole = pickle.dumps(dump())
    for size in range(1, len(whole) - 1, 997):
        (tmp_path / "x.pkl").write_bytes(whole[:size])
        with pytest.raises(InputError):
            read_logits(tmp_path / "x.pkl")
    np.savez(tmp_path / "x.npz", **dump()["logits"])
    whole = (tmp_path / "x.npz").read_bytes()
    for size in range(1, len(whole) - 1, 997):
        (tmp_path / "y.npz").write_bytes(whole[:size])
        with pytest.raises(InputError):
            read_logits(tmp_path / "y.npz")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"scores": 1}, "a dictionary with 'scores', expected `logits`"),
        ({"logits": [1]}, "list, expected `logits`, a dictionary"),
        ("text", "found str"),
        ({"logits": {}}, "no utterances"),
        (np.zeros((3, 4)), r"shape \(3, 4\)"),
        (dump(step_size="fast"), "step_size 'fast'"),
        (dump(step_size=0), "step_size 0"),
        (dump(vocab={0: "a", 2: "b"}), "classes"),
    ],
)
def test_other_content(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read_logits(stored(tmp_path / "x.pkl", content))


def test_every_unfit_array_is_named(tmp_path):
    bad = logits_of("ab", 0)
    bad[3, 2] = np.nan
    more = {"n.wav": bad, "w.wav": np.zeros((4, 7), np.float32), "i.wav": np.zeros((4, 6), int)}
    content = dump()
    content["logits"] |= more
    with pytest.raises(InputError) as error:
        read_logits(stored(tmp_path / "x.pkl", content))
    places = [problem.where.rsplit(" ")[-1] for problem in error.value.problems]
    assert places == ["n.wav", "w.wav", "i.wav"]
    assert "nan at frame 3, class 2" in str(error.value)
    assert "7 classes, expected 6, as in the others" in str(error.value)


def test_the_vocabulary_must_be_that_of_the_logits(tmp_path):
    path = str(stored(tmp_path / "x.pkl", dump()))
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text(" \na\nc\nb\né\n")
    with pytest.raises(InputError) as error:
        read_stored(path, vocab=str(vocabulary))
    assert [p.where.split(": ")[-1] for p in error.value.problems] == ["class 2", "class 3"]
    vocabulary.write_text(" \na\nb\n")
    with pytest.raises(InputError, match="6 classes, expected 4: 3 symbols and the blank"):
        read_stored(path, vocab=str(vocabulary))
    vocabulary.write_text("\n".join(SYMBOLS))
    assert read_stored(path, vocab=str(vocabulary)).vocabulary.symbols == SYMBOLS
    bare = str(stored(tmp_path / "bare.pkl", {"logits": dump()["logits"]}))
    with pytest.raises(InputError, match="Give --vocab"):
        read_stored(bare)
    found = read_stored(bare, vocab=str(vocabulary))
    assert found.step_size == 0.02 and "no step_size" in found.notes[0]
