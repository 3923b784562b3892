"""Streams of models in OpenVINO's own format (IR), by OpenVINO."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from open_seq2seq.exported import StreamGraph
from open_seq2seq.inference.runtimes.openvino import compiled_model
from open_seq2seq.inference.runtimes.session import LOG_PROBS, NUM_SAMPLES, SAMPLES
from open_seq2seq.inference.runtimes.stream_session import (
    FIRST_ROW,
    NUM_ROWS,
    KeptState,
    StreamRows,
    rows_of,
)


class OpenVINOStreamSession:
    """See `StreamSession`."""

    PACKAGE: ClassVar[str] = "openvino"
    EXTRA: ClassVar[str] = "openvino"
    BATCH: ClassVar[int | None] = None

    def __init__(self, path: Path, graph: StreamGraph, threads: int):
        self._request: Any = compiled_model(path, threads).create_infer_request()
        outputs = [LOG_PROBS, FIRST_ROW, NUM_ROWS, *(one.output for one in graph.states)]
        self._graph, self._outputs, self._lock = graph, outputs, threading.Lock()

    def run(
        self, samples: np.ndarray, num_samples: np.ndarray, states: Mapping[str, KeptState]
    ) -> StreamRows:
        """See `StreamSession`."""
        with self._lock:  # a request has one set of tensors, which the next piece writes over
            found = self._request.infer({SAMPLES: samples, NUM_SAMPLES: num_samples, **states})
            arrays = {name: np.array(found[name]) for name in self._outputs}
        return rows_of(arrays, self._graph)
