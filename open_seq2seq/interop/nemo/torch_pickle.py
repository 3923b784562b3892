"""The pickles inside PyTorch's files: names of tensors, without PyTorch and without running them.

A pickle is a program. This one may make dictionaries, lists, text, numbers and descriptions of
tensors, and nothing else: a file that asks for more is refused before anything of it is called.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

# What PyTorch stores: its storage's class -> how NumPy reads it. bfloat16 is read as whole numbers.
DTYPES: Mapping[str, np.dtype] = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": np.dtype("<u2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}
_MOST_AXES = 16
_LARGEST = 1 << 40
# Numbers of a tensor whose axes repeat a smaller storage.
_MOST_REPEATED = 1 << 22


class Refused(Exception):
    """The file asks for something that no file of weights needs, or contradicts itself."""


@dataclass(frozen=True)
class Storage:
    """Where numbers lie: one of the arrays that tensors are views of.

    Args:
      kind: a key of `DTYPES`.
      key: its name in the file.
      count: how many numbers it has.
    """

    kind: str
    key: str
    count: int


@dataclass(frozen=True)
class StoredTensor:
    """A view of a storage; all in numbers, not bytes."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, numbers: np.ndarray) -> np.ndarray:
        """The tensor as an array of its own; bfloat16 becomes float32.

        Args:
          numbers: the storage's, `[count]`.
        """
        strides = [stride * numbers.itemsize for stride in self.strides]
        view = np.lib.stride_tricks.as_strided(
            numbers[self.offset :], self.shape, strides, writeable=False
        )
        if self.storage.kind == "BFloat16Storage":
            return (view.astype(np.uint32) << 16).view(np.float32)
        return view.copy()


class Names(dict):
    """In place of `collections.OrderedDict`, whose attributes a pickle may set."""

    def __init__(self, items: Any = ()):
        super().__init__(items)

    def __setstate__(self, state: object) -> None:
        """Versions of modules (`_metadata`), which say nothing of the numbers."""


def load_pickle(stream: BinaryIO) -> tuple[Any, dict[str, Storage]]:
    """The next object of a stream, with `StoredTensor`s for tensors, and their storages by key.

    Raises:
      Refused: it asks for something else.
      Exception: of any kind, where it is damaged.
    """
    unpickler = _Unpickler(stream, encoding="utf-8")
    unpickler.storages = {}
    return unpickler.load(), unpickler.storages


# The one in Python: that in C makes a table as long as a damaged number says.
class _Unpickler(pickle._Unpickler):
    storages: dict[str, Storage]

    def find_class(self, module: str, name: str) -> object:
        if module in ("torch", "torch.storage") and name in DTYPES:
            return name
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise Refused(f"an object of {module[:60]}.{name[:60]}") from None

    def persistent_load(self, pid: object) -> Storage:
        if not isinstance(pid, tuple) or len(pid) not in (5, 6) or pid[0] != "storage":
            raise Refused("a reference that is no storage of PyTorch's")
        kind, key, _, count = pid[1:5]
        if len(pid) == 6 and pid[5] is not None:
            raise Refused("a view of a storage, as PyTorch wrote before 0.4")
        if not isinstance(kind, str) or kind not in DTYPES or not isinstance(key, str):
            raise Refused("a storage of an unknown type")
        found = Storage(kind, key, _number(count, "numbers in a storage"))
        if self.storages.setdefault(key, found) != found:
            raise Refused(f"two storages of the name {key[:40]!r}")
        return found


def _number(value: object, what: str) -> int:
    if type(value) is not int or not 0 <= value < _LARGEST:
        raise Refused(f"{str(value)[:40]} {what}")
    return value


def _numbers(values: object, what: str) -> tuple[int, ...]:
    if not isinstance(values, (tuple, list)) or len(values) > _MOST_AXES:
        raise Refused(f"{type(values).__name__} for {what}")
    return tuple(_number(value, what) for value in values)


def _tensor(storage: object, offset: object, shape: object, strides: object, *_: object) -> Any:
    """`torch._utils._rebuild_tensor_v2`, of which the flags for gradients are nothing here."""
    if not isinstance(storage, Storage):
        raise Refused(f"{type(storage).__name__} for a storage")
    first = _number(offset, "for an offset")
    sizes, steps = _numbers(shape, "a shape"), _numbers(strides, "strides")
    if len(sizes) != len(steps):
        raise Refused("a tensor with other strides than axes")
    last = first + sum((size - 1) * step for size, step in zip(sizes, steps))
    if 0 not in sizes and last >= storage.count:
        raise Refused(f"a tensor beyond its storage of {storage.count} numbers")
    size = 1
    for one in sizes:
        size *= one
    if size > max(storage.count, _MOST_REPEATED):
        raise Refused(f"a tensor of {size} numbers in a storage of {storage.count}")
    return StoredTensor(storage, first, sizes, steps)


def _parameter(data: object, *_: object) -> object:
    """`torch._utils._rebuild_parameter`."""
    return data


class _Nothing:
    """In place of objects whose values nobody needs: numbers of NumPy, devices."""

    def __init__(self, *_: object):
        pass

    def __setstate__(self, state: object) -> None:
        pass


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): Names,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "Size"): tuple,
    ("torch", "device"): _Nothing,
    ("numpy", "dtype"): _Nothing,
    ("numpy.core.multiarray", "scalar"): _Nothing,
    ("numpy._core.multiarray", "scalar"): _Nothing,
    ("_codecs", "encode"): _Nothing,
}
