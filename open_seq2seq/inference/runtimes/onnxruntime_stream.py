"""Streams of ONNX models, by ONNX Runtime, which keeps their states itself."""

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
        self._states = [one.input for one in graph.states]
        self._outputs = [LOG_PROBS, FIRST_ROW, NUM_ROWS, *(one.output for one in graph.states)]

    def run(
        self, samples: np.ndarray, num_samples: np.ndarray, states: Mapping[str, KeptState]
    ) -> StreamRows:
        """See `StreamSession`."""
        given = {SAMPLES: self._value(samples), NUM_SAMPLES: self._value(num_samples)}
        for name in self._states:
            kept = states[name]
            given[name] = kept.value if isinstance(kept, _Kept) else self._value(kept)
        found = self._session.run_with_ort_values(self._outputs, given)
        log_probs, first_row, num_rows = (one.numpy() for one in found[:3])
        kept_states = {name: _Kept(one) for name, one in zip(self._states, found[3:])}
        return StreamRows(log_probs, first_row, num_rows, kept_states)


class _Kept:
    """A state as ONNX Runtime holds it: what goes on as it is is not copied."""

    def __init__(self, value: Any):
        self.value = value
        self._array: np.ndarray | None = None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self._array is None:
            self._array = self.value.numpy()
        return np.asarray(self._array, dtype)
