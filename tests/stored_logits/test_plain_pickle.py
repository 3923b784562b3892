"""Pickles of arrays are what NumPy wrote, and nothing that it would believe otherwise."""

import pickle

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.stored_logits.plain_pickle import load_plain_pickle

ARRAYS = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(6, dtype=">f8").reshape(3, 2)[::2],
    np.array([["é", "ab"], ["", "xyz"]]),
    np.array([b"a", b"\xff"]),
    np.array(["a", [1, 2], None], dtype=object),
    np.array([True, False]),
    np.zeros((0, 4), np.float16),
    np.array(2.5),
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_are_what_they_were(tmp_path, protocol):
    path = tmp_path / "x"
    path.write_bytes(pickle.dumps((ARRAYS, np.float32(1.5), np.int64(-3)), protocol=protocol))
    found, real, whole = load_plain_pickle(path)
    assert (real, whole) == (1.5, -3) and real.dtype == np.float32
    for one, expected in zip(found, ARRAYS, strict=True):
        # NumPy loads other byte orders as its own.
        assert one.dtype.newbyteorder("=") == expected.dtype.newbyteorder("=")
        assert one.shape == expected.shape
        assert one.tolist() == expected.tolist()


class Made:
    """Pickled as a call of NumPy's, with a state."""

    def __init__(self, function, arguments, state=None):
        self.made = (function, arguments, state)

    def __reduce__(self):
        return self.made


RECONSTRUCT = np.ndarray(0).__reduce__()[0]


def array_of(kind, shape, data):
    return Made(RECONSTRUCT, (np.ndarray, (0,), b"b"), (1, shape, kind, False, data))


@pytest.mark.parametrize(
    "content",
    [
        array_of(np.dtype("f4"), (2, 3), b"\0" * 23),
        array_of(np.dtype("f4"), (-1, 3), b"\0" * 24),
        array_of(np.dtype("f4"), (2**40, 2**40), b""),
        array_of(np.dtype([("a", "f4")]), (1,), b"\0" * 4),
        array_of(np.dtype("M8[s]"), (1,), b"\0" * 8),
        array_of("f4", (1,), b"\0" * 4),
        # Of objects: the bytes would be taken for their addresses.
        Made(
            np.dtype, ("V8", False, True), (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 8)
        ),
        Made(np.ndarray, ((10**6,),)),
    ],
)
def test_what_numpy_would_believe_is_refused(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match="no pickle, or a damaged one"):
        load_plain_pickle(path)


def test_a_long_memory_is_not_made(tmp_path):
    """A damaged number asks the unpickler in C for 32 GiB."""
    path = tmp_path / "x"
    path.write_bytes(b"\x80\x02]r\xff\xff\xff\x7f.")
    assert load_plain_pickle(path) == []
