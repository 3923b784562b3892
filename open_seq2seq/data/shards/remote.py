"""Shards behind addresses: fetched once for a machine, whole, in pieces that are tried again.

`s3://`, `gs://`, `http(s)://` and what else fsspec knows. A machine's processes share the folder
(`OPEN_SEQ2SEQ_SHARDS`, or a folder among the temporary files), of which the shards used longest ago
are removed when it has more than `OPEN_SEQ2SEQ_SHARDS_GB` (100). Their paths stay addresses.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import logging
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from open_seq2seq.data.extras import needed
from open_seq2seq.errors import InputError, Problem

_log = logging.getLogger(__name__)
_PIECE = 8 << 20
_TRIES = 5
# Seconds before the second try; doubled each time.
_PAUSE = 0.5


def is_remote(path: str) -> bool:
    """Whether a path is an address."""
    return "://" in path


def anywhere(path: str) -> str:
    """A path that processes with another working directory understand."""
    return path if is_remote(path) else os.path.abspath(path)


def remote_glob(pattern: str) -> list[str]:
    """The addresses that fit a pattern, where their system can list them."""
    system, path = _system(pattern)
    scheme = pattern.partition("://")[0]
    return sorted(system.unstrip_protocol(one) if "://" not in one else one
                  for one in system.glob(path)) if scheme else []  # fmt: skip


@functools.cache
def shard_cache() -> ShardCache:
    """The cache of this process."""
    default = os.path.join(tempfile.gettempdir(), f"open-seq2seq-shards-{os.getuid()}")
    folder = os.environ.get("OPEN_SEQ2SEQ_SHARDS", default)
    return ShardCache(Path(folder), float(os.environ.get("OPEN_SEQ2SEQ_SHARDS_GB", "100")) * 1e9)


def local_shard(tar: str) -> str:
    """The file of a shard on this machine.

    Raises:
      InputError: it is behind an address, and cannot be fetched.
    """
    return shard_cache().local(tar) if is_remote(tar) else tar


class ShardCache:
    """Files of other machines in a folder of this one.

    Args:
      folder: it is made if needed.
      limit: bytes; what is over is removed, the files used longest ago first.
    """

    def __init__(self, folder: Path, limit: float):
        self.folder, self.limit = folder, limit
        self._lock = threading.Lock()

    def local(self, address: str) -> str:
        """The file on this machine, fetched if it is not there.

        Raises:
          InputError: it cannot be fetched; MissingPackage: fsspec, or what it needs, is missing.
        """
        path = self._path(address)
        if path.exists():
            os.utime(path)
            return str(path)
        self.folder.mkdir(parents=True, exist_ok=True)
        # One of this process's threads, and one of the machine's processes, fetches it.
        with self._lock, open(f"{path}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                self._fetch(address, path)
                self._make_room(path)
        return str(path)

    def find(self, address: str) -> str | None:
        """The same; None where there is no such file."""
        system, path = _system(address)
        if not self._path(address).exists() and not system.exists(path):
            return None
        return self.local(address)

    def _path(self, address: str) -> Path:
        digest = hashlib.sha256(os.path.dirname(address).encode()).hexdigest()[:16]
        return self.folder / f"{digest}-{os.path.basename(address)}"

    def _fetch(self, address: str, path: Path) -> None:
        system, name = _system(address)
        draft = path.with_name(path.name + ".part")
        # What an earlier process fetched of it stays.
        done = draft.stat().st_size if draft.exists() else 0
        size = self._tried(address, lambda: system.info(name)["size"])
        with draft.open("ab") as file:
            while done < size:
                start, end = done, min(done + _PIECE, size)
                piece = self._tried(address, lambda: _piece(system, name, start, end))  # noqa: B023
                file.write(piece)
                done = end
        os.replace(draft, path)

    def _tried(self, address: str, fetch: Any) -> Any:
        pause = _PAUSE
        for number in range(1, _TRIES + 1):
            try:
                return fetch()
            except FileNotFoundError as error:
                problem = Problem(address, "no such file", "a shard", "Check the address.")
                raise InputError("A shard cannot be fetched:", [problem]) from error
            except Exception as error:  # each system has errors of its own
                if number == _TRIES:
                    found = f"{type(error).__name__}: {error} (tried {_TRIES} times)"
                    problem = Problem(address, found, "a shard that can be fetched")
                    raise InputError("A shard cannot be fetched:", [problem]) from error
                _log.warning(f"{address}: {error!r}; it is tried again")
                time.sleep(pause)
                pause *= 2
        return None

    def _make_room(self, kept: Path) -> None:
        files = sorted(
            (one.stat().st_atime, one.stat().st_size, one)
            for one in self.folder.iterdir()
            if one.suffix not in (".lock", ".part")
        )
        total = sum(size for _, size, _ in files)
        for _, size, one in files:
            if total <= self.limit:
                return
            if one != kept:
                # Who reads it has it open, and goes on.
                one.unlink(missing_ok=True)
                total -= size


def _piece(system: Any, name: str, start: int, end: int) -> bytes:
    data: bytes = system.cat_file(name, start=start, end=end)
    if len(data) != end - start:
        raise OSError(f"{len(data)} bytes of {end - start} from {start} on")
    return data


def _system(address: str) -> tuple[Any, str]:
    fsspec = needed("fsspec", "shards", address, "an address")
    try:
        system, path = fsspec.core.url_to_fs(address)
    except (ImportError, ValueError) as error:
        problem = Problem(address, str(error), "an address that fsspec reads")
        raise InputError("A shard cannot be fetched:", [problem]) from error
    return system, path
