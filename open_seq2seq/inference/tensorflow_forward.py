"""The forward pass on the TensorFlow backend, compiled once for all batch shapes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from open_seq2seq.data.batch import Batch, TextBatch
from open_seq2seq.models import Model, Speech2Text
from open_seq2seq.tensors import Tensor


# One trace for all batches: retracing costs seconds, and shapes change with each bucket.
def signature_of(model: Model) -> list[tf.TensorSpec]:
    """The inputs of a graph for batches of any shape: data, lengths, labels, their lengths."""
    return [
        tf.TensorSpec(*model.inputs_spec),
        tf.TensorSpec((None,), tf.int32),
        tf.TensorSpec((None, None), tf.int32),
        tf.TensorSpec((None,), tf.int32),
    ]


class EvaluationStep:
    """Forward pass (and loss, when there are labels) as one graph."""

    def __init__(self, model: Model):
        self.model = model
        signature = signature_of(model)
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

    def _loss(
        self, features: Tensor, lengths: Tensor, labels: Tensor, label_lengths: Tensor
    ) -> Tensor:
        return self._forward_with_loss(features, lengths, labels, label_lengths)[2]

    def _forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        return self.model(features, lengths, training=False)

    def _forward_with_loss(
        self, features: Tensor, lengths: Tensor, labels: Tensor, label_lengths: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        data = features, lengths, labels, label_lengths
        found = self.model.compute_losses(*data, training=False)
        return found.logits, found.lengths, found.losses


class StreamStep:
    """The next frames of a batch of streams, as one graph for all shapes.

    Args:
      model: whose encoder can stream.
    """

    def __init__(self, model: Speech2Text):
        self.model = model
        state = {
            name: tf.TensorSpec((None, *value.shape[1:]), value.dtype)
            for name, value in model.encoder.initial_state(1).items()
        }
        features = tf.TensorSpec(*model.inputs_spec)
        counts, ends = tf.TensorSpec((None,), tf.int32), tf.TensorSpec((None,), tf.bool)
        self._go_on = tf.function(self._stream, input_signature=[features, counts, state])
        self._end = tf.function(self._stream, input_signature=[features, counts, state, ends])

    def initial_state(self) -> dict[str, np.ndarray]:
        """That of one stream, `[1, ...]`."""
        return {name: value.numpy() for name, value in self.model.encoder.initial_state(1).items()}

    def __call__(
        self,
        features: np.ndarray,
        lengths: np.ndarray,
        state: Mapping[str, Tensor],
        ends: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray, dict[str, Tensor]]:
        """Logits of the frames that are complete, their lengths, and the next state.

        Args:
          features: `[batch, time, feature]`.
          lengths: `[batch]` int32, frames of each stream.
          state: arrays `[batch, ...]`.
          ends: `[batch]` bool, the streams that end with them.
        """
        given = features, lengths, dict(state)
        found = self._end(*given, ends) if ends.any() else self._go_on(*given)
        logits, counts, after = found
        return logits.numpy(), counts.numpy(), after

    def _stream(
        self, features: Tensor, lengths: Tensor, state: dict[str, Tensor], ends: Tensor = False
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        outputs, lengths, after = self.model.encoder.stream(features, lengths, state, ends)
        return self.model.decoder(outputs), lengths, after
