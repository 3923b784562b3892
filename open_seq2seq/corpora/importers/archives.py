"""Extracting tar archives straight to their place."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path, PurePosixPath

from open_seq2seq.corpora.importers.parallel import progress
from open_seq2seq.errors import RunError
from open_seq2seq.files import replaced


def unfinished_mark(folder: Path, archive: Path) -> Path:
    """The file that is in `folder` while `archive` is being extracted there."""
    return folder / f".{archive.name}.extracting"


def extract(archive: Path, folder: Path) -> int:
    """Extracts the files of a .tar.gz into `folder`, each whole or not at all.

    The archive is read once, from front to end, and each file is written where it belongs: no
    second copy exists at any time. Files that are there with their full size are kept, so an
    interrupted extraction goes on; until it ends, `unfinished_mark` is there.

    Returns:
      How many files the archive has.

    Raises:
      RunError: the archive is damaged, wants to write elsewhere, or the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mark = unfinished_mark(folder, archive)
    mark.touch()
    count = 0
    try:
        # A stream: members come one after the other, without a first pass for a list of them.
        with open(archive, "rb") as file, tarfile.open(fileobj=file, mode="r|gz") as tar:
            size = archive.stat().st_size
            with progress(f"{archive.name}: extracting", size, 0, "bytes") as advance:
                at = 0
                for member in tar:
                    if member.isfile():
                        _extract_member(tar, member, folder, archive)
                        count += 1
                    advance(file.tell() - at)
                    at = file.tell()
    except RunError:
        raise
    except Exception as error:  # whatever a damaged archive makes of tarfile and zlib
        raise RunError(f"{archive} cannot be extracted to {folder}: {error}.") from error
    mark.unlink()
    return count


def _extract_member(
    tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, archive: Path
) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise RunError(f"{archive}: {member.name} would be written outside of {folder}.")
    target = folder / name
    if target.is_file() and target.stat().st_size == member.size:
        return
    source = tar.extractfile(member)
    assert source is not None  # it is a file
    target.parent.mkdir(parents=True, exist_ok=True)
    with replaced(target) as draft, open(draft, "wb") as file:
        shutil.copyfileobj(source, file)
