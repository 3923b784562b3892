"""Prints what operations are compiled with, for CMake: version, headers, library, flags."""

import importlib.metadata
from pathlib import Path

import tensorflow as tf

headers = tf.sysconfig.get_include()
flags = [flag for flag in tf.sysconfig.get_compile_flags() if flag.startswith("-D")]
library = sorted(Path(tf.sysconfig.get_lib()).glob("libtensorflow_framework.*"))[0]
for name in ("tensorflow", "tensorflow-cpu"):
    try:
        version = importlib.metadata.version(name)
        break
    except importlib.metadata.PackageNotFoundError:
        continue
print(";".join([version, headers, str(library), *flags]))
