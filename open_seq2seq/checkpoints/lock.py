"""One training at a time in a log directory."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import parsed_json, unwritable

_log = logging.getLogger(__name__)


LOCK = ".running"
_TAKEN = (errno.EWOULDBLOCK, errno.EACCES)


@contextmanager
def held(root: Path) -> Iterator[None]:
    """While it lasts, no other training begins in the folder `root`, on whatever machine.

    The system releases the lock when the process ends, however it ends; the file `.running` that
    carries it says who holds it, and goes with it. The folder is made; if it is still empty at the
    end, it goes as well. On a file system without locks (some NFS mounts) the file's process is
    looked for instead.

    Raises:
      InputError: another training holds it; or `root` is a file.
      RunError: the folder cannot be made or written.
    """
    if os.path.exists(root) and not os.path.isdir(root):
        raise _refused(root, "a file", "a folder", "Set another --logdir.")
    made = [one for one in (root, *root.parents) if not os.path.exists(one)]
    try:
        root.mkdir(parents=True, exist_ok=True)
        descriptor = _taken(root)
    except OSError as error:
        _remove_empty(made)
        raise unwritable(root, error) from error
    except InputError:
        _remove_empty(made)
        raise
    try:
        yield
    finally:
        with suppress(OSError):
            (root / LOCK).unlink()
        os.close(descriptor)
        _remove_empty(made)


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _taken(root: Path) -> int:
    """The descriptor of the lock's file, locked, with this process's name in it."""
    path = root / LOCK
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(descriptor, root)
            # Whoever held it before may have removed the file that was locked here.
            if not path.exists() or not os.path.samestat(os.fstat(descriptor), os.stat(path)):
                os.close(descriptor)
                continue
            own = {"pid": os.getpid(), "host": socket.gethostname(), "since": _now()}
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(own).encode(), 0)
        except BaseException:
            with suppress(OSError):
                os.close(descriptor)
            raise
        return descriptor


def _lock(descriptor: int, root: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    except OSError as error:
        if error.errno in _TAKEN:
            raise _in_use(root, _holder(descriptor)) from error
    holder = _holder(descriptor)
    if holder.get("host") == socket.gethostname() and _lives(holder.get("pid")):
        raise _in_use(root, holder)
    text = f"the file system of {root} has no locks: nothing keeps a second run out of it."
    if holder:
        text += (
            f"\n    One began there and has not ended: {_shown(holder)}. See that it does not run."
        )
    _log.warning(text)


def _holder(descriptor: int) -> dict[str, object]:
    try:
        holder = parsed_json(os.pread(descriptor, 1000, 0))
    except (OSError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}


def _lives(pid: object) -> bool:
    if not isinstance(pid, int) or pid <= 0 or pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _shown(holder: dict[str, object]) -> str:
    name = f"process {holder.get('pid', 'of unknown number')}"
    return f"{name} on {holder.get('host', 'an unknown host')} since {holder.get('since', '?')}"


def _in_use(root: Path, holder: dict[str, object]) -> InputError:
    found = f"{_shown(holder)}, which trains here"
    remedy = "Wait until it has ended, end it (Ctrl-C saves a checkpoint), or set another --logdir."
    return _refused(root, found, "no other run", remedy)


def _refused(root: Path, found: str, expected: str, remedy: str) -> InputError:
    problem = Problem(str(root), found, expected, remedy)
    return InputError("The log directory does not fit this run:", [problem])


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %z")
