"""LibriSpeech (openslr.org/12): found where it is, or downloaded."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from open_seq2seq.corpora.importers.archives import extract, unfinished_mark
from open_seq2seq.corpora.importers.download import fetch, remote_size, size_text
from open_seq2seq.corpora.importers.entries import Split, chosen
from open_seq2seq.corpora.importers.librispeech import find_transcripts, read_split
from open_seq2seq.corpora.importers.parallel import together
from open_seq2seq.errors import InputError, Problem, RunError

_log = logging.getLogger(__name__)


URL = "https://www.openslr.org/resources/12"

# The checksums of openslr.org/resources/12/md5sum.txt, by part; the order is OpenSeq2Seq's.
CHECKSUMS = {
    "train-clean-100": "2a93770f6d5c6c964bc36631d331a522",
    "train-clean-360": "c0e676e450a7ff2f54aeade5171606fa",
    "train-other-500": "d1a0fd59409feb2c614ce4d30c387708",
    "dev-clean": "42e2234ba48799c1f50f24a7926300a1",
    "dev-other": "c8d0bcc9cca99d4f8b62fcc847357931",
    "test-clean": "32fa31d27d2e1cad72775fee3f4849a9",
    "test-other": "fb5a50374b501bb3bac4815ee91d3135",
}
_FOLDER = "LibriSpeech"
# Archives at a time: while one is extracted, the next one is on its way.
_AT_ONCE = 2


def read_librivox(
    data_dir: str | Path,
    splits: Sequence[str] | None = None,
    download: bool = True,
    url: str = URL,
    remove_archives: bool = False,
) -> list[Split]:
    """LibriSpeech's parts, named `librivox-<part>` as OpenSeq2Seq names its CSVs.

    Args:
      data_dir: the folder with `LibriSpeech/<part>` or `<part>`; what is missing is downloaded
        to `<part>.tar.gz` there and extracted.
      splits: parts; None: all that there are, or, without `download`, all that are there.
      download: parts that are missing are downloaded; else they are an error.
      url: where the archives are; a mirror.
      remove_archives: an archive is deleted when it is extracted.

    Raises:
      InputError: unknown or missing parts, an archive with another checksum.
      RunError: the download or the extraction fails.
    """
    root = Path(data_dir)
    wanted = chosen(list(CHECKSUMS), splits, "LibriSpeech")
    missing = [name for name in wanted if _part(root, name) is None]
    if not download:
        if splits is None and len(missing) < len(wanted):
            wanted = [name for name in wanted if name not in missing]
        elif missing:
            raise _not_there(root, missing)
    elif missing:
        _check_space(root, missing, url, remove_archives)
        together([partial(_obtain, root, name, url, remove_archives) for name in missing], _AT_ONCE)
    return [_read_part(root, name) for name in wanted]


def _part(root: Path, name: str) -> Path | None:
    """The folder of a part, if it is there and was not left half extracted."""
    if unfinished_mark(root, _archive(root, name)).exists():
        return None
    return next((path for path in (root / _FOLDER / name, root / name) if path.is_dir()), None)


def _archive(root: Path, name: str) -> Path:
    return root / f"{name}.tar.gz"


def _read_part(root: Path, name: str) -> Split:
    folder = _part(root, name)
    assert folder is not None  # it was there, or has just been extracted
    files = find_transcripts(folder)
    split = read_split(f"librivox-{name}", files)
    if not files:
        remedy = "Remove the folder, and it is downloaded."
        expected = "SPEAKER/CHAPTER/*.trans.txt"
        split.problems.append(Problem(str(folder), "no transcripts", expected, remedy))
    return split


def _not_there(root: Path, missing: Sequence[str]) -> InputError:
    remedy = "Leave out --no_download, or choose others with --splits."
    problems = []
    for name in missing:
        found = f"no {_FOLDER}/{name} and no {name}"
        if unfinished_mark(root, _archive(root, name)).exists():
            found = f"{name}.tar.gz half extracted"
        problems.append(Problem(str(root), found, name, remedy))
    return InputError("These parts of LibriSpeech are not there:", problems)


def _obtain(root: Path, name: str, url: str, remove_archives: bool) -> None:
    """Downloads and extracts one part."""
    archive = _archive(root, name)
    fetch(f"{url}/{archive.name}", archive, CHECKSUMS[name])
    count = extract(archive, root)
    _log.info(f"{archive}: {count} files extracted")
    if remove_archives:
        archive.unlink()
        _log.info(f"{archive}: removed")


def _extracted(root: Path, name: str) -> int:
    """The bytes that an interrupted extraction left."""
    files = (root / _FOLDER / name).rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def _check_space(
    root: Path,
    missing: Sequence[str],
    url: str,
    remove_archives: bool,
) -> None:
    """Says what is going to be downloaded, and whether the disk has room for it.

    The recordings are compressed already: the files take what their archive takes.
    """
    root.mkdir(parents=True, exist_ok=True)
    to_load, to_extract = [], 0
    for name in missing:
        archive = _archive(root, name)
        if archive.exists():
            size = loaded = archive.stat().st_size
        else:
            part = archive.with_name(archive.name + ".part")
            loaded = part.stat().st_size if part.exists() else 0
            size = max(loaded, remote_size(f"{url}/{archive.name}") or 0)
        to_load.append(size - loaded)
        to_extract += max(0, size - _extracted(root, name))
    archives = sorted(to_load)[-_AT_ONCE:] if remove_archives else to_load
    room = to_extract + sum(archives)
    free = shutil.disk_usage(root).free
    _log.info(
        f"{len(missing)} parts are not there ({', '.join(missing)}): {size_text(sum(to_load))} to "
        f"download; the disk needs {size_text(room)} for archives and files and has "
        f"{size_text(free)}"
    )
    if room > free:
        raise RunError(
            f"{root} has {size_text(free)} free and {size_text(room)} are needed. Choose parts "
            "with --splits, give --remove_archives, or take another disk."
        )
