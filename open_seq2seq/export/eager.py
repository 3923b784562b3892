"""Reading and computing numbers while a graph is traced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras


@contextmanager
def eager() -> Iterator[None]:
    """Inside, `keras.ops` compute numbers at once, and variables have their values.

    Weights are folded while a graph is built, which may be inside a `tf.function` or JAX's `jit`.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.init_scope():
            yield
    elif backend == "jax":
        import jax

        with jax.ensure_compile_time_eval():
            yield
    else:
        yield
