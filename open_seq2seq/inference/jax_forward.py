"""The forward pass on the JAX backend; compiled by XLA for each batch shape."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import keras
import numpy as np

from open_seq2seq.data.batch import Batch, TextBatch
from open_seq2seq.losses import BatchLosses
from open_seq2seq.models import Model
from open_seq2seq.tensors import Tensor, Variable

# Values of the trainable variables and of the others.
_State = tuple[list[Tensor], list[Tensor]]


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
