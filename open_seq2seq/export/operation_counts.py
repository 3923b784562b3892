"""What an exported graph saves: operations before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf
from keras import ops

from open_seq2seq.export.keras_network_builder import KerasNetworkBuilder
from open_seq2seq.export.networks.network import build_network
from open_seq2seq.models import Speech2Text
from open_seq2seq.ops.portable import portable
from open_seq2seq.tensors import Tensor

# What holds, hands over or reads numbers, and computes none.
_NOT_COUNTED = {
    "Const",
    "Identity",
    "NoOp",
    "PartitionedCall",
    "Placeholder",
    "ReadVariableOp",
    "StatefulPartitionedCall",
}


@dataclass(frozen=True)
class OperationCounts:
    """TensorFlow's operations by type, in graphs from features to log-probabilities.

    As they are traced, before any runtime's own optimizer; of a loop, those of one step.

    Args:
      model: the trained model as it is, in TensorFlow's own operations.
      batch: its exported graph, for a batch with lengths.
      single: its exported graph, for one recording.
    """

    model: Counter[str]
    batch: Counter[str]
    single: Counter[str]


def operation_counts(model: Speech2Text) -> OperationCounts:
    """Counts a model's operations, on TensorFlow.

    Raises:
      InputError: it can't be exported; see `build_network`.
    """

    def as_it_is(features: Tensor, lengths: Tensor) -> Tensor:
        logits, lengths = model(features, lengths)
        return ops.log_softmax(logits), lengths

    def batch(features: Tensor, lengths: Tensor) -> Tensor:
        return build_network(KerasNetworkBuilder(), model, features, lengths)

    def single(features: Tensor) -> Tensor:
        return build_network(KerasNetworkBuilder(), model, features, None)

    shape, dtype = model.inputs_spec
    features, lengths = tf.TensorSpec(shape, dtype), tf.TensorSpec((None,), tf.int32)
    return OperationCounts(
        _counts(as_it_is, features, lengths),
        _counts(batch, features, lengths),
        _counts(single, features),
    )


def _counts(function: Callable[..., Tensor], *inputs: tf.TensorSpec) -> Counter[str]:
    with portable():
        graph = tf.function(function, autograph=False).get_concrete_function(*inputs)
    whole = graph.graph.as_graph_def()
    nodes = [*whole.node, *(node for one in whole.library.function for node in one.node_def)]
    return Counter(node.op for node in nodes if node.op not in _NOT_COUNTED)
