"""The C++ compiler, and objects that are compiled again only when something changed."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from open_seq2seq.errors import RunError


def compiled(
    sources: Sequence[Path], flags: Sequence[str], headers: Sequence[Path], folder: Path
) -> list[Path]:
    """Compiles each source into an object, in parallel.

    Args:
      sources: C++ files.
      flags: the compiler's.
      headers: files that the sources include; when one changes, all sources are compiled.
      folder: gets the objects.

    Returns:
      The objects, in the order of the sources.
    """
    folder.mkdir(parents=True, exist_ok=True)
    common = hashlib.sha256(repr((command(), _version(), list(flags))).encode())
    for header in sorted(headers):
        common.update(header.read_bytes())

    def compile_one(source: Path) -> Path:
        digest = common.copy()
        digest.update(source.read_bytes())
        name = f"{source.parent.name}-{source.stem}"
        target = folder / f"{name}-{digest.hexdigest()[:16]}.o"
        if not target.exists():
            run_and_replace(["-c", str(source), *flags, "-o"], target)
            forget_old(folder.glob(f"{name}-{'?' * 16}.o"))
        return target

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(compile_one, sources))


def run_and_replace(arguments: Sequence[str], target: Path) -> None:
    """Runs the compiler with the output's name appended; the target appears only when it is whole.

    Raises:
      RunError: without a compiler, or with what it said.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        made = Path(scratch) / target.name
        _run([*command(), *arguments, str(made)])
        os.replace(made, target)


def forget_old(made: Iterable[Path]) -> None:
    """Removes what was made more than a day ago, which no build that runs now can need."""
    for path in made:
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - 86400:
                path.unlink()


def build_folder(sources: Path, name: str) -> Path:
    """Where to build: beside the sources, or in the user's cache when they are read-only."""
    if os.access(sources, os.W_OK):
        return sources / "build"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / name


def tensorflow_version() -> str:
    """The version of the installed TensorFlow, without importing it; "none" without one."""
    for name in ("tensorflow", "tensorflow-cpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "none"


def command() -> list[str]:
    """The C++ compiler: `CXX`, else g++."""
    return shlex.split(os.environ.get("CXX", "g++"))


@functools.cache
def _version() -> str:
    return _run([*command(), "--version"])


def _run(arguments: list[str]) -> str:
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    except OSError as error:
        raise RunError(
            f"No C++ compiler: {arguments[0]} could not be started ({error.strerror}). "
            "Install g++ or clang, or set CXX."
        ) from error
    if done.returncode:
        shown = shlex.join(arguments)
        shown = shown if len(shown) < 500 else f"{arguments[0]} ... {shown[-300:]}"
        raise RunError(f"{shown}\nfailed:\n{done.stderr[-4000:]}")
    return done.stdout
