"""NPZ files of utterances: an array for each, named by its key."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import replaced, unwritable

_SUFFIX = ".npy"
_REMEDY = "Write it with numpy.savez or numpy.savez_compressed."
_ZIP = b"PK\x03\x04", b"PK\x05\x06"


def is_npz(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as a ZIP archive does."""
    try:
        with open(path, "rb") as file:
            return file.read(4) in _ZIP
    except OSError:
        return False


class NpzFile(Mapping[str, np.ndarray]):
    """The arrays of an NPZ file in its order, each read when it is asked for. Pickles never are.

    Args:
      path: the file.

    Raises:
      InputError: it is none; reading: an array is damaged, or not of numbers.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        try:
            self._archive = zipfile.ZipFile(self.path)
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise self._wrong("", f"no NPZ file ({error})", "arrays in a ZIP archive") from error
        self._members: dict[str, zipfile.ZipInfo] = {}
        for one in self._archive.infolist():
            key = one.filename.removesuffix(_SUFFIX)
            if key in self._members:
                raise self._wrong(key, "this name twice", "one array for a name")
            self._members[key] = one

    def __getitem__(self, key: str) -> np.ndarray:
        member = self._members[key]
        try:
            with self._archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                read_header = (
                    np.lib.format.read_array_header_1_0
                    if version == (1, 0)
                    else np.lib.format.read_array_header_2_0
                )
                shape, fortran, dtype = read_header(file)
                if dtype.kind not in "fiu":
                    raise self._wrong(key, f"values of {dtype}", "numbers")
                size = int(np.prod(shape, dtype=object)) * dtype.itemsize
                # What the header promises is compared with the file before memory is asked for.
                if size > member.file_size:
                    raise self._wrong(
                        key, f"{list(shape)} of {dtype} in {member.file_size} bytes", "all of it"
                    )
                content = file.read(size)
        except (ValueError, EOFError, OSError, SyntaxError, zipfile.BadZipFile, zlib.error,
                NotImplementedError, RuntimeError, MemoryError) as error:  # fmt: skip
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise self._wrong(key, f"a damaged array ({reason})", "an array") from error
        if len(content) < size:
            raise self._wrong(key, f"{len(content)} bytes", f"{size}")
        array = np.frombuffer(content, dtype)
        return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)

    def _wrong(self, key: str, found: str, expected: str) -> InputError:
        where = f"{self.path}: {key}" if key else str(self.path)
        problem = Problem(where, found, expected, _REMEDY)
        return InputError(f"{self.path} cannot be read:", [problem])

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


class NpzWriter:
    """Writes arrays one after the other, uncompressed, as `numpy.savez` does.

    The file takes its name when the block ends well; until then it is a draft. Any key will do,
    "file" too, which `numpy.savez` cannot write.

    Args:
      path: the file.

    Raises:
      RunError: it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)

    def __enter__(self) -> NpzWriter:
        try:
            self._replaced = replaced(self.path)
            self._archive = zipfile.ZipFile(self._replaced.__enter__(), "w", zipfile.ZIP_STORED)
        except OSError as error:
            raise unwritable(self.path, error) from error
        return self

    def write(self, key: str, array: np.ndarray) -> None:
        """Adds an array."""
        try:
            with self._archive.open(key + _SUFFIX, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
        except OSError as error:
            raise unwritable(self.path, error) from error

    def __exit__(self, *error: object) -> None:
        try:
            self._archive.close()
            self._replaced.__exit__(*error)  # type: ignore[arg-type]
        except OSError as why:
            raise unwritable(self.path, why) from why
