"""What every loss function does: utterances' losses, and their mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from open_seq2seq.losses.view_masks import ViewMasks
from open_seq2seq.tensors import Tensor


class LossFunction(Protocol):
    """A loss for each utterance (or line), and which of them training minimises the mean of."""

    params: dict[str, Any]

    def __call__(
        self, logits: Tensor, logit_lengths: Tensor, labels: Tensor, label_lengths: Tensor
    ) -> Tensor:
        """The loss of each utterance.

        Args:
          logits: `[batch, time, class]`, unnormalised.
          logit_lengths: `[batch]` frames.
          labels: `[batch, label]` integers, padded with anything.
          label_lengths: `[batch]`.

        Returns:
          `[batch]` float32, in nats; not finite where there is none.
        """

    def mean(self, losses: Tensor, label_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The batch's loss, a scalar, and which rows are in it, `[batch]` bool.

        Args:
          losses, label_lengths: `[batch]`.
        """

    def count(self, losses: Tensor, label_lengths: Tensor) -> Tensor:
        """What `mean` divides by, a float32 scalar; arguments as there."""


class ConsistentLoss(LossFunction, Protocol):
    """One that also draws together what a model says of two views of an utterance in training."""

    consistency_weight: float
    view_masks: ViewMasks | None

    def consistency(self, logits: Tensor, others: Tensor, lengths: Tensor) -> Tensor:
        """How far the two are apart, `[batch]` float32.

        Args:
          logits, others: `[batch, time, class]`, the two views'.
          lengths: `[batch]` frames.
        """


class IntermediateLoss(LossFunction, Protocol):
    """One that outputs of inner layers take part in while a model is trained."""

    intermediate_layers: list[int]

    def combined(self, final: Tensor, intermediate: Sequence[Tensor]) -> Tensor:
        """The training loss of each utterance, `[batch]` float32.

        Args:
          final: `[batch]`, of the logits.
          intermediate: the same for each of `intermediate_layers`.
        """
