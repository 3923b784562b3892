"""One training step on the JAX backend; compiled by XLA for each batch shape."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from open_seq2seq.data.batch import Batch, TextBatch
from open_seq2seq.features.device_features import DeviceFeatures
from open_seq2seq.inference.jax_forward import stateless_losses
from open_seq2seq.models import Model
from open_seq2seq.optimizers.weight_average import WeightAverage, averaged
from open_seq2seq.tensors import Tensor, Variable
from open_seq2seq.training.step.base import BaseTrainStep
from open_seq2seq.training.step.options import (
    Scalars,
    StepOptions,
    accumulated,
    batch_totals,
)
from open_seq2seq.training.step.result import StepResult, Update, step_result


class _State(NamedTuple):
    """What an update changes: values of the model's trainable variables, the optimizer's
    variables, and the averages of the trained ones."""

    weights: list[Tensor]
    optimizer: list[Any]
    averages: list[Tensor]


def _values(variables: Iterable[Variable]) -> list[Tensor]:
    return [variable.value for variable in variables]


def _assign(variables: Iterable[Variable], values: Iterable[Tensor]) -> None:
    for variable, value in zip(variables, values):
        variable.assign(value)


class TrainStep(BaseTrainStep):
    """The twin of `tensorflow_step.TrainStep`; the arguments are the same, `jit` is always on."""

    def __init__(
        self,
        model: Model,
        optimizer: Any,
        variables: list[Variable],
        options: StepOptions | None = None,
        average: WeightAverage | None = None,
        reducer: Any = None,
        device_features: DeviceFeatures | None = None,
    ):
        if reducer is not None:
            raise ValueError("ProcessGroup train together on TensorFlow only.")
        super().__init__(
            model, optimizer, variables, options or StepOptions(), None, device_features
        )
        self.average = average
        trained = {id(variable) for variable in variables}
        self._is_trained = [id(variable) in trained for variable in model.trainable_variables]
        self._train_jit = jax.jit(self._train_step)
        self._accumulate_jit = jax.jit(self._accumulate_step)
        self._apply_jit = jax.jit(self._apply_step)

    def _train(self, batch: Batch | TextBatch, scalars: np.ndarray) -> StepResult:
        state, others = self._state(), _values(self.model.non_trainable_variables)
        result, state, others = self._train_jit(state, others, batch.arrays, scalars)
        self._keep(state)
        _assign(self.model.non_trainable_variables, others)
        return result

    def _accumulate(
        self, batch: Batch | TextBatch, scalars: np.ndarray, sums: Sequence[Tensor]
    ) -> tuple[StepResult, Tensor]:
        weights = _values(self.model.trainable_variables)
        others = _values(self.model.non_trainable_variables)
        result, others, sums = self._accumulate_jit(weights, others, batch.arrays, scalars, sums)
        _assign(self.model.non_trainable_variables, others)
        return result, sums

    def _apply(self, scalars: np.ndarray, sums: Sequence[Tensor], count: np.float32) -> Update:
        update, state = self._apply_jit(self._state(), scalars, sums, count)
        self._keep(state)
        return update

    def _exact_products(self) -> AbstractContextManager[Any]:
        return jax.default_matmul_precision("highest")

    def _state(self) -> _State:
        averages = self.average.averages if self.average else []
        return _State(
            _values(self.model.trainable_variables),
            _values(self.optimizer.variables),
            _values(averages),
        )

    def _keep(self, state: _State) -> None:
        _assign(self.model.trainable_variables, state.weights)
        _assign(self.optimizer.variables, state.optimizer)
        if self.average:
            _assign(self.average.averages, state.averages)

    def _train_step(
        self, state: _State, others: Sequence[Tensor], data: Sequence[Tensor], scalars: Tensor
    ) -> tuple[StepResult, _State, Tensor]:
        scalars = Scalars(*scalars)
        result, others, gradients = self._gradients(state.weights, others, data, scalars)
        update, state = self._updated(state, gradients, scalars)
        return result._replace(gradient_norm=update.gradient_norm, update=update), state, others

    def _accumulate_step(
        self,
        weights: Sequence[Tensor],
        others: Sequence[Tensor],
        data: Sequence[Tensor],
        scalars: Tensor,
        sums: Sequence[Tensor],
    ) -> tuple[StepResult, Tensor, Tensor]:
        result, others, gradients = self._gradients(weights, others, data, Scalars(*scalars))
        sums, norm = accumulated(sums, gradients)
        return result._replace(gradient_norm=norm), others, sums

    def _apply_step(
        self, state: _State, scalars: Tensor, sums: Sequence[Tensor], count: Tensor
    ) -> tuple[Update, _State]:
        return self._updated(state, [total / count for total in sums], Scalars(*scalars))

    def _gradients(
        self,
        weights: Sequence[Tensor],
        others: Sequence[Tensor],
        data: Sequence[Tensor],
        scalars: Scalars,
    ) -> tuple[StepResult, Tensor, list[Tensor]]:
        """A batch's losses, the other variables, and the gradients, not scaled."""
        data = self._with_features(data)
        differentiate = jax.value_and_grad(self._objective, has_aux=True)
        trained = self._trained(weights)
        (_, aux), gradients = differentiate(trained, weights, others, data, scalars)
        loss, found, others = aux
        gradients = self.options.unscaled(gradients, scalars.loss_scale)
        largest = self.options.largest(gradients)
        totals = batch_totals(self.model.loss_fn, loss, found.losses, data[3], scalars)
        return step_result(loss, found, totals, largest), others, gradients

    def _updated(
        self, state: _State, gradients: Sequence[Tensor], scalars: Scalars
    ) -> tuple[Update, _State]:
        """The state after the update; the old one if the gradients' norm is not finite."""
        weights = self._trained(state.weights)
        gradients, update = self.options.processed(gradients, weights, scalars.learning_rate)
        moved, optimizer = self.optimizer.stateless_apply(state.optimizer, gradients, weights)
        averages = [averaged(a, w, scalars.ema_decay) for a, w in zip(state.averages, moved)]
        after = _State(self._merge(moved, state.weights), optimizer, averages)
        finite = jnp.isfinite(update.gradient_norm)
        return update, jax.tree.map(lambda new, old: jnp.where(finite, new, old), after, state)

    def _objective(
        self,
        trained: Sequence[Tensor],
        weights: Sequence[Tensor],
        others: Sequence[Tensor],
        data: Sequence[Tensor],
        scalars: Scalars,
    ) -> tuple[Tensor, Tensor]:
        weights = self._merge(trained, weights)
        found, others, penalties = stateless_losses(
            self.model, weights, others, data, training=True
        )
        loss, _ = self.model.loss_fn.mean(found.losses, data[3])
        loss *= scalars.sample_weight  # a padding batch's is not learned from
        objective = loss + sum(penalties)
        if self.options.scales_loss:
            objective *= scalars.loss_scale
        return objective, (loss, found, others)

    def _trained(self, weights: Sequence[Tensor]) -> list[Tensor]:
        return [w for w, chosen in zip(weights, self._is_trained) if chosen]

    def _merge(self, trained: Sequence[Tensor], weights: Sequence[Tensor]) -> list[Tensor]:
        """All weights, with the trained ones replaced."""
        rest = iter(trained)
        return [next(rest) if t else w for w, t in zip(weights, self._is_trained)]
