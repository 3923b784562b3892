"""What the graph of a stream keeps from one call to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from open_seq2seq.graphs.builder import Value


class GraphStates(Protocol):
    """The states of a graph of streams: inputs as the last call left them, outputs for the next.

    Each has the batch as its first axis, a row for each stream.
    """

    def old(
        self,
        name: str,
        shape: Sequence[int],
        initial: float | np.ndarray = 0.0,
        is_whole: bool = False,
    ) -> Value:
        """A state as the last call left it.

        Args:
          name: a name of its own.
          shape: without the batch.
          initial: what a stream begins with: a number, or an array of this shape.
          is_whole: whether it is of whole numbers.

        Returns:
          `[batch, *shape]`.
        """

    def keep(self, name: str, value: Value) -> None:
        """What the next call gets as this state, of the same shape."""
