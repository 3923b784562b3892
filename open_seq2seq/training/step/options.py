"""How a training step treats gradients, and the numbers that it takes with each batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from keras import ops

from open_seq2seq.config.schema import Params
from open_seq2seq.losses import LossFunction
from open_seq2seq.optimizers import apply_larc, clip_by_global_norm, global_norm
from open_seq2seq.tensors import Tensor
from open_seq2seq.training.step.result import Totals, Update


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
    larc: Params | None = None
    iter_size: int = 1
    scales_loss: bool = False
    measures_maximum: bool = False
    keep_gradients: bool = False
    jit: bool = False
    compress: bool = False
    sync_batch_norm: bool = False

    def unscaled(self, gradients: Sequence[Tensor], loss_scale: Tensor) -> list[Tensor]:
        """A batch's gradients without the loss scale."""
        return [g / loss_scale for g in gradients] if self.scales_loss else list(gradients)

    def largest(self, gradients: Sequence[Tensor]) -> Tensor:
        """The largest absolute value of the gradients; 0 unless it is to be measured."""
        if not self.measures_maximum:
            return ops.zeros((), "float32")
        return ops.max(ops.stack([ops.max(ops.abs(g)) for g in gradients]))

    def processed(
        self, gradients: Sequence[Tensor], weights: Sequence[Tensor], learning_rate: Tensor
    ) -> tuple[list[Tensor], Update]:
        """The gradients as the optimizer gets them: clipped, then with LARC's factors."""
        processed, norm = clip_by_global_norm(gradients, self.max_grad_norm)
        kept = tuple(processed) if self.keep_gradients else ()
        report = None
        if self.larc is not None:
            processed, report = apply_larc(processed, weights, learning_rate, self.larc)
        return processed, Update(norm, kept, report)


class Scalars(NamedTuple):
    """What a step takes besides its batch; numbers, or elements of one float32 vector,
    which is one input of a compiled graph.

    Args:
      learning_rate: what the optimizer uses.
      loss_scale: factor of the loss while gradients are computed.
      ema_decay: of the averaged weights.
      sample_weight: 0 where the batch is padding, which changes nothing, else 1.
      units: seconds of audio, or tokens, in the batch.
      stop: 1 where this worker was asked to stop.
      left_out: utterances that are not in the batch because they could not be read.
    """

    learning_rate: Tensor
    loss_scale: Tensor
    ema_decay: Tensor
    sample_weight: Tensor
    units: Tensor
    stop: Tensor
    left_out: Tensor


def batch_totals(
    loss_fn: LossFunction, loss: Tensor, losses: Tensor, label_lengths: Tensor, scalars: Scalars
) -> Totals:
    """The figures of one worker's batch.

    Args:
      loss_fn: the model's.
      loss: `[]` its mean of `losses` `[batch]`.
      label_lengths: `[batch]`.
    """
    count = loss_fn.count(losses, label_lengths) * scalars.sample_weight
    bad = (
        ops.sum(ops.cast(ops.logical_not(ops.isfinite(losses)), "float32")) * scalars.sample_weight
    )
    # A padding batch's loss may be anything, also not finite.
    total = ops.where(count > 0, loss * count, ops.zeros_like(loss))
    return Totals(count, total, bad, scalars.units, scalars.stop, scalars.left_out)


def accumulated(sums: Sequence[Tensor], gradients: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
    """Sums of gradients with a batch's added, unless its norm is not finite; and that norm."""
    norm = global_norm(gradients)
    usable = ops.isfinite(norm)
    return [ops.where(usable, s + g, s) for s, g in zip(sums, gradients)], norm
