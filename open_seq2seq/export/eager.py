"""Reading and computing numbers while a graph is traced."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import keras


def eager() -> AbstractContextManager[None]:
    """Inside, `keras.ops` compute numbers at once, and variables have their values.

    Weights are folded while a graph is built, which may be inside a `tf.function`.
    """
    if keras.backend.backend() != "tensorflow":
        return nullcontext()
    import tensorflow as tf

    context: AbstractContextManager[None] = tf.init_scope()
    return context
