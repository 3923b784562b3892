"""The training step on several devices of one process.

Every device has a copy of every variable and makes the step that a process of its own would
make, see `TrainStep`; sums over the devices are TensorFlow's (`tf.distribute`), between GPUs
NCCL's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from open_seq2seq.data.batch import Batch, TextBatch
from open_seq2seq.distributed.mirrored import DeviceReducer, copies_on_devices
from open_seq2seq.distributed.shards import own_state
from open_seq2seq.features.device_features import DeviceFeatures
from open_seq2seq.models import Model
from open_seq2seq.optimizers.per_replica import update_per_replica
from open_seq2seq.optimizers.weight_average import WeightAverage
from open_seq2seq.tensors import Tensor, Variable
from open_seq2seq.training.step.options import Scalars, StepOptions
from open_seq2seq.training.step.result import StepResult, Update
from open_seq2seq.training.step.tensorflow_step import TrainStep


class MirroredTrainStep(TrainStep):
    """`TrainStep` on the devices of a strategy, over which the rows of each batch are scattered.

    Device d of n takes the rows d, d + n, ... The result is as one device's, but `logits` and
    `lengths` are those of the first device's rows: to show a sample they are enough, and a
    language model's would be slow to collect.

    Args:
      model, optimizer, variables, options, average: as for `TrainStep`, and made within
        `copies_on_devices`.
      strategy: a `MirroredStrategy`.
      device_features: as for `TrainStep`.
    """

    def __init__(
        self,
        model: Model,
        optimizer: Any,
        variables: list[Variable],
        options: StepOptions,
        average: WeightAverage | None,
        strategy: tf.distribute.Strategy,
        device_features: DeviceFeatures | None = None,
    ):
        self.strategy, self._size = strategy, strategy.num_replicas_in_sync
        self._zeros = tf.function(self._zeros_on_replicas)
        update_per_replica(optimizer)
        with copies_on_devices(strategy):
            reducer = DeviceReducer(strategy)
            super().__init__(
                model, optimizer, variables, options, average, reducer, device_features
            )
        self._streams_differ = False

    def __call__(self, *arguments: Any, **more: Any) -> StepResult:
        """See `BaseTrainStep`."""
        if not self._streams_differ:
            # Not before: a checkpoint, which holds the first device's, may have been loaded.
            self._separate_streams()
            self._streams_differ = True
        return super().__call__(*arguments, **more)

    def _separate_streams(self) -> None:
        """Gives each device random numbers of its own; the first one's stay as they are."""
        for variable in self.model.non_trainable_variables:
            if "seed_generator_state" in variable.path:
                copies = self.strategy.experimental_local_results(variable.value)
                for device, copy in enumerate(copies):
                    copy.assign(own_state(copy.numpy(), device))

    def _zero_gradients(self) -> Sequence[Tensor]:
        """For each device, which accumulates its own gradients."""
        return self._zeros()

    def _zeros_on_replicas(self) -> Tensor:
        def zeros() -> list[Tensor]:
            return [tf.zeros(v.shape) for v in self.variables]

        return self.strategy.run(zeros)

    def _gradients_signature(self) -> list[Tensor]:
        return [tf.type_spec_from_value(zeros) for zeros in self._zero_gradients()]

    def _train(self, batch: Batch | TextBatch, scalars: np.ndarray) -> StepResult:
        return self._train_graph(*_on_host(batch), scalars)

    def _accumulate(
        self, batch: Batch | TextBatch, scalars: np.ndarray, sums: Sequence[Tensor]
    ) -> tuple[StepResult, Tensor]:
        return self._accumulate_graph(*_on_host(batch), scalars, sums)

    def _train_step(
        self,
        features: Tensor,
        lengths: Tensor,
        labels: Tensor,
        label_lengths: Tensor,
        vector: Tensor,
    ) -> StepResult:
        step = super()._train_step
        data = features, lengths, labels, label_lengths
        result = self.strategy.run(lambda: step(*self._scatter(data, vector)))
        return self._stitch(result, tf.shape(lengths)[0])

    def _accumulate_step(
        self,
        features: Tensor,
        lengths: Tensor,
        labels: Tensor,
        label_lengths: Tensor,
        vector: Tensor,
        sums: Sequence[Tensor],
    ) -> tuple[StepResult, Tensor]:
        step = super()._accumulate_step
        data = features, lengths, labels, label_lengths

        result, sums = self.strategy.run(
            lambda own: step(*self._scatter(data, vector), own), (sums,)
        )
        return self._stitch(result, tf.shape(lengths)[0]), sums

    def _apply_step(self, vector: Tensor, sums: Sequence[Tensor], count: Tensor) -> Update:
        return self._first_replica(self.strategy.run(super()._apply_step, (vector, sums, count)))

    def _scatter(
        self, data: Sequence[Tensor], vector: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The rows (`Batch.arrays`) and the scalars of the device that asks."""
        device = tf.distribute.get_replica_context().replica_id_in_sync_group
        # On the host: the other devices' rows are not sent.
        with tf.device("CPU:0"):
            size = tf.shape(data[1])[0]
            rows = tf.range(device, tf.maximum(size, device + 1), self._size)
            has_rows = device < size
            rows = tf.where(has_rows, rows, 0)  # padding: the first row
            features, lengths, labels, label_lengths = tf.nest.map_structure(
                lambda array: tf.gather(array, rows), tuple(data)
            )
        scalars = Scalars(*tf.unstack(vector))
        # Numbers of the whole batch count once.
        once = tf.cast(device == 0, tf.float32)
        scalars = scalars._replace(
            sample_weight=scalars.sample_weight * tf.cast(has_rows, tf.float32),
            units=scalars.units * once,
            stop=scalars.stop * once,
            left_out=scalars.left_out * once,
        )
        return features, lengths, labels, label_lengths, tf.stack(scalars)

    def _stitch(self, result: StepResult, size: Tensor) -> StepResult:
        """One result of all devices' for a batch of `size` rows."""
        rows = [tf.range(device, size, self._size) for device in range(self._size)]

        def stitched(losses: Tensor) -> Tensor:
            each = self.strategy.experimental_local_results(losses)
            # Without padding's.
            return tf.dynamic_stitch(rows, [own[: tf.size(r)] for own, r in zip(each, rows)])

        terms = {name: stitched(losses) for name, losses in result.terms.items()}
        return self._first_replica(result)._replace(losses=stitched(result.losses), terms=terms)

    def _first_replica(self, result: Any) -> Any:
        """What the first device returned."""
        return tf.nest.map_structure(
            lambda value: self.strategy.experimental_local_results(value)[0], result
        )


def _on_host(batch: Batch | TextBatch) -> list[Tensor]:
    with tf.device("CPU:0"):
        return tf.nest.map_structure(tf.constant, list(batch.arrays))
