"""One training step on the JAX backend; compiled by XLA for each batch shape."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from open_seq2seq.data.speech2text.speech2text import Batch
from open_seq2seq.models.speech2text import Speech2Text
from open_seq2seq.optimizers import clip_by_global_norm
from open_seq2seq.training.step_result import StepResult


def has_accelerator() -> bool:
    """Whether JAX computes on a GPU or TPU."""
    return jax.default_backend() != "cpu"


def _arrays(batch: Batch) -> tuple[np.ndarray, ...]:
    return batch.features, batch.feature_lengths, batch.labels, batch.label_lengths


class TrainStep:
    """The twin of `tensorflow_step.TrainStep`; the arguments are the same, `jit` is always on."""

    def __init__(
        self,
        model: Speech2Text,
        optimizer: Any,
        variables: list[Any],
        max_grad_norm: float | None = None,
        loss_scaling: float = 1.0,
        jit: bool = True,
        keep_gradients: bool = False,
    ):
        self.model, self.optimizer, self.variables = model, optimizer, variables
        self.max_grad_norm, self.loss_scaling = max_grad_norm, loss_scaling
        self.keep_gradients = keep_gradients
        optimizer.build(variables)
        trained = {id(variable) for variable in variables}
        self._is_trained = [id(variable) in trained for variable in model.trainable_variables]
        self._compiled = jax.jit(self._step)

    def __call__(self, batch: Batch, learning_rate: float) -> StepResult:
        """Runs one step on `batch`; the optimizer uses `learning_rate`."""
        self.optimizer.learning_rate.assign(np.float32(learning_rate))
        groups = (
            self.model.trainable_variables,
            self.model.non_trainable_variables,
            self.optimizer.variables,
        )
        state = tuple([variable.value for variable in group] for group in groups)
        result, state = self._compiled(state, _arrays(batch))
        for group, values in zip(groups, state):
            for variable, value in zip(group, values):
                variable.assign(value)
        return result

    def _step(self, state: Any, data: Any) -> tuple[StepResult, Any]:
        all_weights, others, optimizer_state = state
        trained = [w for w, chosen in zip(all_weights, self._is_trained) if chosen]
        differentiate = jax.value_and_grad(self._objective, has_aux=True)
        (_, (result, new_others)), gradients = differentiate(trained, all_weights, others, data)
        gradients = [gradient / self.loss_scaling for gradient in gradients]
        gradients, norm = clip_by_global_norm(gradients, self.max_grad_norm)
        updated, new_state = self.optimizer.stateless_apply(optimizer_state, gradients, trained)
        finite = jnp.isfinite(norm)
        updated = [jnp.where(finite, new, old) for new, old in zip(updated, trained)]
        new_state = [jnp.where(finite, new, old) for new, old in zip(new_state, optimizer_state)]
        kept = gradients if self.keep_gradients else ()
        result = result._replace(gradient_norm=norm, gradients=kept)
        return result, (self._merge(updated, all_weights), new_others, new_state)

    def _objective(self, trained: Any, all_weights: Any, others: Any, data: Any) -> Any:
        features, lengths, labels, label_lengths = data
        (logits, logit_lengths), others, penalties = self.model.stateless_call(
            self._merge(trained, all_weights),
            others,
            features,
            lengths,
            training=True,
            return_losses=True,
        )
        losses = self.model.loss_fn(logits, logit_lengths, labels, label_lengths)
        loss, _ = self.model.loss_fn.mean(losses)
        objective = (loss + sum(penalties)) * self.loss_scaling
        return objective, (StepResult(loss, losses, None, logits, logit_lengths), others)

    def _merge(self, trained: Any, all_weights: Any) -> list[Any]:
        """All weights, with the trained ones replaced."""
        rest = iter(trained)
        return [next(rest) if t else w for w, t in zip(all_weights, self._is_trained)]


class EvaluationStep:
    """The twin of `tensorflow_step.EvaluationStep`."""

    def __init__(self, model: Speech2Text):
        self.model = model
        self._logits = jax.jit(self._forward)
        self._logits_and_losses = jax.jit(self._forward_with_loss)

    def logits(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """Logits `[batch, time', class]` and their lengths `[batch]`."""
        logits, lengths = self._logits(self._state(), _arrays(batch)[:2])
        return np.asarray(logits), np.asarray(lengths)

    def logits_and_losses(self, batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Logits, their lengths, and the loss of each utterance `[batch]`."""
        logits, lengths, losses = self._logits_and_losses(self._state(), _arrays(batch))
        return np.asarray(logits), np.asarray(lengths), np.asarray(losses)

    def _state(self) -> Any:
        groups = (self.model.trainable_variables, self.model.non_trainable_variables)
        return tuple([variable.value for variable in group] for group in groups)

    def _forward(self, state: Any, data: Any) -> Any:
        outputs, _ = self.model.stateless_call(*state, *data, training=False)
        return outputs

    def _forward_with_loss(self, state: Any, data: Any) -> Any:
        features, lengths, labels, label_lengths = data
        logits, logit_lengths = self._forward(state, (features, lengths))
        losses = self.model.loss_fn(logits, logit_lengths, labels, label_lengths)
        return logits, logit_lengths, losses
