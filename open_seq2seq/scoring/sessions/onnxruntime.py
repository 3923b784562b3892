"""ONNX models by ONNX Runtime, where OpenVINO is not installed or not wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from open_seq2seq.errors import InputError, Problem, RunError
from open_seq2seq.inference.runtimes import is_installed, not_installed
from open_seq2seq.inference.runtimes.loaded_model import first_line
from open_seq2seq.inference.runtimes.onnxruntime import onnxruntime_session
from open_seq2seq.native_build.cpu import available_cores
from open_seq2seq.scoring.sessions.session import StatelessSession, Tensor


class OnnxRuntimeGraph(StatelessSession):
    """See `TensorSession`; arguments as those of `onnxruntime_session`.

    Raises:
      InputError: ONNX Runtime is not installed, or cannot load the file.
    """

    precision = "f32"

    def __init__(self, path: Path, threads: int | None):
        if not is_installed("onnxruntime"):
            raise not_installed("onnxruntime")
        import onnxruntime

        self.about = f"ONNX Runtime {onnxruntime.__version__} on CPU"
        try:
            self._session = onnxruntime_session(path, threads or available_cores())
        except Exception as error:  # its errors have no common base
            problem = Problem(
                str(path), f"ONNX Runtime cannot load it ({first_line(error)})", "ONNX"
            )
            raise InputError("The model cannot be loaded:", [problem]) from error
        self.inputs = tuple(map(_tensor, self._session.get_inputs()))
        self.outputs = tuple(map(_tensor, self._session.get_outputs()))
        self._types = {one.name: one.type for one in self._session.get_inputs()}

    def run(self, feeds: Mapping[str, np.ndarray], outputs: Sequence[str]) -> list[np.ndarray]:
        """See `TensorSession`."""
        given = {name: _as(self._types[name], value) for name, value in feeds.items()}
        try:
            found: list[np.ndarray] = self._session.run(list(outputs), given)
        except Exception as error:
            raise RunError(f"The model fails in ONNX Runtime: {first_line(error)}") from error
        return found


def _tensor(one: object) -> Tensor:
    shape = tuple(size if isinstance(size, int) else None for size in one.shape)  # type: ignore[attr-defined]
    name, kind = one.name, one.type  # type: ignore[attr-defined]
    return Tensor(name, shape, "int" in kind)


def _as(kind: str, value: np.ndarray) -> np.ndarray:
    types = {"tensor(double)": np.float64, "tensor(int64)": np.int64, "tensor(int32)": np.int32,
             "tensor(float16)": np.float16}  # fmt: skip
    return value.astype(types.get(kind, np.float32), copy=False)
