"""What a training step returns, whatever the backend."""

from __future__ import annotations

from typing import Any, NamedTuple


class Update(NamedTuple):
    """How the weights were changed; tensors, read only when somebody looks.

    Args:
      gradient_norm: `[]` global norm of the (mean) gradient before clipping; the weights are
        left alone when it is not finite.
      gradients: one for each trained variable, clipped; empty unless they are kept.
      larc: a `LarcReport`, None without LARC.
    """

    gradient_norm: Any
    gradients: Any = ()
    larc: Any = None


class StepResult(NamedTuple):
    """What a step on one batch returns; tensors, read only when somebody looks.

    Args:
      loss: `[]` mean over the utterances whose loss is finite, without regularisation.
      losses: `[batch]` one per utterance, as the loss function gave them.
      gradient_norm: `[]` global norm of this batch's gradient; the batch is left out of the
        update when it is not finite.
      gradient_maximum: `[]` the gradient's largest absolute value; 0 unless it is measured.
      logits: `[batch, time', class]`.
      lengths: `[batch]` logit frames.
      update: None while gradients are gathered, and when no batch was of use.
    """

    loss: Any
    losses: Any
    gradient_norm: Any
    gradient_maximum: Any
    logits: Any
    lengths: Any
    update: Update | None = None
