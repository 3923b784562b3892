"""What both backends' training steps share: from a batch's gradients to those of the optimizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from open_seq2seq.data.batch import Batch, TextBatch
from open_seq2seq.optimizers import apply_larc, clip_by_global_norm, global_norm
from open_seq2seq.training.step.result import StepResult, Totals, Update


@dataclass(frozen=True)
class StepOptions:
    """How a training step treats gradients.

    Args:
      max_grad_norm: clip to this global norm, or None.
      larc: the parameters of LARC, or None.
      iter_size: batches whose gradients are averaged for one update.
      scales_loss: the loss scale is not always 1.
      measures_maximum: return the largest absolute value of each batch's gradient.
      keep_gradients: return the clipped gradients, for summaries.
      jit: let XLA compile the parts of the TensorFlow graph that it can.
      compress: workers send each other gradients as float16.
      sync_batch_norm: batch normalization uses the statistics of all workers' batches.
    """

    max_grad_norm: float | None = None
    larc: Mapping[str, Any] | None = None
    iter_size: int = 1
    scales_loss: bool = False
    measures_maximum: bool = False
    keep_gradients: bool = False
    jit: bool = False
    compress: bool = False
    sync_batch_norm: bool = False

    def unscaled(self, gradients: Sequence[Any], loss_scale: Any) -> list[Any]:
        """A batch's gradients without the loss scale."""
        return [g / loss_scale for g in gradients] if self.scales_loss else list(gradients)

    def largest(self, gradients: Sequence[Any]) -> Any:
        """The largest absolute value of the gradients; 0 unless it is to be measured."""
        if not self.measures_maximum:
            return ops.zeros((), "float32")
        return ops.max(ops.stack([ops.max(ops.abs(g)) for g in gradients]))

    def shaped(
        self, gradients: Sequence[Any], weights: Sequence[Any], learning_rate: Any
    ) -> tuple[list[Any], Update]:
        """The gradients as the optimizer gets them: clipped, then with LARC's factors."""
        shaped, norm = clip_by_global_norm(gradients, self.max_grad_norm)
        kept = tuple(shaped) if self.keep_gradients else ()
        report = None
        if self.larc is not None:
            shaped, report = apply_larc(shaped, weights, learning_rate, self.larc)
        return shaped, Update(norm, kept, report)


class Scalars(NamedTuple):
    """What a step is told besides its batch; numbers, or elements of one float32 vector.

    Args:
      learning_rate: what the optimizer uses.
      loss_scale: factor of the loss while gradients are computed.
      ema_decay: of the averaged weights.
      counted: 0 where the batch is a filler, which changes nothing, else 1.
      amount: of data in the batch.
      stop: 1 where this worker was asked to stop.
      left_out: utterances that are not in the batch because they could not be read.
    """

    learning_rate: Any
    loss_scale: Any
    ema_decay: Any
    counted: Any
    amount: Any
    stop: Any
    left_out: Any


def batch_totals(
    loss_fn: Any, loss: Any, losses: Any, label_lengths: Any, scalars: Scalars
) -> Totals:
    """The figures of one worker's batch.

    Args:
      loss_fn: the model's.
      loss: `[]` its mean of `losses` `[batch]`.
      label_lengths: `[batch]`.
    """
    count = loss_fn.count(losses, label_lengths) * scalars.counted
    bad = ops.sum(ops.cast(ops.logical_not(ops.isfinite(losses)), "float32")) * scalars.counted
    # A filler's loss may be anything, also not finite.
    total = ops.where(count > 0, loss * count, ops.zeros_like(loss))
    return Totals(count, total, bad, scalars.amount, scalars.stop, scalars.left_out)


def added(sums: Sequence[Any], gradients: Sequence[Any]) -> tuple[list[Any], Any]:
    """Sums of gradients with a batch's added, unless its norm is not finite; and that norm."""
    norm = global_norm(gradients)
    usable = ops.isfinite(norm)
    return [ops.where(usable, s + g, s) for s, g in zip(sums, gradients)], norm


class GroupedStep:
    """The part of a training step that does not depend on the backend.

    With `iter_size` 1 a batch is one compiled call, `_whole`. Otherwise each batch adds to the
    sums of its group (`_gather`), and `_finish` updates the weights with their mean; a batch
    whose gradient is not finite is left out of the mean.

    A batch of which no recording could be read is a filler too, and all workers' may be: then it
    is a step of the regularisers alone, and batch normalization's statistics stay.

    Args:
      model: the one that is trained.
      variables: those to train, built into the optimizer here.
      options: see there.
      reducer: of the workers that train together, None if there is one.
    """

    def __init__(
        self,
        model: Any,
        optimizer: Any,
        variables: list[Any],
        options: StepOptions,
        reducer: Any = None,
    ):
        self.model, self.reducer = model, reducer
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
          update: whether the batch is the last of its group.
          stop: whether this worker was asked to stop; the result says it to all.
        """
        self.optimizer.learning_rate.assign(np.float32(learning_rate))
        # A filler's copy counts nowhere, also not in the speed.
        counted, amount = (0.0, 0.0) if batch.filler else (1.0, batch.amount)
        left_out = len(batch.left_out)
        told = Scalars(learning_rate, loss_scale, ema_decay, counted, amount, stop, left_out)
        scalars = np.array(told, np.float32)
        # Of several workers' fillers the step itself takes care.
        kept = self._values_of_statistics() if batch.filler and self.reducer is None else []
        result = self._step(batch, scalars, update)
        for variable, value in zip(self.moving_statistics, kept):
            variable.assign(value)
        return result

    @property
    def moving_statistics(self) -> list[Any]:
        """Batch normalization's moving statistics."""
        return [v for v in self.model.non_trainable_variables if "moving_" in v.path]

    def _values_of_statistics(self) -> list[np.ndarray]:
        return [np.array(ops.convert_to_numpy(v.value)) for v in self.moving_statistics]

    def _step(self, batch: Batch | TextBatch, scalars: np.ndarray, update: bool) -> StepResult:
        if self.options.iter_size == 1:
            return self._whole(batch, scalars)
        if self._sums is None:
            self._sums = self._no_sums()
        result, self._sums = self._gather(batch, scalars, self._sums)
        self._usable += bool(np.isfinite(result.gradient_norm))
        if update:
            if self._usable:
                change = self._finish(scalars, self._sums, np.float32(self._usable))
                result = result._replace(update=change)
            self._sums, self._usable = None, 0
        return result

    def _no_sums(self) -> Any:
        """What a group's gradients are added to."""
        return [np.zeros(v.shape, np.float32) for v in self.variables]

    def _whole(self, batch: Batch | TextBatch, scalars: np.ndarray) -> StepResult:
        """A step on one batch."""
        raise NotImplementedError

    def _gather(
        self, batch: Batch | TextBatch, scalars: np.ndarray, sums: Any
    ) -> tuple[StepResult, Any]:
        """Adds a batch's gradients to `sums`."""
        raise NotImplementedError

    def _finish(self, scalars: np.ndarray, sums: Any, count: np.float32) -> Update:
        """Updates the weights with `sums / count`."""
        raise NotImplementedError
