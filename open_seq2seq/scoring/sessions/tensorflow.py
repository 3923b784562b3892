"""SavedModels by TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.errors import RunError
from open_seq2seq.inference.runtimes.loaded_model import first_line
from open_seq2seq.inference.runtimes.tensorflow import called, load_signature
from open_seq2seq.scoring.sessions.session import StatelessSession, Tensor


class TensorFlowGraph(StatelessSession):
    """See `TensorSession`: the signature serving_default.

    Args:
      path: of `saved_model.pb`.
      threads: see `TensorFlowSession`.
    """

    about = "TensorFlow on CPU"
    precision = "f32"

    def __init__(self, path: Path, threads: int):
        self._loaded, self._function = load_signature(path, "serving_default", threads)
        given = self._function.structured_input_signature[1]
        self.inputs = tuple(_tensor(name, one) for name, one in given.items())
        self.outputs = tuple(
            _tensor(name, one) for name, one in self._function.structured_outputs.items()
        )
        self._types = {name: one.dtype.as_numpy_dtype for name, one in given.items()}

    def run(self, feeds: Mapping[str, np.ndarray], outputs: Sequence[str]) -> list[np.ndarray]:
        """See `TensorSession`."""
        given = {name: value.astype(self._types[name]) for name, value in feeds.items()}
        try:
            found = called(self._function, given)
        except Exception as error:  # TensorFlow has many
            raise RunError(f"The model fails in TensorFlow: {first_line(error)}") from error
        return [found[name] for name in outputs]


def _tensor(name: str, spec: Any) -> Tensor:
    shape = None if spec.shape.rank is None else tuple(spec.shape.as_list())
    return Tensor(name, shape, spec.dtype.is_integer)
