"""Libraries built by CMake, https://cmake.org, for the machine that they run on."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ctc_decoder_with_lm.errors import RunError

_REQUIREMENTS = "pip install cmake ninja 'pybind11>=3,<4' 'setuptools>=77'"
_COMPILERS = ("c++", "g++", "clang++")


def build(
    source: Path,
    target: str,
    output: Path,
    settings: Mapping[str, str | Path],
    more: Mapping[str, str] | None = None,
) -> None:
    """Configures a project, builds one target, and puts its file at `output` once it is whole.

    Args:
      source: the folder of CMakeLists.txt.
      target: a library or program of it.
      output: where its file goes. The build's folder is beside it and stays, so that only what
        changed is compiled the next time.
      settings: variables of CMake; others of them are built in another folder.
      more: variables that add targets to the same folder.

    Raises:
      RunError: without CMake or a compiler, or with what they said.
    """
    cmake, ninja = _program("cmake"), _program("ninja")
    if cmake is None:
        raise RunError(f"CMake is not installed: {_REQUIREMENTS}")
    _check_compiler()
    given = {"Python_EXECUTABLE": sys.executable, **settings}
    arguments = [f"-D{name}={value}" for name, value in given.items()]
    if ninja is not None:
        arguments += ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"]
    identity = repr((arguments, os.environ.get("CXX")))
    folder = output.parent / f"cmake-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"
    made = folder / "made"
    arguments += [f"-DCMAKE_{kind}_OUTPUT_DIRECTORY={made}" for kind in ("LIBRARY", "RUNTIME")]
    arguments += [f"-D{name}={value}" for name, value in (more or {}).items()]
    with _locked(folder):
        _run([cmake, "-S", str(source), "-B", str(folder), *arguments])
        _run([cmake, "--build", str(folder), "--target", target])
        (file,) = made.glob(f"{target}*")
        beside = made / f"copied-{file.name}"
        shutil.copy(file, beside)
        os.replace(beside, output)


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


def _program(name: str) -> str | None:
    """A program of this Python's environment, or of the path."""
    own = sysconfig.get_path("scripts")
    return shutil.which(name, path=own) or shutil.which(name)


def _check_compiler() -> None:
    given = shlex.split(os.environ.get("CXX", ""))
    if not any(shutil.which(name) for name in given[:1] or _COMPILERS):
        raise RunError(
            f"No C++ compiler: {given[0] if given else 'g++'} could not be started. "
            "Install g++ or clang, or set CXX."
        )


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """While the folder is this process's own."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(arguments: list[str]) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        said = f"{done.stdout}\n{done.stderr}".strip()
        raise RunError(f"{shlex.join(arguments[:4])} ... failed:\n{said[-4000:]}")
