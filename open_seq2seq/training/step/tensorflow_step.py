"""One training step on the TensorFlow backend, compiled once for all batch shapes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from open_seq2seq.data.batch import Batch, TextBatch
from open_seq2seq.distributed.process_group import Reducer
from open_seq2seq.features.device_features import DeviceFeatures
from open_seq2seq.features.waveforms import Waveforms
from open_seq2seq.inference.tensorflow_forward import signature_of
from open_seq2seq.models import Model
from open_seq2seq.ops.replicas import summed_statistics
from open_seq2seq.optimizers import global_norm
from open_seq2seq.optimizers.weight_average import WeightAverage, averaged
from open_seq2seq.tensors import Tensor, Variable
from open_seq2seq.training.step.base import BaseTrainStep
from open_seq2seq.training.step.options import (
    Scalars,
    StepOptions,
    accumulated,
    batch_totals,
)
from open_seq2seq.training.step.result import StepResult, Totals, Update, step_result

_log = logging.getLogger(__name__)


class TrainStep(BaseTrainStep):
    """Forward pass, loss, gradients, clipping and update as one graph.

    With a reducer, the workers make the update that one would make of all their batches
    together: each one's loss is weighted by its share of the utterances, and the gradients are
    summed. Moving statistics are averaged at each update, so that all workers always have the
    same variables.

    Args:
      model: the model to train.
      optimizer: a Keras optimizer; it is built for the variables here.
      variables: those to train.
      options: what happens to the gradients.
      average: averages of the variables to keep, or None.
      reducer: of the workers that train together; None: there is one.
      device_features: as for `BaseTrainStep`.
    """

    def __init__(
        self,
        model: Model,
        optimizer: Any,
        variables: list[Variable],
        options: StepOptions | None = None,
        average: WeightAverage | None = None,
        reducer: Reducer | None = None,
        device_features: DeviceFeatures | None = None,
    ):
        options = options or StepOptions()
        super().__init__(model, optimizer, variables, options, reducer, device_features)
        self.average = average
        if self.options.jit:
            # Clusters, not the whole graph: XLA has no sparse CTC.
            tf.config.optimizer.set_jit("autoclustering")
        data, scalars = self._data_signature(), tf.TensorSpec((len(Scalars._fields),), tf.float32)
        sums, count = self._gradients_signature(), tf.TensorSpec((), tf.float32)
        self._train_graph = tf.function(self._train_step, input_signature=[*data, scalars])
        self._accumulate_graph = tf.function(
            self._accumulate_step, input_signature=[*data, scalars, sums]
        )
        self._apply_graph = tf.function(self._apply_step, input_signature=[scalars, sums, count])

    def _data_signature(self) -> list[Any]:
        """Of a batch's arrays."""
        signature: list[Any] = signature_of(self.model)
        if self.device_features is not None:
            # TensorFlow knows only one precision for all products of the process.
            tf.config.experimental.enable_tensor_float_32_execution(False)
            spec = self.device_features.inputs_spec
            signature[0] = Waveforms(*(tf.TensorSpec(*one) for one in spec))
        return signature

    def _gradients_signature(self) -> list[Tensor]:
        return [tf.TensorSpec(v.shape, tf.float32) for v in self.variables]

    def _train(self, batch: Batch | TextBatch, scalars: np.ndarray) -> StepResult:
        return self._train_graph(*batch.arrays, scalars)

    def _accumulate(
        self, batch: Batch | TextBatch, scalars: np.ndarray, sums: Sequence[Tensor]
    ) -> tuple[StepResult, Tensor]:
        return self._accumulate_graph(*batch.arrays, scalars, sums)

    def _apply(self, scalars: np.ndarray, sums: Sequence[Tensor], count: np.float32) -> Update:
        return self._apply_graph(scalars, sums, count)

    def _train_step(
        self,
        features: Tensor,
        lengths: Tensor,
        labels: Tensor,
        label_lengths: Tensor,
        vector: Tensor,
    ) -> StepResult:
        scalars = Scalars(*tf.unstack(vector))
        data = features, lengths, labels, label_lengths
        result, gradients = self._gradients(data, scalars)
        gradients = self._summed(gradients)
        update = self._update(gradients, scalars)
        largest = self.options.largest(gradients)
        return result._replace(
            gradient_norm=update.gradient_norm, gradient_maximum=largest, update=update
        )

    def _accumulate_step(
        self,
        features: Tensor,
        lengths: Tensor,
        labels: Tensor,
        label_lengths: Tensor,
        vector: Tensor,
        sums: Sequence[Tensor],
    ) -> tuple[StepResult, Tensor]:
        scalars = Scalars(*tf.unstack(vector))
        data = features, lengths, labels, label_lengths
        result, gradients = self._gradients(data, scalars)
        largest = self.options.largest(gradients)
        if self.reducer is not None:
            # Each worker accumulates its own, to send them once. A batch is left out by all if
            # one of them cannot use it.
            bad = tf.cast(~tf.math.is_finite(global_norm(gradients)), tf.float32)
            lost = tf.where(self.reducer.sum([bad])[0] > 0.0, float("nan"), 0.0)
            gradients = [gradient + lost for gradient in gradients]
            largest = self.reducer.max(largest) if self.options.measures_maximum else largest
        sums, norm = accumulated(sums, gradients)
        return result._replace(gradient_norm=norm, gradient_maximum=largest), sums

    def _apply_step(self, vector: Tensor, sums: Sequence[Tensor], count: Tensor) -> Update:
        mean = [total / count for total in self._summed(sums)]
        return self._update(mean, Scalars(*tf.unstack(vector)))

    def _gradients(
        self, data: Sequence[Tensor], scalars: Scalars
    ) -> tuple[StepResult, list[Tensor]]:
        """A batch's losses and its gradients, not scaled; the norm is left to the caller.

        Several workers' gradients add up to that of the mean over all their utterances.
        """
        features, lengths, labels, label_lengths = self._with_features(data)
        variables = [v.value for v in self.variables]
        before = [tf.identity(v.value) for v in self.moving_statistics] if self.reducer else []
        with (
            tf.GradientTape(watch_accessed_variables=False) as tape,
            self._statistics(scalars.sample_weight),
        ):
            tape.watch(variables)
            found = self.model.compute_losses(
                features, lengths, labels, label_lengths, training=True
            )
            loss, _ = self.model.loss_fn.mean(found.losses, label_lengths)
            loss *= scalars.sample_weight  # a padding batch's is not learned from
            objective = tf.add_n([loss, *(tf.cast(x, loss.dtype) for x in self.model.losses)])
            if self.options.scales_loss:
                objective *= scalars.loss_scale
            totals = batch_totals(self.model.loss_fn, loss, found.losses, label_lengths, scalars)
            if self.reducer is not None:
                # The loss, not its gradient: through summed batch statistics a worker's weights
                # have a part in the others' losses, which have other shares.
                own = totals.count
                totals = Totals(*tf.unstack(self.reducer.sum([tf.stack(totals)])[0]))
                objective *= self._share(own, totals.count)
                loss = totals.loss / tf.maximum(totals.count, 1.0)
        self._average_statistics(scalars.sample_weight, before)
        gradients = tape.gradient(objective, variables)
        gradients = self.options.unscaled(gradients, scalars.loss_scale)
        return step_result(loss, found, totals, loss), gradients

    def _statistics(self, sample_weight: Tensor) -> Tensor:
        """While the model is called: where its batch statistics come from."""
        if self.reducer is None or not self.options.sync_batch_norm:
            return nullcontext()
        return summed_statistics(self.reducer.sum, sample_weight)

    def _share(self, own: Tensor, count: Tensor) -> Tensor:
        """This worker's part of the mean over all workers' utterances."""
        assert self.reducer is not None
        # Without any utterance the regularisers are left, which all workers have alike.
        return tf.where(count > 0.0, own / tf.maximum(count, 1.0), 1.0 / self.reducer.size)

    def _summed(self, gradients: Sequence[Tensor]) -> list[Tensor]:
        if self.reducer is None:
            return list(gradients)
        return self.reducer.sum(gradients, self.options.compress)

    def _update(self, gradients: Sequence[Tensor], scalars: Scalars) -> Update:
        """Applies gradients whose norm is finite."""
        weights = [v.value for v in self.variables] if self.options.larc else []
        gradients, update = self.options.processed(gradients, weights, scalars.learning_rate)

        def apply() -> bool:
            self.optimizer.apply(gradients, self.variables)
            for average, variable in self._averages():
                average.assign(averaged(average, variable, scalars.ema_decay))
            return True

        tf.cond(tf.math.is_finite(update.gradient_norm), apply, lambda: False)
        return update

    def _average_statistics(self, sample_weight: Tensor, before: Sequence[Tensor]) -> None:
        """Gives batch normalization's moving statistics the mean over the workers.

        Args:
          before: those before this batch, which stay if all workers' batches are padding.
        """
        if self.reducer is None:
            return
        moving = self.moving_statistics
        # A padding batch's are left out.
        *totals, group = self.reducer.sum(
            [*(v.value * sample_weight for v in moving), sample_weight]
        )
        for variable, total, old in zip(moving, totals, before):
            mean = total / tf.maximum(group, 1.0)
            variable.assign(tf.where(group > 0.0, mean, old))

    def _averages(self) -> Iterable[tuple[Tensor, Tensor]]:
        return zip(self.average.averages, self.average.variables) if self.average else ()


def enable_debug_dump(folder: Path, port: int) -> None:
    """Dumps tensors' health for TensorBoard's Debugger V2, and says how to look at them."""
    tf.debugging.experimental.enable_dump_debug_info(
        str(folder), tensor_debug_mode="FULL_HEALTH", circular_buffer_size=1000
    )
    _log.info(f"Debugger data goes to {folder}: tensorboard --logdir {folder} --port {port}")
