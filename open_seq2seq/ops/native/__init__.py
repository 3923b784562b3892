"""The C++ kernels behind the TensorFlow backend, and the library that they are built into.

`python -m open_seq2seq.ops.native` builds it, in about half a minute, with the C++ compiler
(`CXX`, else g++). Without it everything works, more slowly, on TensorFlow's own kernels.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import platform
import shlex
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from open_seq2seq.errors import RunError
from open_seq2seq.ops.cpu import cpu_flags

_SOURCES = Path(__file__).parent
_NEEDED_FLAGS = frozenset({"avx512_bf16", "avx512bw", "avx512vl"})


def supported() -> bool:
    """Whether this CPU runs the kernels: they are written for AVX512-BF16."""
    return platform.machine() in ("x86_64", "AMD64") and cpu_flags() >= _NEEDED_FLAGS


def library_path() -> Path:
    """Where the library for these sources and this TensorFlow is, or would be."""
    digest = hashlib.sha256()
    for source in sorted(_SOURCES.glob("*.[ch]*")):
        digest.update(source.read_bytes())
    name = f"tensorflow_ops-{_tensorflow_version()}-{digest.hexdigest()[:12]}.so"
    return _folder() / name


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
    path.parent.mkdir(parents=True, exist_ok=True)
    compiler = [*shlex.split(os.environ.get("CXX", "g++")), "-O3", "-w", "-fPIC", "-std=c++17"]
    flags, sources = tf.sysconfig.get_compile_flags(), sorted(_SOURCES.glob("*.cc"))
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        objects = [f"{folder}/{source.stem}.o" for source in sources]
        compilations = [
            [*compiler, *flags, "-c", str(source), "-o", result]
            for source, result in zip(sources, objects)
        ]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(_run, compilations))
        library = f"{folder}/{path.name}"
        _run([*compiler, "-shared", *objects, "-o", library, *tf.sysconfig.get_link_flags()])
        os.replace(library, path)
    return path


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise RunError(f"No C++ compiler: {command[0]} was not found.") from error
    if done.returncode:
        raise RunError(f"The C++ kernels did not compile:\n{done.stderr[-3000:]}")


@functools.cache
def operations() -> Any:
    """The operations as a module, or None: not built, another CPU, or a GPU is used.

    `OPEN_SEQ2SEQ_NATIVE=0` turns them off.
    """
    if os.environ.get("OPEN_SEQ2SEQ_NATIVE") == "0" or not supported():
        return None
    import tensorflow as tf

    path = library_path()
    if not path.exists() or tf.config.list_physical_devices("GPU"):
        return None
    return tf.load_op_library(str(path))


def _folder() -> Path:
    """Beside the sources, or in the user's cache when the package is read-only."""
    if os.access(_SOURCES, os.W_OK):
        return _SOURCES / "build"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "open_seq2seq"


def _tensorflow_version() -> str:
    for name in ("tensorflow", "tensorflow-cpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "none"
