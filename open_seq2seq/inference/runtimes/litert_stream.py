"""Streams of LiteRT models (TensorFlow Lite), by ai-edge-litert."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from open_seq2seq.exported import StreamGraph
from open_seq2seq.greetings import without_greetings
from open_seq2seq.inference.runtimes.session import NUM_SAMPLES, SAMPLES
from open_seq2seq.inference.runtimes.stream_session import (
    SIGNATURE,
    KeptState,
    StreamRows,
    rows_of,
)


class LiteRTStreamSession:
    """See `StreamSession`."""

    PACKAGE: ClassVar[str] = "ai_edge_litert"
    EXTRA: ClassVar[str] = "litert"
    BATCH: ClassVar[int | None] = 1

    def __init__(self, path: Path, graph: StreamGraph, threads: int):
        from ai_edge_litert.interpreter import Interpreter

        with without_greetings():
            interpreter: Any = Interpreter(model_path=str(path), num_threads=threads)
            self._runner = interpreter.get_signature_runner(SIGNATURE)
        self._graph, self._lock = graph, threading.Lock()

    def run(
        self, samples: np.ndarray, num_samples: np.ndarray, states: Mapping[str, KeptState]
    ) -> StreamRows:
        """See `StreamSession`."""
        with self._lock:  # an interpreter has one set of tensors
            given = {SAMPLES: samples, NUM_SAMPLES: num_samples, **states}
            return rows_of(self._runner(**given), self._graph)
