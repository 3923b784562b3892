"""A state's tensors, in every format: their names, and how `recognizer.json` describes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from open_seq2seq.exported.stream import StreamState


def before(name: str) -> str:
    """Of the input: not every format takes a slash."""
    return f"state_{name.replace('/', '_')}"


def after(name: str) -> str:
    """Of the output."""
    return f"next_{before(name)}"


def described(
    name: str, shape: Sequence[int], initial: float | np.ndarray, is_whole: bool
) -> StreamState:
    """A state; the arguments are those of `GraphStates.old`."""
    dtype = np.dtype(np.int32 if is_whole else np.float32)
    begin = tuple(np.asarray(initial, dtype).ravel().tolist())
    return StreamState(before(name), after(name), dtype.name, tuple(shape), begin)
