"""KenLM's sources: the pinned source distribution, unpacked where it is compiled.

They come from the package index through pip. `KENLM_SOURCE` names a downloaded
`kenlm-0.3.0.tar.gz`, or a folder with `lm/` and `util/`, to be used instead.

CMake runs it, `python kenlm_source.py FOLDER`, where nothing but Python and pip need be installed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "kenlm_requirements.txt"
_FOLDERS = ("lm", "util")

# A trie's entry says where the entries of its continuations begin and end. In a damaged file
# that may lie far outside; these lines keep it inside, for two instructions per look-up.
_BOUNDED = """out.end = out.end < max_next_ ? out.end : max_next_;
      out.begin = out.begin < out.end ? out.begin : out.end;
    }

    void WriteNext("""
_EDITS = {
    "lm/bhiksha.hh": [
        ("//assert(out.end >= out.begin);\n    }\n\n    void WriteNext(", _BOUNDED),
        ("assert(out.end >= out.begin);\n    }\n\n    void WriteNext(", _BOUNDED),
        ("util::BitsMask next_;", "util::BitsMask next_;\n    uint64_t max_next_;"),
        ("void *original_base_;", "void *original_base_;\n    uint64_t max_next_;"),
    ],
    "lm/bhiksha.cc": [
        ("ByMax(max_next)) {}", "ByMax(max_next)), max_next_(max_next) {}"),
        ("original_base_(base) {}", "original_base_(base), max_next_(max_next) {}"),
    ],
}


class SourceError(Exception):
    """KenLM's sources cannot be had, or are not the pinned ones."""


def pin() -> tuple[str, str]:
    """The version of KenLM, and the SHA-256 of its source distribution."""
    found = re.search(r"kenlm==(\S+) --hash=sha256:(\w{64})", REQUIREMENTS.read_text("utf-8"))
    assert found, REQUIREMENTS
    return found[1], found[2]


def unpacked(folder: Path) -> Path:
    """The folder with `lm/` and `util/`, fetched into `folder` unless it is there.

    Raises:
      SourceError: it cannot be fetched, or is not the pinned one.
    """
    given = os.environ.get("KENLM_SOURCE")
    source = Path(given) if given else None
    if source is not None and not source.exists():
        raise SourceError(f"KENLM_SOURCE: there is no {source}.")
    target = folder / f"kenlm-{_version_and_edits(source)}"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            made = Path(scratch) / "kenlm"
            if source is None or source.is_file():
                _unpack(source or _download(Path(scratch)), made)
            else:
                _copy(source, made)
            _edit(made)
            try:
                made.rename(target)
            except OSError:
                if not target.exists():  # Else another build was faster.
                    raise
    return target


def _version_and_edits(source: Path | None) -> str:
    digest = hashlib.sha256(repr((pin(), _EDITS)).encode())
    if source is not None and source.is_dir():
        for path in sorted(path for name in _FOLDERS for path in (source / name).rglob("*")):
            if path.is_file():
                digest.update(path.read_bytes())
    return f"{pin()[0]}-{digest.hexdigest()[:12]}"


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--no-binary", ":all:", "--no-build-isolation", "--require-hashes"]
    command += ["--dest", str(folder), "--requirement", str(REQUIREMENTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    archives = list(folder.glob("kenlm-*.tar.gz"))
    if done.returncode or not archives:
        raise SourceError(
            f"KenLM's sources could not be fetched:\n{done.stderr.strip()[-2000:]}\n"
            f"Without a network, download kenlm-{pin()[0]}.tar.gz from the package index "
            "elsewhere and set KENLM_SOURCE to it."
        )
    return archives[0]


def _unpack(archive: Path, target: Path) -> None:
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != pin()[1]:
        raise SourceError(f"{archive}: its SHA-256 is {found}, expected {pin()[1]}.")
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            parts = Path(member.name).parts[1:]
            if member.isfile() and parts and ".." not in parts and parts[0] in _FOLDERS:
                content = opened.extractfile(member)
                assert content is not None
                (target / Path(*parts)).parent.mkdir(parents=True, exist_ok=True)
                (target / Path(*parts)).write_bytes(content.read())


def _copy(source: Path, target: Path) -> None:
    for name in _FOLDERS:
        if not (source / name).is_dir():
            raise SourceError(f"KENLM_SOURCE: {source} has no folder {name}/, as KenLM's has.")
        shutil.copytree(source / name, target / name)


def _edit(folder: Path) -> None:
    for name, edits in _EDITS.items():
        text = (folder / name).read_text("utf-8")
        for before, after in edits:
            if before not in text:
                expected = before.strip()
                raise SourceError(f"{name} is not KenLM {pin()[0]}'s: it has no {expected!r}.")
            text = text.replace(before, after, 1)
        (folder / name).write_text(text, "utf-8")


def main() -> int:
    """Prints where the sources are; returns the exit code."""
    try:
        print(unpacked(Path(sys.argv[1])))
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
