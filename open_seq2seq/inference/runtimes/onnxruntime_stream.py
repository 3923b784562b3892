"""Streams of ONNX models, by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from open_seq2seq.exported import StreamGraph
from open_seq2seq.inference.runtimes.onnxruntime import onnxruntime_session
from open_seq2seq.inference.runtimes.session import LOG_PROBS, NUM_SAMPLES, SAMPLES
from open_seq2seq.inference.runtimes.stream_session import (
    FIRST_ROW,
    NUM_ROWS,
    KeptState,
    StreamRows,
    rows_of,
)


class OnnxRuntimeStreamSession:
    """See `StreamSession`."""

    PACKAGE: ClassVar[str] = "onnxruntime"
    EXTRA: ClassVar[str] = "onnx"
    BATCH: ClassVar[int | None] = None

    def __init__(self, path: Path, graph: StreamGraph, threads: int):
        from onnxruntime import OrtValue

        self._value: Any = OrtValue.ortvalue_from_numpy
        self._session = onnxruntime_session(path, threads)
        self._graph = graph
        self._outputs = [LOG_PROBS, FIRST_ROW, NUM_ROWS, *(one.output for one in graph.states)]

    def run(
        self, samples: np.ndarray, num_samples: np.ndarray, states: Mapping[str, KeptState]
    ) -> StreamRows:
        """See `StreamSession`: of one stream, what goes on is not copied."""
        given = {SAMPLES: samples, NUM_SAMPLES: num_samples, **states}
        values = {name: self._value(np.ascontiguousarray(one)) for name, one in given.items()}
        found = self._session.run_with_ort_values(self._outputs, values)
        arrays = {name: one.numpy() for name, one in zip(self._outputs, found)}
        return rows_of(arrays, self._graph)
