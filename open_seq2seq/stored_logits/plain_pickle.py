"""Pickles that can hold nothing but NumPy arrays and plain containers.

A pickle is a program: `pickle.load` runs whatever its author wrote. Dumps of logits need
dictionaries, lists, text, numbers and arrays; a file that asks for more is refused before
anything of it is called.
"""

from __future__ import annotations

import collections
import math
import operator
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from open_seq2seq.errors import InputError, Problem

_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")


def load_plain_pickle(path: Path) -> Any:
    """The content of a pickle file of arrays and plain containers, any protocol.

    Raises:
      InputError: the file cannot be read, is no pickle, or holds other objects.
    """
    summary = "The pickle of logits cannot be read:"
    try:
        with open(path, "rb") as stream:
            # Python 2 wrote text and arrays as byte strings, which latin1 keeps as they are.
            return _PlainUnpickler(stream, encoding="latin1").load()
    except OSError as error:
        problem = Problem(str(path), error.strerror or str(error), "a file to read")
        raise InputError(summary, [problem]) from None
    except _Refused as refused:
        remedy = "Such a pickle could run any program when it is loaded."
        expected = "NumPy arrays, dictionaries, lists, text and numbers only"
        raise InputError(summary, [Problem(str(path), str(refused), expected, remedy)]) from None
    except MemoryError:
        # A length that is damaged asks for more than any machine has.
        remedy = "Write it again with --decoder_params/infer_logits_to_pickle=True."
        found = "a length for which there is not enough memory"
        raise InputError(
            summary, [Problem(str(path), found, "a pickle of logits", remedy)]
        ) from None
    except Exception as error:  # a broken stream of opcodes can fail in any way
        found = f"no pickle, or a damaged one ({type(error).__name__}: {error})"
        remedy = "Write it again with --decoder_params/infer_logits_to_pickle=True."
        raise InputError(
            summary, [Problem(str(path), found, "a pickle of logits", remedy)]
        ) from None


class _Refused(Exception):
    """The pickle asks for something that no dump of logits needs."""


# The one in Python: that in C makes a table as long as a damaged number says.
class _PlainUnpickler(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> Callable[..., object] | None:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise _Refused(f"an object of {module}.{name}") from None

    def persistent_load(self, pid: object) -> NoReturn:
        raise _Refused("a reference to an object outside the file")


class _Type:
    """In place of `numpy.dtype`, which believes any description of itself, to the crash.

    Only types of one number or text are made; the byte order comes behind them.
    """

    def __init__(self, name: object, *_: object):
        self._made = np.dtype(name) if isinstance(name, str) else np.dtype(_text(name))
        if self._made.kind not in "?biufcSUO" or self._made.shape or self._made.names:
            raise ValueError(f"an array of {self._made}")

    def __setstate__(self, state: Sequence[object]) -> None:
        order = _text(state[1])
        if order in ("<", ">") and self._made.kind in "iufcU":
            self._made = self._made.newbyteorder("<" if order == "<" else ">")

    def of(self, data: object, shape: object, order: object = "C") -> np.ndarray:
        """The array of these bytes; of a list of objects where it is the type of them."""
        if not isinstance(shape, (tuple, list)):
            raise ValueError(f"{type(shape).__name__} for a shape")
        shape = tuple(map(operator.index, shape))
        if self._made.kind == "O":
            if not isinstance(data, (list, tuple)):
                raise ValueError(f"{type(data).__name__} for a list of objects")
            array = np.empty(len(data), object)
            for place, value in enumerate(data):  # which may be a list
                array[place] = value
        else:
            array = np.frombuffer(_content(data), self._made)
        if min(shape, default=0) < 0 or math.prod(shape) != len(array):
            raise ValueError(f"{len(array)} numbers for the shape {shape}")
        return array.reshape(shape, order="F" if order == "F" else "C")


class _Array(np.ndarray):
    """In place of `numpy.ndarray`: what it is made of is looked at first."""

    def __setstate__(self, state: Sequence[object]) -> None:
        _, shape, kind, is_fortran, data = state
        made = _a_type(kind).of(data, shape, "F" if is_fortran else "C")
        content: Any = made.ravel(order="K").tolist() if made.dtype == object else made.tobytes("A")
        checked: Any = (1, made.shape, made.dtype, bool(is_fortran), content)
        super().__setstate__(checked)


def _empty_array(*_: object) -> _Array:
    return _Array(0)


def _array_of_buffer(data: object, kind: object, shape: object, order: object) -> np.ndarray:
    return _a_type(kind).of(data, shape, order)


def _scalar(kind: object, data: object = b"") -> object:
    return _a_type(kind).of(data, ())[()]


def _a_type(value: object) -> _Type:
    if not isinstance(value, _Type):
        raise ValueError(f"{type(value).__name__} for a type of numbers")
    return value


def _content(data: object) -> bytes:
    """The bytes of an array; Python 2's came as text."""
    if isinstance(data, str):
        return data.encode("latin1")
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise ValueError(f"{type(data).__name__} for the bytes of an array")
    return bytes(data)


def _text(value: object) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else str(value)


def _latin1_bytes(text: str, encoding: str) -> bytes:
    """How protocols 0 to 2 write bytes: text, and the function that encodes it."""
    if encoding != "latin1":
        raise _Refused(f"bytes in encoding {encoding!r}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """How protocols 0 to 2 write empty bytes."""
    return b""


_ALLOWED: dict[tuple[str, str], Callable[..., object] | None] = {
    ("numpy", "ndarray"): None,  # only named, for `_reconstruct`
    ("numpy", "dtype"): _Type,
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("_codecs", "encode"): _latin1_bytes,
    ("__builtin__", "bytes"): _no_bytes,
    ("builtins", "bytearray"): bytearray,
    ("__builtin__", "bytearray"): bytearray,
    **{(module, "_reconstruct"): _empty_array for module in _MULTIARRAY},
    **{(module, "scalar"): _scalar for module in _MULTIARRAY},
    **{(module, "_frombuffer"): _array_of_buffer for module in _NUMERIC},
}
