"""LiteRT models by ai-edge-litert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.errors import InputError, Problem, RunError
from open_seq2seq.greetings import without_greetings
from open_seq2seq.inference.runtimes import is_installed, not_installed
from open_seq2seq.inference.runtimes.loaded_model import first_line
from open_seq2seq.native_build.cpu import available_cores
from open_seq2seq.scoring.sessions.session import StatelessSession, Tensor


class LiteRTGraph(StatelessSession):
    """See `TensorSession`: names are those of the signature, or of tensors where there is none.

    Raises:
      InputError: LiteRT is not installed, or cannot load the file.
    """

    about = "LiteRT on CPU"
    precision = "as stored"

    def __init__(self, path: Path, threads: int | None):
        if not is_installed("litert"):
            raise not_installed("litert")
        from ai_edge_litert.interpreter import Interpreter

        try:
            with without_greetings():
                self._interpreter: Any = Interpreter(
                    model_path=str(path), num_threads=threads or available_cores()
                )
                signatures = self._interpreter.get_signature_list()
                self._runner = self._interpreter.get_signature_runner() if signatures else None
        except Exception as error:
            problem = Problem(str(path), f"LiteRT cannot load it ({first_line(error)})", "LiteRT")
            raise InputError("The model cannot be loaded:", [problem]) from error
        if self._runner is not None:
            inputs, outputs = self._runner.get_input_details(), self._runner.get_output_details()
        else:
            inputs = {one["name"]: one for one in self._interpreter.get_input_details()}
            outputs = {one["name"]: one for one in self._interpreter.get_output_details()}
        self._inputs, self._outputs = inputs, outputs
        self.inputs = tuple(_tensor(name, one) for name, one in inputs.items())
        self.outputs = tuple(_tensor(name, one) for name, one in outputs.items())

    def run(self, feeds: Mapping[str, np.ndarray], outputs: Sequence[str]) -> list[np.ndarray]:
        """See `TensorSession`."""
        given = {
            name: np.ascontiguousarray(value, self._inputs[name]["dtype"])
            for name, value in feeds.items()
        }
        try:
            if self._runner is not None:
                found = self._runner(**given)
                return [found[name] for name in outputs]
            for name, value in given.items():
                self._interpreter.resize_tensor_input(self._inputs[name]["index"], value.shape)
            self._interpreter.allocate_tensors()
            for name, value in given.items():
                self._interpreter.set_tensor(self._inputs[name]["index"], value)
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(self._outputs[name]["index"]) for name in outputs]
        except (RuntimeError, ValueError) as error:
            raise RunError(f"The model fails in LiteRT: {first_line(error)}") from error


def _tensor(name: str, described: Mapping[str, Any]) -> Tensor:
    shape = described.get("shape_signature", described["shape"])
    sizes = tuple(None if size < 0 else int(size) for size in shape)
    return Tensor(name, sizes, np.issubdtype(described["dtype"], np.integer))
