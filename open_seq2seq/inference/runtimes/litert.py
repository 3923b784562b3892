"""LiteRT models (TensorFlow Lite), by ai-edge-litert."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from open_seq2seq.greetings import without_greetings
from open_seq2seq.inference.runtimes.session import LENGTHS, LOG_PROBS, NUM_SAMPLES, SAMPLES

_SIGNATURE = "serving_default"


class LiteRTSession:
    """See `Session`."""

    PACKAGE: ClassVar[str] = "ai_edge_litert"
    EXTRA: ClassVar[str] = "litert"

    def __init__(self, path: Path, threads: int):
        from ai_edge_litert.interpreter import Interpreter

        interpreter: Any = Interpreter(model_path=str(path), num_threads=threads)
        # It resizes the inputs, which costs nothing where the length is the one before.
        self._runner = interpreter.get_signature_runner(_SIGNATURE)
        self._names = set(self._runner.get_input_details())
        self._has_run = False
        self._lock = threading.Lock()

    def run(self, samples: np.ndarray, num_samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Session`."""
        given = {SAMPLES: samples, NUM_SAMPLES: num_samples}
        with self._lock:  # an interpreter has one set of tensors
            with nullcontext() if self._has_run else without_greetings():
                found = self._runner(**{name: given[name] for name in self._names})
            self._has_run = True
        return found[LOG_PROBS], found[LENGTHS]
