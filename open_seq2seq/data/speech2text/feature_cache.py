"""A cache of features on disk, one file per recording.

An entry's name holds all that its numbers depend on: the recording's path, size and
time of change, which segment of it, the front-end's parameters and version. Processes, of several
machines too, may share a cache: a file appears complete or not at all.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from open_seq2seq.config.schema import Param, Params
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.features.fingerprint import FRONT_END_VERSION
from open_seq2seq.files import draft_of, replaced

_log = logging.getLogger(__name__)


CACHE_PARAMS: list[Param] = [
    Param(
        "cache_features",
        bool,
        "Keep computed features on disk and reuse them, those of each speed factor of a list and "
        "of each of augmentation/num_forms.",
        False,
    ),
    Param(
        "cache_dir",
        str,
        "Folder of the cached features; None: feature_cache beside the first dataset file.",
        default=None,
    ),
    Param(
        "cache_format",
        str,
        "File format of cached features; npy is the fastest.",
        default="npy",
        choices=("npy", "npz", "hdf5"),
    ),
    Param(
        "cache_regenerate",
        bool,
        "Compute features once more and replace what earlier runs cached.",
        default=False,
    ),
]

_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
_UNWRITABLE = (OSError, RuntimeError)  # h5py reports a full disk as either
# Start and length in seconds.
Segment = tuple[float | None, float | None]
WHOLE: Segment = (None, None)
_FULL = (errno.ENOSPC, errno.EDQUOT)


class FeatureCache:
    """Stores and finds the features of recordings.

    It caches what the front-end computes from the recording, at its own or another speed and in
    one of a few forms (noise, pauses, level), with the dither that is the same each time; masks
    are applied to what `get` returns.

    Args:
      directory: the cache's folder; made if needed.
      key_parameters: what changes the features besides the recording, as JSON values:
        `FeatureOptions.used()`.
      format: `npy`, `npz` or `hdf5`.
      regenerate: do not use what was stored before this object was made.

    Raises:
      InputError: the folder cannot be made or written to, for another reason than a full disk.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        key_parameters: Params,
        format: str = "npy",
        regenerate: bool = False,
    ):
        key = {"parameters": dict(key_parameters), "version": FRONT_END_VERSION}
        self.directory = Path(directory) / _digest(json.dumps(key, sort_keys=True))
        self._extension = f".{format}"
        self._write, self._read = _FORMATS[format]
        self.enabled = True
        self._oldest = -1
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with replaced(self.directory / "parameters.json") as draft:
                draft.write_text(json.dumps(key, indent=2) + "\n")
            if regenerate:
                self._oldest = _clock(self.directory)
        except OSError as error:
            if error.errno in _FULL:
                self._stop(error)
                return
            found = f"a folder that cannot be written ({error.strerror})"
            raise InputError(
                "Cannot cache features:",
                [Problem(str(directory), found, "a writable folder", "Choose another cache_dir.")],
            ) from error

    def get(
        self,
        path: str | os.PathLike[str],
        segment: Segment = WHOLE,
        speed: float = 1.0,
        form: str = "",
    ) -> np.ndarray | None:
        """The cached features `[time, feature]` of a recording; None when there are none.

        A damaged entry counts as none: compute and `put` replaces it.

        Args:
          path: the audio file.
          segment: where in it the recording starts and its length, in seconds.
          speed: the factor of its length by which it was slowed down.
          form: names what else was done to it: its noise, pauses and level.
        """
        entry = self._entry(path, segment, speed, form)
        if entry is None:
            return None
        try:
            if entry.stat().st_mtime_ns <= self._oldest:
                return None
            return self._read(entry)
        except _UNREADABLE:
            return None

    def put(
        self,
        path: str | os.PathLike[str],
        features: np.ndarray,
        segment: Segment = WHOLE,
        speed: float = 1.0,
        form: str = "",
    ) -> None:
        """Stores the features `[time, feature]` of a recording; arguments as above.

        When the disk is full or not writable, it warns once in each process and stores no more.
        """
        entry = self._entry(path, segment, speed, form)
        if not self.enabled or entry is None:
            return
        try:
            entry.parent.mkdir(exist_ok=True)
            with replaced(entry) as draft:
                self._write(draft, features)
        except _UNWRITABLE as error:
            self._stop(error)

    def _stop(self, error: Exception) -> None:
        if self.enabled:
            self.enabled = False
            reason = getattr(error, "strerror", None) or error
            _log.warning(
                f"No more features are cached in {self.directory}: {reason}. "
                "The run goes on without."
            )

    def _entry(
        self, path: str | os.PathLike[str], segment: Segment, speed: float, form: str
    ) -> Path | None:
        """The entry's file; None when the recording is not there to be cached."""
        path = os.path.abspath(path)
        try:
            status = os.stat(path)
        except OSError:
            return None
        key = f"{path}\n{status.st_size}\n{status.st_mtime_ns}"
        # What is as it was has the name that it always had.
        key += "" if segment == WHOLE else f"\n{segment[0]!r}\n{segment[1]!r}"
        key += "" if speed == 1.0 else f"\nspeed {speed!r}"
        key += f"\n{form}" if form else ""
        name = _digest(key)
        # Folders with hundreds of thousands of files are slow.
        return self.directory / name[:2] / f"{name[2:]}{self._extension}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _clock(directory: Path) -> int:
    """Time in the folder's file system, in nanoseconds: it may be another machine's."""
    probe = draft_of(directory / "clock")
    try:
        probe.write_bytes(b"")
        return probe.stat().st_mtime_ns
    finally:
        probe.unlink(missing_ok=True)


def _write_npy(file: Path, features: np.ndarray) -> None:
    """An npy file with the data's CRC-32 behind it, which NumPy does not mind."""
    features = np.ascontiguousarray(features)
    with open(file, "wb") as stream:
        np.save(stream, features, allow_pickle=False)
        stream.write(zlib.crc32(features.data).to_bytes(4, "little"))


def _read_npy(file: Path) -> np.ndarray:
    with open(file, "rb") as stream:
        features = np.load(stream, allow_pickle=False)
        if stream.read() != zlib.crc32(features.data).to_bytes(4, "little"):
            raise ValueError("checksum")
    return features


def _write_npz(file: Path, features: np.ndarray) -> None:
    with open(file, "wb") as stream:
        np.savez(stream, features=features)


def _read_npz(file: Path) -> np.ndarray:
    with np.load(file, allow_pickle=False) as archive:
        return archive["features"]


def _write_hdf5(file: Path, features: np.ndarray) -> None:
    import h5py

    with h5py.File(file, "w") as archive:
        archive.create_dataset("features", data=features, fletcher32=True)


def _read_hdf5(file: Path) -> np.ndarray:
    import h5py

    with h5py.File(file, "r") as archive:
        return archive["features"][()]


_FORMATS: dict[str, tuple[Callable[[Path, np.ndarray], None], Callable[[Path], np.ndarray]]] = {
    "npy": (_write_npy, _read_npy),
    "npz": (_write_npz, _read_npz),
    "hdf5": (_write_hdf5, _read_hdf5),
}
