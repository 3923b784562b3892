"""Files that are whole or what they were."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from open_seq2seq.files.places import Place, draft_of, make_draft, place_of, remove_draft
from open_seq2seq.files.wording import unwritable

# What a rename says over a file that is mounted on its own, or is another user's in a folder like
# /tmp. Its content can be written all the same.
_NOT_RENAMED = (errno.EBUSY, errno.EPERM, errno.EACCES, errno.EXDEV, errno.EROFS)


def encoded(content: str | bytes) -> bytes:
    """UTF-8; what has no code there (file names that are not UTF-8) becomes an escape."""
    return content.encode(errors="backslashreplace") if isinstance(content, str) else content


def write_whole(path: str | os.PathLike[str], content: str | bytes, flush: bool = True) -> None:
    """Writes a file that is whole or what it was; a device, FIFO or socket gets the content.

    Args:
      path: the file; its folder is made, an older file replaced as `open_seq2seq.files` says.
      content: text is written as UTF-8; what has no code there (file names that are not UTF-8)
        is written as an escape.
      flush: wait until it is on the disk, so that not even a power failure leaves it half
        written: a few milliseconds; without, for thousands of small files.

    Raises:
      RunError: the file cannot be written.
    """
    content = encoded(content)
    try:
        place = place_of(path)
        if not place.is_replaced:
            with opened(place) as file:
                file.write(content)
            return
        with _replaced(place) as draft, open(draft, "wb") as file:
            file.write(content)
            file.flush()
            if flush:
                os.fsync(file.fileno())
    except OSError as error:
        raise unwritable(path, error) from error


@contextmanager
def replaced(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives the name of an empty draft to write to; its content becomes the file's at the end.

    So the file is whole or what it was. If the block fails, the draft is removed.

    Raises:
      OSError: see `unwritable`.
    """
    place = place_of(path)
    with _replaced(place) as draft:
        yield draft


@contextmanager
def _replaced(place: Place) -> Iterator[Path]:
    draft = make_draft(place, draft_of(place.target))
    try:
        yield draft
        take_place(draft, place)
    finally:
        remove_draft(place, draft)


def take_place(draft: Path, place: Place) -> None:
    """Makes a draft's content the file's: by a rename or, where that would cut hard links or is
    refused, by a copy.

    Raises:
      OSError: neither is possible; the file is what it was.
    """
    if place.status is None or place.status.st_nlink == 1:
        try:
            os.replace(draft, place.target)
            return
        except OSError as error:
            if place.status is None or error.errno not in _NOT_RENAMED:
                raise
    size = draft.stat().st_size
    with open(draft, "rb") as source, open(place.target, "r+b") as target:
        # Before anything is written over: whether the disk has room for it.
        if size > os.fstat(target.fileno()).st_size and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(target.fileno(), 0, size)
        shutil.copyfileobj(source, target)
        target.truncate()
        target.flush()
        os.fsync(target.fileno())


@contextmanager
def opened(place: Place) -> Iterator[BinaryIO]:
    """A device, a FIFO, a socket, or what this process's `/dev/stdout` leads to, to write to.

    Raises:
      OSError: it cannot be opened or written.
    """
    if place.descriptor is not None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, OSError, ValueError):
                stream.flush()  # what was printed before comes before
        handle = os.dup(place.descriptor)
    elif place.status is not None and stat.S_ISSOCK(place.status.st_mode):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.fspath(place.target))
            handle = connection.detach()
    else:
        handle = os.open(place.path, os.O_WRONLY | os.O_NOCTTY)
    file = os.fdopen(handle, "wb")
    try:
        yield file
        file.close()
    except BaseException:
        with suppress(OSError):  # what could not be written cannot be now either
            file.close()
        raise
