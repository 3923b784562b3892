"""What a training step returns, whatever the backend."""

from __future__ import annotations

from typing import Any, NamedTuple


class StepResult(NamedTuple):
    """What a step returns; tensors, read only when somebody looks.

    Args:
      loss: `[]` mean over the utterances whose loss is finite, without regularisation.
      losses: `[batch]` one per utterance, as the loss function gave them.
      gradient_norm: `[]` global norm before clipping; the weights are left alone when it
        is not finite.
      logits: `[batch, time', class]`.
      lengths: `[batch]` logit frames.
      gradients: one for each trained variable, clipped; empty unless they are kept.
    """

    loss: Any
    losses: Any
    gradient_norm: Any
    logits: Any
    lengths: Any
    gradients: Any = ()
