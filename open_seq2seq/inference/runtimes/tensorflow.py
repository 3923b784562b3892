"""SavedModels, by TensorFlow."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.inference.runtimes.session import LENGTHS, LOG_PROBS, NUM_SAMPLES, SAMPLES

_log = logging.getLogger(__name__)

_SIGNATURE = "serving_default"
# A SavedModel is a program. What opens files or calls Python has no place in a network; saving and
# restoring variables is in every SavedModel, but not in what the signature runs.
_FORBIDDEN = ("PyFunc", "File", "Reader", "Dataset", "Print", "Summary", "LookupTable", "Socket",
              "Rpc", "Save", "Restore")  # fmt: skip
_OF_VARIABLES = ("SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename")


class TensorFlowSession:
    """See `Session`; the path is that of `saved_model.pb`.

    The number of threads is one of the whole process: it holds where TensorFlow has done nothing
    before.
    """

    PACKAGE: ClassVar[str] = "tensorflow"
    EXTRA: ClassVar[str] = ""

    def __init__(self, path: Path, threads: int):
        import tensorflow as tf

        self._model, self._function = load_signature(path, _SIGNATURE, threads)
        self._names = set(self._function.structured_input_signature[1])
        self._constant = tf.constant

    def run(self, samples: np.ndarray, num_samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Session`."""
        given = {SAMPLES: samples, NUM_SAMPLES: num_samples}
        found = self._function(**{name: self._constant(given[name]) for name in self._names})
        return found[LOG_PROBS].numpy(), found[LENGTHS].numpy()


def load_signature(path: Path, name: str, threads: int) -> tuple[Any, Any]:
    """A SavedModel, and the function of one of its signatures, which it has to outlive.

    Args:
      path: of `saved_model.pb`.
      name: of the signature.
      threads: of the whole process, see `TensorFlowSession`.

    Raises:
      InputError: it does more than to compute.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        _log.debug("TensorFlow has begun: its number of threads stays as it is.")
    described = SavedModel.FromString(path.read_bytes())
    graphs = [one.graph_def for one in described.meta_graphs]
    _refuse(path, (name for graph in graphs for name in _operations(graph)), _OF_VARIABLES)
    model: Any = tf.saved_model.load(str(path.parent))
    function: Any = model.signatures[name]
    _refuse(path, _operations(function.graph.as_graph_def()), ())
    return model, function


def called(function: Any, given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a function of `load_signature` gives for arrays by their names."""
    import tensorflow as tf

    found = function(**{name: tf.constant(value) for name, value in given.items()})
    return {name: value.numpy() for name, value in found.items()}


def _operations(graph: Any) -> Iterable[str]:
    """The operations of a graph and of its functions."""
    yield from (node.op for node in graph.node)
    for function in graph.library.function:
        yield from (node.op for node in function.node_def)


def _refuse(path: Path, operations: Iterable[str], allowed: Iterable[str]) -> None:
    """Raises InputError for operations that a network does not have."""
    found = {one for one in operations if any(word in one for word in _FORBIDDEN)}
    found -= set(allowed)
    if found:
        expected = "a network: operations that compute"
        problem = Problem(str(path), f"operations {', '.join(sorted(found))}", expected)
        raise InputError("The SavedModel is not run:", [problem])
