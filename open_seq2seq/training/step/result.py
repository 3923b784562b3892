"""What a training step returns, whatever the backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from open_seq2seq.losses import BatchLosses
from open_seq2seq.optimizers.larc import LarcReport
from open_seq2seq.tensors import Tensor


class Update(NamedTuple):
    """How the weights were changed; tensors, read only when somebody looks.

    Args:
      gradient_norm: `[]` global norm of the (mean) gradient before clipping; the weights are
        left alone when it is not finite.
      gradients: one for each trained variable, clipped; empty unless they are kept.
      larc: a `LarcReport`, None without LARC.
    """

    gradient_norm: Tensor
    gradients: Sequence[Tensor] = ()
    larc: LarcReport | None = None


class Totals(NamedTuple):
    """A batch's figures, summed over all workers; float32 scalars.

    Args:
      count: what the mean of the losses is over: utterances, or tokens.
      loss: the mean loss times `count`.
      bad: utterances whose loss is not finite.
      units: seconds of audio, or tokens.
      stops: workers that were asked to stop.
      left_out: utterances that are not in it because they could not be read.
    """

    count: Tensor
    loss: Tensor
    bad: Tensor
    units: Tensor
    stops: Tensor
    left_out: Tensor


class StepResult(NamedTuple):
    """What a step on one batch returns; tensors, read only when somebody looks.

    Args:
      loss: `[]` mean over the utterances (of all workers) whose loss is finite, without
        regularisation.
      losses: `[batch]` one per utterance of this worker, as the loss function gave them.
      gradient_norm: `[]` global norm of this batch's gradient; the batch is left out of the
        update when it is not finite. While several workers accumulate gradients it is this
        worker's, and NaN if another one's is not finite.
      gradient_maximum: `[]` the gradient's largest absolute value; 0 unless it is measured. While
        several workers accumulate gradients: the largest in any worker's part of the sum.
      logits: `[batch, time', class]`.
      lengths: `[batch]` logit frames.
      totals: of all workers.
      update: None while gradients are accumulated, and when no batch was of use.
      terms: as in `BatchLosses`, each `[batch]`, of this worker.
    """

    loss: Tensor
    losses: Tensor
    gradient_norm: Tensor
    gradient_maximum: Tensor
    logits: Tensor
    lengths: Tensor
    totals: Totals
    update: Update | None = None
    terms: Mapping[str, Tensor] = {}


def step_result(
    loss: Tensor, found: BatchLosses, totals: Totals, gradient_maximum: Tensor
) -> StepResult:
    """A step's result without the gradient's norm, which the caller puts in."""
    losses, logits, lengths, terms = found
    return StepResult(loss, losses, loss, gradient_maximum, logits, lengths, totals, terms=terms)
