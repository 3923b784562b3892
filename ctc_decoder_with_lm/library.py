"""The decoder's C++ core as libraries: where they are, how they are built and loaded.

A wheel brings some for all processors of its kind, `libraries/`. What `build` makes is for these
sources, this Python and this processor; it is preferred, and not used when one of them changes.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import platform
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from ctc_decoder_with_lm import native_build
from ctc_decoder_with_lm.cpu import cpu_flags, levels
from ctc_decoder_with_lm.errors import RunError

PACKAGE = Path(__file__).parent
NATIVE = PACKAGE / "native"
INSTALLED = PACKAGE / "libraries"
# Sources that belong to one of the doors; the others are the core.
_BINDING, _TENSORFLOW = "python_binding.cc", "tensorflow_op.cc"
_MODULE = "ctc_decoder_with_lm._core"
# Where it runs is where it is built.
_TUNED = sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64")
_LEVEL = "native" if _TUNED else "generic"


def core_path() -> Path:
    """The Python module that `build` makes."""
    return folder() / f"_core-{_digest([_TENSORFLOW])}{_python_suffix()}"


def operation_path() -> Path:
    """The TensorFlow operation that `build_operation` makes."""
    name = f"tensorflow_op-{native_build.tensorflow_version()}-{_digest([_BINDING])}.so"
    return folder() / name


def build() -> Path:
    """Builds the Python module for this machine, unless it is there.

    Returns:
      Its path.

    Raises:
      RunError: without CMake, a compiler or KenLM's sources, or with what they said.
    """
    path = core_path()
    if not path.exists():
        _build(f"_core-{_LEVEL}", path)
        native_build.forget_old(set(folder().glob("_core-*")) - {path})
    return path


def build_operation() -> Path:
    """Builds the TensorFlow operation for this machine, unless it is there; returns its path."""
    path = operation_path()
    if not path.exists():
        _build(f"tensorflow_op-{native_build.tensorflow_version()}-{_LEVEL}", path, operation=True)
        native_build.forget_old(set(folder().glob("tensorflow_op-*")) - {path})
    return path


def build_tool() -> Path:
    """Builds KenLM's `build_binary`, which makes binaries of all types; returns its path."""
    path = folder() / f"build_binary-{_digest([_BINDING, _TENSORFLOW])}"
    if not path.exists():
        _build("build_binary", path)
    return path


@functools.cache
def core() -> ModuleType:
    """The Python module.

    Raises:
      RunError: it is not there, or cannot be loaded; the text says why.
    """
    path = usable(core_path(), "_core-{level}" + _python_suffix())
    if path is None:
        raise RunError(
            f"Beam search is not built{_why_missing()}. "
            "Build it by: python -m ctc_decoder_with_lm.build"
        )
    specification = importlib.util.spec_from_file_location(_MODULE, path)
    assert specification is not None and specification.loader is not None
    try:
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
    except ImportError as error:
        raise RunError(f"Beam search cannot be loaded: {error}") from error
    return module


def why_unavailable() -> str | None:
    """Why beam search does not work here; None where it does."""
    try:
        core()
    except RunError as error:
        return str(error)
    return None


def usable(built: Path, installed: str) -> Path | None:
    """The library to load: the one built here, else the wheel's for this processor.

    Args:
      built: what `build` makes.
      installed: the name of what a wheel brings, with `{level}`.
    """
    names = [INSTALLED / installed.format(level=level) for level in levels()]
    return next((path for path in [built, *names] if path.exists()), None)


def folder() -> Path:
    """Where everything that is built here goes."""
    return native_build.build_folder(NATIVE, "ctc_decoder_with_lm")


def _build(target: str, path: Path, operation: bool = False) -> None:
    settings: dict[str, str | Path] = {"KENLM_CACHE": folder(), "CTC_LEVELS": _LEVEL}
    # To find TensorFlow is to import it, which takes longer than all the rest.
    more = {"CTC_OPERATION": "ON" if operation else "OFF"}
    native_build.build(PACKAGE, target, path, settings, more)


def _why_missing() -> str:
    """What the installation said, or what the library would have to be built for."""
    reason = INSTALLED / "missing.txt"
    if reason.exists():
        return f": {reason.read_text('utf-8')}"
    return " for these sources, this Python and this CPU"


def _digest(without: Sequence[str]) -> str:
    digest = hashlib.sha256(_cpu_tag().encode())
    how = [PACKAGE / "CMakeLists.txt", *sorted(PACKAGE.glob("kenlm_*"))]
    sources = [path for path in NATIVE.glob("*.[ch]*") if path.name not in without]
    for path in [*how, *sorted((PACKAGE / "cmake").glob("*.*")), *sorted(sources)]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@functools.cache
def _cpu_tag() -> str:
    """Differs between CPUs of which one may lack instructions that were compiled for the other."""
    known = repr((platform.machine(), sorted(cpu_flags())))
    return hashlib.sha256(known.encode()).hexdigest()[:8]


def _python_suffix() -> str:
    return sysconfig.get_config_var("EXT_SUFFIX") or ".so"
