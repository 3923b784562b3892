"""The forward pass on the JAX backend; compiled by XLA for each batch shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax
import keras
import numpy as np

from open_seq2seq.data.batch import Batch, TextBatch
from open_seq2seq.losses import BatchLosses
from open_seq2seq.models import Model, Speech2Text
from open_seq2seq.tensors import Tensor, Variable

# Values of the trainable variables and of the others.
_State = tuple[list[Tensor], list[Tensor]]
# Frames of a stream's piece are padded to a multiple.
_LENGTH_STEP = 16


class EvaluationStep:
    """The twin of `tensorflow_forward.EvaluationStep`."""

    def __init__(self, model: Model):
        self.model = model
        self._logits = jax.jit(self._forward)
        self._logits_and_losses = jax.jit(self._forward_with_loss)
        self._losses = jax.jit(lambda state, data: self._forward_with_loss(state, data)[2])

    def logits(self, batch: Batch | TextBatch) -> tuple[np.ndarray, np.ndarray]:
        """Logits `[batch, time', class]` and their lengths `[batch]`."""
        logits, lengths = self._logits(self._state(), batch.arrays[:2])
        return np.asarray(logits), np.asarray(lengths)

    def logits_and_losses(
        self, batch: Batch | TextBatch
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Logits, their lengths, and the loss of each utterance `[batch]`."""
        logits, lengths, losses = self._logits_and_losses(self._state(), batch.arrays)
        return np.asarray(logits), np.asarray(lengths), np.asarray(losses)

    def losses(self, batch: Batch | TextBatch) -> np.ndarray:
        """The loss of each utterance `[batch]`; the logits stay where they are computed."""
        return np.asarray(self._losses(self._state(), batch.arrays))

    def _state(self) -> _State:
        groups = (self.model.trainable_variables, self.model.non_trainable_variables)
        trainable, others = ([variable.value for variable in group] for group in groups)
        return trainable, others

    def _forward(self, state: _State, data: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        outputs, _ = self.model.stateless_call(*state, *data, training=False)
        return outputs

    def _forward_with_loss(
        self, state: _State, data: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        found, _, _ = stateless_losses(self.model, state[0], state[1], data, False)
        return found.logits, found.lengths, found.losses


class StreamStep:
    """The twin of `tensorflow_forward.StreamStep`."""

    def __init__(self, model: Speech2Text):
        self.model = model
        self._go_on = jax.jit(self._stream)
        self._end = jax.jit(self._stream)

    def initial_state(self) -> dict[str, np.ndarray]:
        """That of one stream, `[1, ...]`."""
        state = self.model.encoder.initial_state(1)
        return {name: np.asarray(value) for name, value in state.items()}

    def __call__(
        self,
        features: np.ndarray,
        lengths: np.ndarray,
        state: Mapping[str, Tensor],
        ends: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray, dict[str, Tensor]]:
        """See `tensorflow_forward.StreamStep`."""
        # Each length is compiled: few different ones.
        missing = -features.shape[1] % _LENGTH_STEP
        features = np.pad(features, [(0, 0), (0, missing), (0, 0)])
        given = [one.value for one in self.model.variables], features, lengths, dict(state)
        found = self._end(*given, ends) if ends.any() else self._go_on(*given)
        logits, counts, after = found
        return np.asarray(logits), np.asarray(counts), after

    def _stream(
        self,
        values: list[Tensor],
        features: Tensor,
        lengths: Tensor,
        state: dict[str, Tensor],
        ends: Tensor = False,
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        with keras.StatelessScope(list(zip(self.model.variables, values))):
            outputs, lengths, after = self.model.encoder.stream(features, lengths, state, ends)
            return self.model.decoder(outputs), lengths, after


def stateless_losses(
    model: Model,
    trainable: Sequence[Variable],
    non_trainable: Sequence[Variable],
    data: Sequence[Tensor],
    training: bool,
) -> tuple[BatchLosses, list[Tensor], list[Tensor]]:
    """`model.compute_losses` as a function of the values of its variables.

    Args:
      trainable, non_trainable: a value for each of the model's variables of the kind.
      data: `Batch.arrays`.
      training: as for `compute_losses`.

    Returns:
      Its result, the non-trainable variables' values afterwards, and the penalties of the
      model's regularisers, each a scalar.
    """
    kept = model.non_trainable_variables
    values = [*zip(model.trainable_variables, trainable), *zip(kept, non_trainable)]
    with keras.StatelessScope(values, collect_losses=True) as scope:
        features, lengths, labels, label_lengths = data
        found = model.compute_losses(features, lengths, labels, label_lengths, training)
        penalties = list(model.losses)
    return found, [scope.get_current_value(variable) for variable in kept], penalties
