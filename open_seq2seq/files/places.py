"""What is at a path, and whether a file can be written there."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from open_seq2seq.files.wording import unwritable

_LONGEST = 40  # letters of a name that its draft repeats: names may have 255 bytes
_MAY_NOT = (errno.EACCES, errno.EPERM, errno.EROFS)


def draft_of(path: Path) -> Path:
    """A hidden name beside `path` that nobody else uses, not even on another machine."""
    return path.with_name(f".{path.name[:_LONGEST]}.{secrets.token_hex(8)}.tmp")


@dataclass(frozen=True)
class Place:
    """A path to write to, and what is there.

    Args:
      path: as it was given.
      target: where links lead.
      status: of the target; None: nothing is there.
      descriptor: of this process, where the path is one (`/dev/stdout`), or None.
    """

    path: Path
    target: Path
    status: os.stat_result | None
    descriptor: int | None

    @property
    def is_replaced(self) -> bool:
        """Whether it is written by draft: a regular file, or nothing yet."""
        regular = self.status is None or stat.S_ISREG(self.status.st_mode)
        return regular and self.descriptor is None


def place_of(path: str | os.PathLike[str]) -> Place:
    """Looks at a path.

    Raises:
      OSError: it is a folder or a disk, lies under a file, or cannot be looked at.
    """
    path = Path(path)
    if "\0" in str(path):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    descriptor = _descriptor(path)
    try:
        status = os.stat(path)
    except FileNotFoundError:
        status = None
    if descriptor is not None:
        return Place(path, path, status, descriptor)
    if status is not None:
        if stat.S_ISDIR(status.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if stat.S_ISBLK(status.st_mode):
            raise OSError(errno.ENOTBLK, os.strerror(errno.ENOTBLK))
        # A rename asks for the folder's rights only: a protected file is left alone all the same.
        if not os.access(path, os.W_OK):
            code = errno.EROFS if _is_read_only(path) else errno.EACCES
            raise OSError(code, os.strerror(code))
    return Place(path, Path(os.path.realpath(path)), status, None)


def is_standard_output(path: str | os.PathLike[str]) -> bool:
    """Whether a path means this process's standard output, as `/dev/stdout` does."""
    return _descriptor(Path(path)) == 1


def _is_read_only(path: Path) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _descriptor(path: Path) -> int | None:
    """N where a path means this process's `/dev/fd/N`, through whatever links."""
    here = str(path)
    own = ("/dev/fd", "/proc/self/fd", f"/proc/{os.getpid()}/fd")
    for _ in range(40):
        folder, name = os.path.split(os.path.abspath(here))
        folder = os.path.realpath(folder)
        if name.isdecimal() and (folder in own or re.fullmatch(r"/proc/\d+/task/\d+/fd", folder)):
            return int(name)
        try:
            here = os.path.join(folder, os.readlink(os.path.join(folder, name)))
        except OSError:
            return None
    return None


def make_draft(place: Place, draft: Path) -> Path:
    """Makes an empty draft: beside the target or, where nothing can be made there, elsewhere.

    The folder is made if it is missing.

    Args:
      draft: the wanted name.

    Returns:
      `draft`; or, where the target's folder can only be read but the target can be written, a file
      of the same name in a new folder for temporary files.

    Raises:
      OSError: FileExistsError if `draft` exists; else no draft can be made.
    """
    draft.parent.mkdir(parents=True, exist_ok=True)
    try:
        _make(draft, place.status)
    except OSError as error:
        if place.status is None or error.errno not in _MAY_NOT:
            raise
        draft = Path(tempfile.mkdtemp(prefix="open_seq2seq_")) / draft.name
        _make(draft, place.status)
    return draft


def _make(draft: Path, replaces: os.stat_result | None) -> None:
    """An empty file with the rights of the one that it is going to replace."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    made = os.open(draft, flags, 0o666 if replaces is None else 0o600)
    try:
        if replaces is not None:
            with suppress(OSError):  # only the administrator may give files away
                os.fchown(made, replaces.st_uid, replaces.st_gid)
            with suppress(OSError):  # some file systems have no rights
                os.fchmod(made, stat.S_IMODE(replaces.st_mode))
    finally:
        os.close(made)


def remove_draft(place: Place, draft: Path) -> None:
    """Removes a draft, if it is there, and the folder that was made for it."""
    with suppress(OSError):
        draft.unlink(missing_ok=True)
        if draft.parent != place.target.parent:
            draft.parent.rmdir()


def check_writable(path: str | os.PathLike[str]) -> None:
    """Says whether a result can be written to `path`, before there is one; leaves nothing behind.

    Raises:
      RunError: it cannot (it is a folder, read-only, not this user's; the disk is full).
    """
    try:
        place = place_of(path)
        if place.is_replaced:
            _try_in(place.target.parent, place)
        elif place.descriptor is not None:
            os.fstat(place.descriptor)
    except OSError as error:
        raise unwritable(path, error) from error


def check_folder(path: str | os.PathLike[str]) -> None:
    """Says whether files can be written into the folder `path`; leaves nothing behind.

    Raises:
      RunError: it can be neither made nor written.
    """
    try:
        _try_in(Path(os.path.realpath(path)), None)
    except OSError as error:
        raise unwritable(path, error) from error


def _try_in(folder: Path, place: Place | None) -> None:
    """Makes a draft in a folder, with the folders that are missing, and removes all of them."""
    missing, there = [], folder
    while not there.is_dir() and there != there.parent:
        missing.append(there)
        there = there.parent
    made: list[Path] = []
    try:
        for one in reversed(missing):
            one.mkdir()
            made.append(one)
        wanted = place or Place(folder / "file", folder / "file", None, None)
        remove_draft(wanted, make_draft(wanted, draft_of(wanted.target)))
    finally:
        for one in reversed(made):
            with suppress(OSError):
                one.rmdir()
