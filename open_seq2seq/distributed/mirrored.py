"""Several devices of one process: a copy of each variable on each, and sums over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from open_seq2seq.distributed.process_group import Reducer
from open_seq2seq.tensors import Tensor


@contextmanager
def copies_on_devices(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """While a model, its optimizer and its averages are made: each device gets a copy.

    What is assigned outside a step goes to all copies, and what is read is the first's; within
    a step each device has its own, and sees to it that they stay equal. (A mirrored variable, as
    `tf.distribute` makes by default, would be updated by all devices together: no branch of a
    graph may do that, and all dropout would be the same.)
    """

    def copied(next_creator: Any, **arguments: Any) -> Any:
        arguments["synchronization"] = tf.VariableSynchronization.ON_READ
        arguments["aggregation"] = tf.VariableAggregation.ONLY_FIRST_REPLICA
        return next_creator(**arguments)

    with strategy.scope(), tf.variable_creator_scope(copied):
        yield


class DeviceReducer(Reducer):
    """Sums over the devices of one process."""

    def __init__(self, strategy: tf.distribute.Strategy):
        self.size = strategy.num_replicas_in_sync

    def sum(self, tensors: Sequence[Tensor], compressed: bool = False) -> list[Tensor]:
        """See `Reducer`; nothing is compressed, as there is no network between the devices."""
        if not tensors:
            return []
        context = tf.distribute.get_replica_context()
        # Embeddings' gradients are made dense, as the optimizer needs them.
        dense = [tf.convert_to_tensor(tensor) for tensor in tensors]
        return list(context.all_reduce(tf.distribute.ReduceOp.SUM, dense))

    def max(self, tensor: Tensor) -> Tensor:
        """See `Reducer`."""
        context = tf.distribute.get_replica_context()
        return tf.reduce_max(context.all_gather(tensor[None], axis=0), axis=0)
