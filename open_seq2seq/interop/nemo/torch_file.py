"""PyTorch's files of weights, in both of their forms, without PyTorch."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from open_seq2seq.interop.nemo.refusal import refused_if_damaged
from open_seq2seq.interop.nemo.torch_pickle import (
    DTYPES,
    Refused,
    Storage,
    StoredTensor,
    load_pickle,
)

_ZIP = b"PK\x03\x04"
# What the form before PyTorch 1.6 begins with: a magic number, a version.
_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001
_MOST_PICKLE = 1 << 28
EXPECTED = "weights that PyTorch wrote"


@dataclass(frozen=True)
class TorchFile:
    """An open file of weights; numbers are read when they are asked for.

    Args:
      name: of the file, for messages.
      content: what was saved: dictionaries, lists, text, numbers and `StoredTensor`s.
      numbers: those of a storage, `[count]`.
    """

    name: str
    content: Any
    numbers: Callable[[Storage], np.ndarray]

    def read(self, tensor: StoredTensor, what: str) -> np.ndarray:
        """The numbers of a tensor, an array of its own.

        Args:
          tensor: of `content`.
          what: its name, for messages.

        Raises:
          InputError: they are not there, or damaged.
        """
        with refused_if_damaged(f"{self.name}, {what}", EXPECTED):
            return tensor.of(self.numbers(tensor.storage))


def open_torch_file(stream: BinaryIO, name: str) -> TorchFile:
    """Opens a file of weights; the stream stays open as long as numbers are read.

    Args:
      stream: seekable, at its beginning.
      name: of the file, for messages.

    Raises:
      InputError: it is none, is damaged, or holds more than data.
    """
    with refused_if_damaged(name, EXPECTED):
        first = stream.read(len(_ZIP))
        stream.seek(0)
        return _zipped(stream, name) if first == _ZIP else _legacy(stream, name)


def _zipped(stream: BinaryIO, name: str) -> TorchFile:
    """The form of PyTorch 1.6 and later: a zip of a pickle and raw storages, not compressed."""
    archive = zipfile.ZipFile(stream)
    found = [one for one in archive.namelist() if one.endswith("/data.pkl")]
    if len(found) != 1:
        raise Refused(f"{len(found)} members named data.pkl")
    prefix = found[0].removesuffix("data.pkl")

    def member(key: str, most: int) -> zipfile.ZipInfo:
        info = archive.getinfo(prefix + key)
        if info.compress_type != zipfile.ZIP_STORED:
            raise Refused(f"a compressed {key[:40]}")
        if info.file_size > most:
            raise Refused(f"{info.file_size} bytes of {key[:40]}, at most {most}")
        return info

    def numbers(storage: Storage) -> np.ndarray:
        dtype = DTYPES[storage.kind]
        size = storage.count * dtype.itemsize
        info = member(f"data/{storage.key}", size)
        if info.file_size != size:
            raise Refused(f"{info.file_size} bytes for {storage.count} numbers")
        return np.frombuffer(archive.read(info), dtype)

    if f"{prefix}byteorder" in archive.namelist():
        order = archive.read(member("byteorder", 16))
        if order.strip() != b"little":
            raise Refused(f"numbers in the byte order {order!r}")
    with archive.open(member("data.pkl", _MOST_PICKLE)) as pickled:
        content, _ = load_pickle(pickled)  # type: ignore[arg-type]
    return TorchFile(name, content, numbers)


def _legacy(stream: BinaryIO, name: str) -> TorchFile:
    """The form before PyTorch 1.6: five pickles, then each storage's count and numbers."""
    magic, _ = load_pickle(stream)
    if magic != _MAGIC:
        raise Refused("another magic number")
    version, _ = load_pickle(stream)
    system, _ = load_pickle(stream)
    if version != _VERSION or not isinstance(system, dict) or system.get("little_endian") is False:
        raise Refused("another version, or numbers in another byte order")
    content, storages = load_pickle(stream)
    keys, _ = load_pickle(stream)
    if not isinstance(keys, (list, tuple)) or set(keys) != storages.keys():
        raise Refused("other storages than its tensors have")
    places: dict[str, int] = {}
    for key in keys:
        (count,) = struct.unpack("<q", stream.read(8))
        storage = storages[key]
        if count != storage.count:
            raise Refused(f"{count} numbers for {storage.count}")
        places[key] = stream.tell()
        stream.seek(count * DTYPES[storage.kind].itemsize, 1)

    def numbers(storage: Storage) -> np.ndarray:
        dtype = DTYPES[storage.kind]
        stream.seek(places[storage.key])
        content = stream.read(storage.count * dtype.itemsize)
        if len(content) != storage.count * dtype.itemsize:
            raise EOFError(f"{len(content)} bytes for {storage.count} numbers")
        return np.frombuffer(content, dtype)

    return TorchFile(name, content, numbers)
