"""Models in OpenVINO's own format (IR), by OpenVINO."""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from open_seq2seq.inference.runtimes.session import LENGTHS, LOG_PROBS, NUM_SAMPLES, SAMPLES

_TELEMETRY = "openvino_telemetry"
# Where a model says in what it wants to be computed, "f32" if it says nothing.
PRECISION = ("open_seq2seq", "precision")


class OpenVINOSession:
    """See `Session`."""

    PACKAGE: ClassVar[str] = "openvino"
    EXTRA: ClassVar[str] = "openvino"

    def __init__(self, path: Path, threads: int):
        model = compiled_model(path, threads)
        # A tensor may have several names.
        names = [name for one in model.inputs for name in one.names]
        self._names = [name for name in names if name in (SAMPLES, NUM_SAMPLES)]
        self._request: Any = model.create_infer_request()
        self._lock = threading.Lock()

    def run(self, samples: np.ndarray, num_samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Session`."""
        given = {SAMPLES: samples, NUM_SAMPLES: num_samples}
        with self._lock:  # a request has one input at a time
            found = self._request.infer({name: given[name] for name in self._names})
            return found[LOG_PROBS], found[LENGTHS]


def compiled_model(path: Path, threads: int) -> Any:
    """A model that is ready for requests."""
    core = openvino_package().Core()
    source = core.read_model(str(path))
    wants_bfloat16 = source.has_rt_info(list(PRECISION)) and has_bfloat16()
    # On processors that have bfloat16 it would compute in it, whatever the model was made for.
    options = {
        "INFERENCE_PRECISION_HINT": "bf16" if wants_bfloat16 else "f32",
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    return core.compile_model(source, "CPU", options)


def has_bfloat16() -> bool:
    """Whether this processor computes in bfloat16."""
    capabilities = openvino_package().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "BF16" in capabilities


def openvino_package() -> Any:
    """The package, see `without_telemetry`."""
    return without_telemetry("openvino")


def without_telemetry(name: str) -> Any:
    """A package that tells its maker of its use, kept from it: nothing is sent from here."""
    if name not in sys.modules:
        modules: dict[str, Any] = sys.modules
        before = {one: modules[one] for one in [_TELEMETRY] if one in modules}
        modules[_TELEMETRY] = None  # as if it were not installed
        try:
            import_module(name)
        finally:
            del modules[_TELEMETRY]
            modules |= before
    return sys.modules[name]
