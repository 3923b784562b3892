"""What a runtime makes of the graph of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from open_seq2seq.exported import StreamGraph
from open_seq2seq.inference.runtimes.session import LOG_PROBS

FIRST_ROW, NUM_ROWS = "first_row", "num_rows"
# The signature, in formats that have several.
SIGNATURE = "stream"

# A state in whatever the runtime keeps it in; `np.asarray` makes an array of it.
KeptState = Any


class StreamRows(NamedTuple):
    """What a piece of a batch of streams gives.

    Args:
      log_probs: `[batch, time, class]` float32.
      first_row, num_rows: `[batch]` int32: which rows of it count.
      states: after the piece, by the names of the inputs that they are for.
    """

    log_probs: np.ndarray
    first_row: np.ndarray
    num_rows: np.ndarray
    states: Mapping[str, KeptState]


def rows_of(found: Mapping[str, np.ndarray], graph: StreamGraph) -> StreamRows:
    """What a graph gave by the names of its outputs, as arrays."""
    states = {one.input: found[one.output] for one in graph.states}
    return StreamRows(found[LOG_PROBS], found[FIRST_ROW], found[NUM_ROWS], states)


class StreamSession(Protocol):
    """A graph of streams that a runtime has loaded; threads may share it.

    Its class is made from a path, what `recognizer.json` says of the graph, and a number of
    threads, and raises whatever its package does. `PACKAGE` and `EXTRA` are as in `Session`;
    `BATCH` is 1 where it takes one stream at a time.
    """

    PACKAGE: ClassVar[str]
    EXTRA: ClassVar[str]
    BATCH: ClassVar[int | None]

    def __init__(self, path: Path, graph: StreamGraph, threads: int): ...

    def run(
        self, samples: np.ndarray, num_samples: np.ndarray, states: Mapping[str, KeptState]
    ) -> StreamRows:
        """The next piece of each stream of a batch.

        Args:
          samples: `[batch, n]` float32, in one piece of memory.
          num_samples: `[batch]` int32.
          states: arrays, or what the piece before left; they stay as they are.
        """
