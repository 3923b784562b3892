"""One training step on the TensorFlow backend, compiled once for all batch shapes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from open_seq2seq.data.batch import Batch, TextBatch
from open_seq2seq.models import Model
from open_seq2seq.training.console import say
from open_seq2seq.training.step_options import GroupedStep, StepOptions, added
from open_seq2seq.training.step_result import StepResult, Update
from open_seq2seq.training.weight_average import WeightAverage, averaged


def has_accelerator() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


# One trace for all batches: retracing costs seconds, and shapes change with each bucket.
def _signature(model: Model) -> list[tf.TensorSpec]:
    return [
        tf.TensorSpec(*model.inputs_spec),
        tf.TensorSpec((None,), tf.int32),
        tf.TensorSpec((None, None), tf.int32),
        tf.TensorSpec((None,), tf.int32),
    ]


class TrainStep(GroupedStep):
    """Forward pass, loss, gradients, clipping and update as one graph.

    Args:
      model: the model to train.
      optimizer: a Keras optimizer; it is built for the variables here.
      variables: those to train.
      options: what happens to the gradients.
      average: averages of the variables to keep, or None.
    """

    def __init__(
        self,
        model: Model,
        optimizer: Any,
        variables: list[Any],
        options: StepOptions | None = None,
        average: WeightAverage | None = None,
    ):
        super().__init__(optimizer, variables, options or StepOptions())
        self.model, self.average = model, average
        if self.options.jit:
            # Clusters, not the whole graph: XLA has no sparse CTC.
            tf.config.optimizer.set_jit("autoclustering")
        data, scalars = _signature(model), tf.TensorSpec((3,), tf.float32)
        sums = [tf.TensorSpec(v.shape, tf.float32) for v in variables]
        count = tf.TensorSpec((), tf.float32)
        self._whole_graph = tf.function(self._whole_step, input_signature=[*data, scalars])
        self._gather_graph = tf.function(self._gather_step, input_signature=[*data, scalars, sums])
        self._finish_graph = tf.function(self._finish_step, input_signature=[scalars, sums, count])

    def _whole(self, batch: Batch | TextBatch, scalars: np.ndarray) -> StepResult:
        return self._whole_graph(*batch.arrays, scalars)

    def _gather(
        self, batch: Batch | TextBatch, scalars: np.ndarray, sums: Any
    ) -> tuple[StepResult, Any]:
        return self._gather_graph(*batch.arrays, scalars, sums)

    def _finish(self, scalars: np.ndarray, sums: Any, count: np.float32) -> Update:
        return self._finish_graph(scalars, sums, count)

    def _whole_step(
        self, features: Any, lengths: Any, labels: Any, label_lengths: Any, scalars: Any
    ) -> StepResult:
        data = features, lengths, labels, label_lengths
        result, gradients = self._gradients(data, scalars[1])
        update = self._update(gradients, scalars)
        return result._replace(gradient_norm=update.gradient_norm, update=update)

    def _gather_step(
        self, features: Any, lengths: Any, labels: Any, label_lengths: Any, scalars: Any, sums: Any
    ) -> tuple[StepResult, Any]:
        data = features, lengths, labels, label_lengths
        result, gradients = self._gradients(data, scalars[1])
        sums, norm = added(sums, gradients)
        return result._replace(gradient_norm=norm), sums

    def _finish_step(self, scalars: Any, sums: Any, count: Any) -> Update:
        return self._update([total / count for total in sums], scalars)

    def _gradients(self, data: Any, loss_scale: Any) -> tuple[StepResult, list[Any]]:
        """A batch's losses and its gradients, not scaled; the norm is left to the caller."""
        features, lengths, labels, label_lengths = data
        variables = [v.value for v in self.variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            logits, logit_lengths = self.model(features, lengths, training=True)
            losses = self.model.loss_fn(logits, logit_lengths, labels, label_lengths)
            loss, _ = self.model.loss_fn.mean(losses, label_lengths)
            objective = tf.add_n([loss, *(tf.cast(x, loss.dtype) for x in self.model.losses)])
            if self.options.scales_loss:
                objective *= loss_scale
        gradients = tape.gradient(objective, variables)
        gradients, largest = self.options.unscaled(gradients, loss_scale)
        return StepResult(loss, losses, loss, largest, logits, logit_lengths), gradients

    def _update(self, gradients: Any, scalars: Any) -> Update:
        """Applies gradients whose norm is finite."""
        weights = [v.value for v in self.variables] if self.options.larc else []
        gradients, update = self.options.shaped(gradients, weights, scalars[0])

        def apply() -> bool:
            self.optimizer.apply(gradients, self.variables)
            for average, variable in self._averages():
                average.assign(averaged(average, variable, scalars[2]))
            return True

        tf.cond(tf.math.is_finite(update.gradient_norm), apply, lambda: False)
        return update

    def _averages(self) -> Iterable[tuple[Any, Any]]:
        return zip(self.average.averages, self.average.variables) if self.average else ()


class EvaluationStep:
    """Forward pass (and loss, when there are labels) as one graph."""

    def __init__(self, model: Model):
        self.model = model
        signature = _signature(model)
        self._logits = tf.function(self._forward, input_signature=signature[:2])
        self._logits_and_losses = tf.function(self._forward_with_loss, input_signature=signature)
        self._losses = tf.function(self._loss, input_signature=signature)

    def logits(self, batch: Batch | TextBatch) -> tuple[np.ndarray, np.ndarray]:
        """Logits `[batch, time', class]` and their lengths `[batch]`."""
        logits, lengths = self._logits(*batch.arrays[:2])
        return logits.numpy(), lengths.numpy()

    def logits_and_losses(
        self, batch: Batch | TextBatch
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Logits, their lengths, and the loss of each utterance `[batch]`."""
        outputs = self._logits_and_losses(*batch.arrays)
        logits, lengths, losses = (tensor.numpy() for tensor in outputs)
        return logits, lengths, losses

    def losses(self, batch: Batch | TextBatch) -> np.ndarray:
        """The loss of each utterance `[batch]`; the logits stay where they are computed."""
        return self._losses(*batch.arrays).numpy()

    def _loss(self, features: Any, lengths: Any, labels: Any, label_lengths: Any) -> Any:
        return self._forward_with_loss(features, lengths, labels, label_lengths)[2]

    def _forward(self, features: Any, lengths: Any) -> tuple[Any, Any]:
        return self.model(features, lengths, training=False)

    def _forward_with_loss(
        self, features: Any, lengths: Any, labels: Any, label_lengths: Any
    ) -> tuple[Any, Any, Any]:
        logits, logit_lengths = self.model(features, lengths, training=False)
        return (
            logits,
            logit_lengths,
            self.model.loss_fn(logits, logit_lengths, labels, label_lengths),
        )


def enable_debug_dump(folder: Path, port: int) -> None:
    """Dumps tensors' health for TensorBoard's Debugger V2, and says how to look at them."""
    tf.debugging.experimental.enable_dump_debug_info(
        str(folder), tensor_debug_mode="FULL_HEALTH", circular_buffer_size=1000
    )
    say(f"Debugger data goes to {folder}: tensorboard --logdir {folder} --port {port}")
