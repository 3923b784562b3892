"""ONNX models, by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from open_seq2seq.inference.runtimes.memory import release_freed_memory
from open_seq2seq.inference.runtimes.session import LENGTHS, LOG_PROBS, NUM_SAMPLES, SAMPLES


class OnnxRuntimeSession:
    """See `Session`."""

    PACKAGE: ClassVar[str] = "onnxruntime"
    EXTRA: ClassVar[str] = "onnx"

    def __init__(self, path: Path, threads: int):
        self._session = onnxruntime_session(path, threads)
        self._inputs = {one.name for one in self._session.get_inputs()}

    def run(self, samples: np.ndarray, num_samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Session`."""
        given = {SAMPLES: samples, NUM_SAMPLES: num_samples}
        used = {name: given[name] for name in self._inputs}
        log_probs, lengths = self._session.run([LOG_PROBS, LENGTHS], used)
        return log_probs, lengths


def onnxruntime_session(path: Path, threads: int) -> Any:
    """A model that ONNX Runtime has loaded.

    Args:
      path: its file.
      threads: that it computes with.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Otherwise its threads wait for the next recording at full speed, as does the caller's.
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(threads > 1)))
    options.log_severity_level = 3  # errors: they come as exceptions too
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    release_freed_memory()
    return session
