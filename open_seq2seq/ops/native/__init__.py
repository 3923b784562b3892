"""The C++ kernels behind the TensorFlow backend, and the library that they are built into.

A wheel may bring it, for one version of TensorFlow; `python -m open_seq2seq.ops.native` builds it
by CMake, in about half a minute. Without it everything works, more slowly, on TensorFlow's own
kernels.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
from pathlib import Path
from typing import Any

from ctc_decoder_with_lm import native_build
from ctc_decoder_with_lm.cpu import cpu_flags
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
    """The library for this TensorFlow: one built here, the wheel's, or where it would be built."""
    version = native_build.tensorflow_version()
    digest = hashlib.sha256()
    for source in [*sorted(_SOURCES.glob("*.[ch]*")), _SOURCES / "CMakeLists.txt"]:
        digest.update(source.read_bytes())
    folder = native_build.build_folder(_SOURCES, "open_seq2seq")
    built = folder / f"tensorflow_ops-{version}-{digest.hexdigest()[:12]}.so"
    installed = _SOURCES / "libraries" / f"tensorflow_ops-{version}.so"
    return installed if installed.exists() and not built.exists() else built


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
      RunError: without CMake or a compiler, or with what they said.
    """
    path = library_path()
    if not path.exists():
        target = f"tensorflow_ops-{native_build.tensorflow_version()}"
        native_build.build(_SOURCES, target, path, {})
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
