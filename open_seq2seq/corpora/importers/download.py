"""Fetching large files: resumed where they stopped, and checked."""

from __future__ import annotations

import errno
import hashlib
import http.client
import logging
import os
import time
import urllib.error
import urllib.request
from pathlib import Path

from open_seq2seq.corpora.importers.parallel import progress
from open_seq2seq.errors import InputError, Problem, RunError

_log = logging.getLogger(__name__)


_BLOCK = 1 << 20
_TIMEOUT = 60  # seconds without a byte
_TRIES = 5  # in a row that bring nothing

_PASSING = (408, 429)  # time-out, too many requests


def fetch(url: str, path: Path, md5: str | None) -> None:
    """Makes sure that `path` is the file at `url`.

    It grows as `<path>.part`, which an interrupted run leaves and the next one goes on with, and
    gets its name when its checksum is right. A file that is there is only checked.

    Args:
      md5: its checksum in hexadecimal digits; None: the publisher gives none.

    Raises:
      InputError: a file that was there is another one.
      RunError: the file cannot be fetched, or arrives damaged.
    """
    if path.exists():
        _check_existing(path, md5)
        return
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    there = part.stat().st_size if part.exists() else 0
    _log.info(f"{url}: downloading" + (f", going on from {size_text(there)}" if there else ""))
    _download(url, part)
    found = md5_of(part) if md5 else None
    if found != md5:
        part.unlink()
        raise RunError(
            f"{url} arrived damaged: MD5 {found}, expected {md5}. The download was removed; "
            "run the command again."
        )
    part.replace(path)


def _check_existing(path: Path, md5: str | None) -> None:
    found = md5_of(path) if md5 else None
    if found != md5:
        remedy = "Remove it, and it is downloaded again."
        problem = Problem(str(path), f"MD5 {found}", f"{md5}, as published", remedy)
        raise InputError("The archive is damaged or another one:", [problem])


def md5_of(path: Path) -> str:
    """The MD5 of a file, in hexadecimal digits."""
    digest = hashlib.md5(usedforsecurity=False)
    size = path.stat().st_size
    with open(path, "rb") as file, progress(f"{path.name}: checksum", size, 0, "bytes") as advance:
        while block := file.read(_BLOCK):
            digest.update(block)
            advance(len(block))
    return digest.hexdigest()


def remote_size(url: str) -> int | None:
    """The bytes of the file at `url`; None if the server does not say.

    Raises:
      RunError: it cannot be reached.
    """
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
            length = answer.headers.get("Content-Length")
            return int(length) if length else None
    except (OSError, http.client.HTTPException) as error:
        raise RunError(f"{url} cannot be reached: {error}.") from error


def size_text(size: int) -> str:
    """`6.3 GB`, `14 MB` or `120 bytes`."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} bytes"


def _download(url: str, part: Path) -> None:
    """Appends to `part` what it lacks; a broken connection is taken up again."""
    fruitless = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            if _append(url, part, before):
                return
            error: Exception | str = "the connection ended early"
        except urllib.error.HTTPError as failure:
            if failure.code < 500 and failure.code not in _PASSING:
                raise RunError(f"{url} cannot be downloaded: {failure}.") from failure
            error = failure
        except (OSError, http.client.HTTPException) as failure:
            if isinstance(failure, OSError) and failure.errno == errno.ENOSPC:
                raise RunError(f"{part} cannot be written: {failure}.") from failure
            error = failure
        arrived = os.path.getsize(part) if part.exists() else 0
        fruitless = 0 if arrived > before else fruitless + 1
        if fruitless == _TRIES:
            raise RunError(
                f"{url} cannot be downloaded: {error}. The same command goes on from "
                f"{size_text(arrived)}."
            )
        time.sleep(min(2**fruitless - 1, 30))


def _append(url: str, part: Path, start: int) -> bool:
    """One connection; returns whether the file is complete."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        # Nothing lies behind the last byte: the part is whole.
        if error.code == 416 and start:
            return True
        raise
    with answer:
        if start and answer.status != 206:
            start = 0  # The server cannot continue: from the beginning.
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length else None
        arrived = start
        bar = progress(part.name.removesuffix(".part"), total, start, "bytes")
        with open(part, "ab" if start else "wb") as file, bar as advance:
            while block := answer.read(_BLOCK):
                file.write(block)
                arrived += len(block)
                advance(len(block))
    return total is None or arrived >= total
