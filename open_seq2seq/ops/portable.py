"""Graphs that run anywhere, while a model is traced.

What a model is traced to depends on the machine: where the C++ kernels of `ops.native` are
built, the graph holds operations that only this library has. An exported graph must not, so
whoever exports says it while the model is called.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Several models may be traced at once, in a thread each.
_portable: ContextVar[bool] = ContextVar("portable", default=False)


@contextmanager
def portable() -> Iterator[None]:
    """While a model is called inside, it is traced to TensorFlow's own operations only.

    The numbers are the same up to rounding; the C++ kernels are not used. Without effect on
    what was traced before: a `tf.function` has to be traced inside.
    """
    token = _portable.set(True)
    try:
        yield
    finally:
        _portable.reset(token)


def is_portable() -> bool:
    """Whether this call is inside `portable`."""
    return _portable.get()
