"""One training step on the TensorFlow backend, compiled once for every batch shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from open_seq2seq.data.speech2text.speech2text import Batch
from open_seq2seq.models.speech2text import Speech2Text
from open_seq2seq.optimizers import clip_by_global_norm
from open_seq2seq.training.console import say
from open_seq2seq.training.step_result import StepResult


def has_accelerator() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


# One trace for all batches: retracing costs seconds, and shapes change with each bucket.
def _signature(num_features: int) -> list[tf.TensorSpec]:
    return [
        tf.TensorSpec((None, None, num_features), tf.float32),
        tf.TensorSpec((None,), tf.int32),
        tf.TensorSpec((None, None), tf.int32),
        tf.TensorSpec((None,), tf.int32),
    ]


class TrainStep:
    """Forward pass, loss, gradients, clipping and update as one graph.

    Args:
      model: the model to train.
      optimizer: a Keras optimizer; it is built for the variables here.
      variables: those to train.
      max_grad_norm: clip gradients to this global norm, or None.
      loss_scaling: factor of the loss while gradients are computed.
      jit: let XLA compile the parts of the graph that it can.
      keep_gradients: return them, for summaries.
    """

    def __init__(
        self,
        model: Speech2Text,
        optimizer: Any,
        variables: list[Any],
        max_grad_norm: float | None = None,
        loss_scaling: float = 1.0,
        jit: bool = False,
        keep_gradients: bool = False,
    ):
        self.model, self.optimizer, self.variables = model, optimizer, variables
        self.keep_gradients = keep_gradients
        self.max_grad_norm, self.loss_scaling = max_grad_norm, loss_scaling
        optimizer.build(variables)
        if jit:
            # Clusters, not the whole graph: XLA has no sparse CTC.
            tf.config.optimizer.set_jit("autoclustering")
        self._graph = tf.function(self._step, input_signature=_signature(model.num_features))

    def __call__(self, batch: Batch, learning_rate: float) -> StepResult:
        """Runs one step on `batch`; the optimizer uses `learning_rate`."""
        self.optimizer.learning_rate.assign(np.float32(learning_rate))
        return StepResult(
            *self._graph(batch.features, batch.feature_lengths, batch.labels, batch.label_lengths)
        )

    def _step(self, features: Any, lengths: Any, labels: Any, label_lengths: Any) -> StepResult:
        variables = [v.value for v in self.variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            logits, logit_lengths = self.model(features, lengths, training=True)
            losses = self.model.loss_fn(logits, logit_lengths, labels, label_lengths)
            loss, _ = self.model.loss_fn.mean(losses)
            objective = tf.add_n([loss, *(tf.cast(x, loss.dtype) for x in self.model.losses)])
            objective *= self.loss_scaling
        gradients = tape.gradient(objective, variables)
        if self.loss_scaling != 1.0:
            gradients = [g / self.loss_scaling for g in gradients]
        gradients, norm = clip_by_global_norm(gradients, self.max_grad_norm)
        tf.cond(tf.math.is_finite(norm), lambda: self._update(gradients), lambda: False)
        kept = gradients if self.keep_gradients else ()
        return StepResult(loss, losses, norm, logits, logit_lengths, kept)

    def _update(self, gradients: Any) -> bool:
        self.optimizer.apply(gradients, self.variables)
        return True


class EvaluationStep:
    """Forward pass (and loss, when there are labels) as one graph."""

    def __init__(self, model: Speech2Text):
        self.model = model
        signature = _signature(model.num_features)
        self._logits = tf.function(self._forward, input_signature=signature[:2])
        self._logits_and_losses = tf.function(self._forward_with_loss, input_signature=signature)

    def logits(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """Logits `[batch, time', class]` and their lengths `[batch]`."""
        logits, lengths = self._logits(batch.features, batch.feature_lengths)
        return logits.numpy(), lengths.numpy()

    def logits_and_losses(self, batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Logits, their lengths, and the loss of each utterance `[batch]`."""
        outputs = self._logits_and_losses(
            batch.features, batch.feature_lengths, batch.labels, batch.label_lengths
        )
        logits, lengths, losses = (tensor.numpy() for tensor in outputs)
        return logits, lengths, losses

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
