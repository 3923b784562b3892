"""Windows and mel filters of models that were trained elsewhere, in a file."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import write_whole


class StoredFilters(NamedTuple):
    """What a front-end multiplies frames and their spectra with.

    Args:
      filters: `[bin, feature]` float32.
      window: `[window_length]` float32; None: a rectangular one.
    """

    filters: np.ndarray
    window: np.ndarray | None

    @property
    def digest(self) -> str:
        """A SHA-256 of all numbers."""
        content = hashlib.sha256(self.filters.tobytes())
        content.update(b"" if self.window is None else self.window.tobytes())
        return content.hexdigest()


def write_filters(path: Path, stored: StoredFilters) -> None:
    """Writes a file for `filters_file`."""
    arrays = {"filters": np.asarray(stored.filters, np.float32)}
    if stored.window is not None:
        arrays["window"] = np.asarray(stored.window, np.float32)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write_whole(path, buffer.getvalue())


def read_filters(path: str) -> StoredFilters:
    """Reads a file of `write_filters`.

    Raises:
      InputError: it cannot be read, or holds something else.
    """
    try:
        stat = os.stat(path)
        return _read(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise _refused(path, error.strerror or str(error)) from error


@functools.lru_cache(maxsize=8)
def _read(path: str, _changed: int, _size: int) -> StoredFilters:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            filters = np.ascontiguousarray(arrays["filters"], np.float32)
            window = np.asarray(arrays["window"], np.float32) if "window" in arrays else None
    except OSError:
        raise
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise _refused(path, f"{type(error).__name__}: {error}") from error
    fits = filters.ndim == 2 and filters.size > 0 and bool(np.isfinite(filters).all())
    if window is not None:
        fits = fits and window.ndim == 1 and bool(np.isfinite(window).all())
    if not fits:
        raise _refused(path, "arrays of other shapes, or numbers that are not finite")
    return StoredFilters(filters, window)


def _refused(path: str, found: str) -> InputError:
    expected = "an .npz file of filters [bin, feature] and window [sample], finite numbers"
    problem = Problem(f"filters_file {path}", found, expected, "Import the model again.")
    return InputError("The front-end's filters cannot be read:", [problem])
