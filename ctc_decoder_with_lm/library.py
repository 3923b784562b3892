"""The decoder's C++ core as libraries: where they are, how they are built and loaded."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
import platform
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from ctc_decoder_with_lm import kenlm_source
from open_seq2seq.errors import RunError
from open_seq2seq.native_build.compiler import (
    build_folder,
    compiled,
    forget_old,
    run_and_replace,
    tensorflow_version,
)
from open_seq2seq.native_build.cpu import cpu_flags

NATIVE = Path(__file__).parent / "native"
# Sources that belong to one of the doors; the others are the core.
_BINDING, _TENSORFLOW = "python_binding.cc", "tensorflow_op.cc"
# The sources that include KenLM's headers.
_WITH_KENLM = ("kenlm_binary.cc", "language_model.cc")
_MODULE = "ctc_decoder_with_lm._core"
_STANDARD = ("-std=c++17", "-fPIC", "-fvisibility=hidden")
_KENLM_FLAGS = ("-DKENLM_MAX_ORDER=6", "-DNDEBUG", "-w")


def core_path() -> Path:
    """Where the Python module for these sources, this CPU and this Python is, or would be."""
    return folder() / f"_core-{_digest([_TENSORFLOW])}{_python_suffix()}"


def operation_path() -> Path:
    """Where the TensorFlow operation is, or would be."""
    name = f"tensorflow_op-{tensorflow_version()}-{_digest([_BINDING])}.so"
    return folder() / name


def build() -> Path:
    """Builds the Python module, unless it is there.

    Returns:
      Its path.

    Raises:
      RunError: without a compiler or KenLM's sources, or with what the compiler said.
    """
    path = core_path()
    if not path.exists():
        try:
            import pybind11
        except ImportError as error:
            raise RunError("pybind11 is not installed: pip install 'pybind11>=3,<4'") from error
        includes = [pybind11.get_include(), sysconfig.get_path("include")]
        flags = [*release_flags(), *(f"-I{folder}" for folder in includes)]
        objects = core_objects(release_flags()) + _door(_BINDING, flags)
        run_and_replace([*map(str, objects), *_link_flags(), "-o"], path)
        forget_old(set(folder().glob("_core-*")) - {path})
    return path


def build_operation() -> Path:
    """Builds the TensorFlow operation, unless it is there; returns its path."""
    path = operation_path()
    if not path.exists():
        import tensorflow as tf

        # Not for this machine: TensorFlow's headers lay out memory by what the machine can do.
        flags = ["-O2", *tf.sysconfig.get_compile_flags(), "-w"]
        objects = core_objects(release_flags()) + _door(_TENSORFLOW, flags)
        links = [*_link_flags(), *tf.sysconfig.get_link_flags(), "-o"]
        run_and_replace([*map(str, objects), *links], path)
        forget_old(set(folder().glob("tensorflow_op-*")) - {path})
    return path


def build_tool() -> Path:
    """Builds KenLM's `build_binary`, which makes binaries of all types; returns its path."""
    flags = release_flags()
    kenlm = kenlm_source.unpacked(folder())
    path = folder() / f"build_binary-{kenlm.name}-{_cpu_tag()}"
    if not path.exists():
        main = compiled([kenlm / "lm" / "build_binary_main.cc"], _kenlm_flags(flags), [], kenlm)
        objects = main + _kenlm_objects(flags, kenlm)
        run_and_replace([*map(str, objects), "-pthread", "-o"], path)
    return path


def build_test(
    source: Path, flags: Sequence[str], kenlm_flags: Sequence[str], output: Path
) -> Path:
    """Builds a program of `native/tests/` with the core; returns `output`.

    Args:
      source: has the function main.
      flags: how to optimise or instrument the core.
      kenlm_flags: the same for KenLM.
      output: the program.
    """
    main = compiled([source], [*_STANDARD, *flags, "-Wall"], _headers(), _objects_folder(flags))
    objects = core_objects(flags, kenlm_flags) + main
    run_and_replace([*map(str, objects), *flags, "-pthread", "-o"], output)
    return output


@functools.cache
def core() -> ModuleType:
    """The Python module.

    Raises:
      RunError: it is not there, or cannot be loaded; the text says why.
    """
    path = core_path()
    if not path.exists():
        raise RunError(
            "Beam search is not built for these sources, this Python and this CPU. "
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


def core_objects(flags: Sequence[str], kenlm_flags: Sequence[str] | None = None) -> list[Path]:
    """The compiled core with KenLM, without a door.

    Args:
      flags: how to optimise or instrument.
      kenlm_flags: the same for KenLM; `flags` when absent.
    """
    kenlm = kenlm_source.unpacked(folder())
    objects = _kenlm_objects(flags if kenlm_flags is None else kenlm_flags, kenlm)
    doors = (_BINDING, _TENSORFLOW)
    sources = [path for path in sorted(NATIVE.glob("*.cc")) if path.name not in doors]
    model = [path for path in sources if path.name in _WITH_KENLM]
    rest = [path for path in sources if path not in model]
    into = _objects_folder(flags)
    objects += compiled(rest, [*_STANDARD, *flags, "-Wall", "-Wextra"], _headers(), into)
    used = [*_kenlm_flags(flags), f"-isystem{kenlm}"]
    return objects + compiled(model, used, [*_headers(), kenlm / "lm/bhiksha.hh"], into)


def release_flags() -> list[str]:
    """For this machine, as it is built where it runs."""
    tuned = platform.machine() in ("x86_64", "AMD64", "aarch64") and sys.platform == "linux"
    return ["-O3", *(["-march=native"] if tuned else [])]


def folder() -> Path:
    """Where everything that is built goes."""
    return build_folder(NATIVE, "ctc_decoder_with_lm")


def _kenlm_objects(flags: Sequence[str], kenlm: Path) -> list[Path]:
    places = ("util", "util/double-conversion", "lm")
    found = [path for place in places for path in sorted((kenlm / place).glob("*.cc"))]
    sources = [path for path in found if not path.stem.endswith(("_main", "_test"))]
    headers = [path for place in places for path in (kenlm / place).glob("*.h*")]
    used = [*_kenlm_flags(flags), f"-I{kenlm}"]
    return compiled(sources, used, headers, _objects_folder(flags) / kenlm.name)


def _kenlm_flags(flags: Sequence[str]) -> list[str]:
    return [*_STANDARD, *flags, *_KENLM_FLAGS]


def _door(name: str, flags: list[str]) -> list[Path]:
    into = _objects_folder(release_flags())
    return compiled([NATIVE / name], [*_STANDARD, *flags], _headers(), into)


def _objects_folder(flags: Sequence[str]) -> Path:
    digest = hashlib.sha256(repr(list(flags)).encode()).hexdigest()[:8]
    return folder() / f"objects-{digest}-{_cpu_tag()}"


def _headers() -> list[Path]:
    return sorted(NATIVE.glob("*.h"))


def _link_flags() -> list[str]:
    undefined = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    return ["-shared", "-pthread", *undefined]


def _digest(without: Sequence[str]) -> str:
    digest = hashlib.sha256(repr((kenlm_source.pin(), _cpu_tag())).encode())
    for how in (Path(__file__), Path(kenlm_source.__file__)):
        digest.update(how.read_bytes())
    for source in sorted(NATIVE.glob("*.[ch]*")):
        if source.name not in without:
            digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:12]


@functools.cache
def _cpu_tag() -> str:
    """Differs between CPUs of which one may lack instructions that were compiled for the other."""
    known = repr((platform.machine(), sorted(cpu_flags())))
    return hashlib.sha256(known.encode()).hexdigest()[:8]


def _python_suffix() -> str:
    return sysconfig.get_config_var("EXT_SUFFIX") or ".so"
