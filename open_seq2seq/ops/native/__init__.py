"""The C++ kernels behind the TensorFlow backend, and the library that they are built into.

`python -m open_seq2seq.ops.native` builds it, in about half a minute, with the C++ compiler
(`CXX`, else g++). Without it everything works, more slowly, on TensorFlow's own kernels.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
from pathlib import Path
from typing import Any

from open_seq2seq.native_build.compiler import (
    build_folder,
    compiled,
    run_and_replace,
    tensorflow_version,
)
from open_seq2seq.native_build.cpu import cpu_flags
from open_seq2seq.ops.portable import is_portable

_SOURCES = Path(__file__).parent
_NEEDED_FLAGS = frozenset({"avx512_bf16", "avx512bw", "avx512dq", "avx512vl"})


def supported() -> bool:
    """Whether this CPU runs the kernels: they are written for AVX512-BF16."""
    return platform.machine() in ("x86_64", "AMD64") and cpu_flags() >= _NEEDED_FLAGS


def switched_off() -> bool:
    """Whether the environment asks to do without the kernels."""
    return os.environ.get("OPEN_SEQ2SEQ_NATIVE") == "0"


def library_path() -> Path:
    """Where the library for these sources and this TensorFlow is, or would be."""
    digest = hashlib.sha256()
    for source in sorted(_SOURCES.glob("*.[ch]*")):
        digest.update(source.read_bytes())
    name = f"tensorflow_ops-{tensorflow_version()}-{digest.hexdigest()[:12]}.so"
    return build_folder(_SOURCES, "open_seq2seq") / name


def missing() -> bool:
    """Whether the kernels would make this process faster, and are not built."""
    import keras

    if keras.backend.backend() != "tensorflow" or not supported() or library_path().exists():
        return False
    import tensorflow as tf

    return not tf.config.list_physical_devices("GPU")


def build() -> Path:
    """Compiles the library, unless it is there.

    Returns:
      Its path.

    Raises:
      RunError: without a compiler, or with what it said.
    """
    import tensorflow as tf

    path = library_path()
    if path.exists():
        return path
    flags = ["-O3", "-w", "-fPIC", "-std=c++17", *tf.sysconfig.get_compile_flags()]
    sources, headers = sorted(_SOURCES.glob("*.cc")), sorted(_SOURCES.glob("*.h"))
    objects = compiled(sources, flags, headers, path.parent / f"objects-{tensorflow_version()}")
    links = ["-shared", *map(str, objects), *tf.sysconfig.get_link_flags(), "-o"]
    run_and_replace(links, path)
    return path


def operations() -> Any:
    """The operations as a module, or None: not built, another CPU, or a GPU is used.

    `OPEN_SEQ2SEQ_NATIVE=0` turns them off, and so does `ops.portable.portable` around a call.
    """
    return None if is_portable() else _library()


@functools.cache
def _library() -> Any:
    """The loaded library, or None; once a process."""
    if switched_off() or not supported():
        return None
    import tensorflow as tf

    path = library_path()
    if not path.exists() or tf.config.list_physical_devices("GPU"):
        return None
    return tf.load_op_library(str(path))


def look_again() -> None:
    """Forgets whether the library was there, so that one built since then is found."""
    _library.cache_clear()
