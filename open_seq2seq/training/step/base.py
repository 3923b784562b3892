"""The part of a training step that does not depend on the backend."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import numpy as np
from keras import ops

from open_seq2seq.data.batch import Batch, TextBatch
from open_seq2seq.features.device_features import DeviceFeatures
from open_seq2seq.models import Model
from open_seq2seq.tensors import Tensor, Variable
from open_seq2seq.training.step.options import Scalars, StepOptions
from open_seq2seq.training.step.result import StepResult, Update


class BaseTrainStep:
    """The part of a training step that does not depend on the backend.

    With `iter_size` 1 a batch is one compiled call, `_train`. Otherwise gradients are accumulated
    over so many batches (`_accumulate`), and `_apply` updates the weights with their mean; a batch
    whose gradient is not finite is left out of the mean.

    A batch of which no recording could be read is a padding batch too, and all workers' may be:
    then it is a step of the regularisers alone, and batch normalization's statistics stay.

    Args:
      model: the one that is trained.
      variables: those to train, built into the optimizer here.
      options: see there.
      reducer: of the workers that train together, None if there is one.
      device_features: what makes features of the batches' `Waveforms`; None: they hold features.
    """

    def __init__(
        self,
        model: Model,
        optimizer: keras.Optimizer,
        variables: list[Variable],
        options: StepOptions,
        reducer: Any = None,
        device_features: DeviceFeatures | None = None,
    ):
        self.model, self.reducer = model, reducer
        self.device_features = device_features
        self.optimizer, self.variables, self.options = optimizer, variables, options
        optimizer.build(variables)
        self._sums: Any = None
        self._usable = 0

    def __call__(
        self,
        batch: Batch | TextBatch,
        learning_rate: float,
        loss_scale: float = 1.0,
        ema_decay: float = 0.0,
        update: bool = True,
        stop: bool = False,
    ) -> StepResult:
        """Computes the gradients of `batch` and, with `update`, changes the weights.

        Args:
          learning_rate: what the optimizer uses.
          loss_scale: factor of the loss while gradients are computed; used with `scales_loss`.
          ema_decay: of the averaged weights, if there are any.
          update: whether the batch is the last that is accumulated.
          stop: whether this worker was asked to stop; the result says it to all.
        """
        self.optimizer.learning_rate.assign(np.float32(learning_rate))
        # A padding batch counts nowhere, also not in the speed.
        sample_weight, units = (0.0, 0.0) if batch.is_padding else (1.0, batch.units)
        scalars = Scalars(
            learning_rate, loss_scale, ema_decay, sample_weight, units, stop, len(batch.left_out)
        )
        vector = np.array(scalars, np.float32)
        # With several workers the step itself takes care of them.
        kept = self._values_of_statistics() if batch.is_padding and self.reducer is None else []
        result = self._step(batch, vector, update)
        for variable, value in zip(self.moving_statistics, kept):
            variable.assign(value)
        return result

    @property
    def moving_statistics(self) -> list[Variable]:
        """Batch normalization's moving statistics."""
        return [v for v in self.model.non_trainable_variables if "moving_" in v.path]

    def _values_of_statistics(self) -> list[np.ndarray]:
        return [np.array(ops.convert_to_numpy(v.value)) for v in self.moving_statistics]

    def _step(self, batch: Batch | TextBatch, scalars: np.ndarray, update: bool) -> StepResult:
        if self.options.iter_size == 1:
            return self._train(batch, scalars)
        if self._sums is None:
            self._sums = self._zero_gradients()
        result, self._sums = self._accumulate(batch, scalars, self._sums)
        self._usable += bool(np.isfinite(result.gradient_norm))
        if update:
            if self._usable:
                change = self._apply(scalars, self._sums, np.float32(self._usable))
                result = result._replace(update=change)
            self._sums, self._usable = None, 0
        return result

    def _with_features(self, data: Sequence[Any]) -> Sequence[Any]:
        """A batch's arrays inside the compiled step, with features in the place of samples."""
        if self.device_features is None:
            return data
        with self._exact_products():
            return self.device_features(data[0]), *data[1:]

    def _exact_products(self) -> AbstractContextManager[Any]:
        """While a part of the step is compiled: products of float32 are not rounded to less."""
        return nullcontext()

    def _zero_gradients(self) -> Sequence[Tensor]:
        """What the gradients of the next batches are added to."""
        return [np.zeros(v.shape, np.float32) for v in self.variables]

    def _train(self, batch: Batch | TextBatch, scalars: np.ndarray) -> StepResult:
        """A step on one batch."""
        raise NotImplementedError

    def _accumulate(
        self, batch: Batch | TextBatch, scalars: np.ndarray, sums: Sequence[Tensor]
    ) -> tuple[StepResult, Tensor]:
        """Adds a batch's gradients to `sums`."""
        raise NotImplementedError

    def _apply(self, scalars: np.ndarray, sums: Sequence[Tensor], count: np.float32) -> Update:
        """Updates the weights with `sums / count`."""
        raise NotImplementedError
