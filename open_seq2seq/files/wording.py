"""What the system's refusals to write mean, said so that something can be done about them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from open_seq2seq.errors import RunError

_REFUSALS = {
    errno.ENOSPC: "there is no space left on its disk; free some, or write elsewhere",
    errno.EDQUOT: "this user's share of the disk is full; free some space, or write elsewhere",
    errno.EFBIG: "it is larger than files may be there",
    errno.EROFS: "its file system can only be read; write elsewhere",
    errno.EACCES: "this user may not write there; write elsewhere, or change the rights",
    errno.EPERM: "this user may not write there; write elsewhere, or change the rights",
    errno.EISDIR: "it is a folder; add a file's name",
    errno.ENAMETOOLONG: "its name is too long for the file system",
    errno.ELOOP: "it is a link in a circle; remove it",
    errno.EINVAL: "this is no file's name",
    errno.ENOTBLK: "it is a disk, all of which would be written over; name a file",
    errno.ENOENT: "its folder is not there, or went away",
    errno.EPIPE: "whoever read it has gone",
    errno.ENXIO: "nobody listens there",
    errno.ECONNREFUSED: "nobody listens there",
    errno.ESTALE: "its file system went away",
    errno.EIO: "its disk fails",
}


def unwritable(path: str | os.PathLike[str], error: OSError) -> RunError:
    """The error to raise when a file or folder could not be written: why, and what to do."""
    path = Path(path)
    return RunError(f"{path} could not be written: {refusal(path, error)}.")


def refusal(path: Path, error: OSError) -> str:
    """Why the system refuses, with its own words behind in brackets."""
    system = error.strerror or str(error)
    reason = _REFUSALS.get(error.errno or 0)
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        around = (path, *path.parents)
        file = next((one for one in around if one.exists() and not one.is_dir()), path)
        reason = f"{file} is a file, not a folder; write elsewhere"
    return f"{reason} ({system})" if reason else system
