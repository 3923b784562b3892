"""Streams of SavedModels, by TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from open_seq2seq.exported import StreamGraph
from open_seq2seq.inference.runtimes.session import LOG_PROBS, NUM_SAMPLES, SAMPLES
from open_seq2seq.inference.runtimes.stream_session import (
    FIRST_ROW,
    NUM_ROWS,
    SIGNATURE,
    KeptState,
    StreamRows,
)
from open_seq2seq.inference.runtimes.tensorflow import load_signature


class TensorFlowStreamSession:
    """See `StreamSession`; the path is that of `saved_model.pb`."""

    PACKAGE: ClassVar[str] = "tensorflow"
    EXTRA: ClassVar[str] = ""
    BATCH: ClassVar[int | None] = None

    def __init__(self, path: Path, graph: StreamGraph, threads: int):
        import tensorflow as tf

        self._graph, self._tensor = graph, tf.convert_to_tensor
        self._model, self._function = load_signature(path, SIGNATURE, threads)

    def run(
        self, samples: np.ndarray, num_samples: np.ndarray, states: Mapping[str, KeptState]
    ) -> StreamRows:
        """See `StreamSession`: states stay tensors."""
        given: dict[str, Any] = {SAMPLES: samples, NUM_SAMPLES: num_samples, **states}
        found = self._function(**{name: self._tensor(one) for name, one in given.items()})
        log_probs, first_row, num_rows = (
            found[name].numpy() for name in (LOG_PROBS, FIRST_ROW, NUM_ROWS)
        )
        kept = {one.input: found[one.output] for one in self._graph.states}
        return StreamRows(log_probs, first_row, num_rows, kept)
