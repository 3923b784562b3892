"""Cross-entropy of the next token, for language models."""

from __future__ import annotations

import keras
from keras import ops

from open_seq2seq.config.schema import Params, Schema
from open_seq2seq.ops.masks import length_mask
from open_seq2seq.tensors import Tensor


class CrossEntropyLoss:
    """The negative log probability of each line, in float32 whatever the model's precision."""

    PARAMS = Schema(
        "CrossEntropyLoss", [], summary="Negative log probability of the next token, in nats."
    )

    def __init__(self, params: Params | None = None):
        self.params = self.PARAMS.parse(params or {})

    def __call__(
        self, logits: Tensor, logit_lengths: Tensor, labels: Tensor, label_lengths: Tensor
    ) -> Tensor:
        """The negative log probability of each line.

        Args:
          logits: [batch, time, token], unnormalised.
          logit_lengths: not used: a line has a label for each of its steps.
          labels: [batch, time] integers.
          label_lengths: [batch].

        Returns:
          [batch] float32, in nats, the sum over the line's labels.
        """
        each = keras.losses.sparse_categorical_crossentropy(
            labels, ops.cast(logits, "float32"), from_logits=True
        )
        inside = length_mask(label_lengths, ops.shape(labels)[1], 2)
        return ops.sum(ops.where(inside, each, ops.zeros((), "float32")), axis=1)

    def mean(self, losses: Tensor, label_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The mean over the labels of the lines whose loss is finite, and which those are.

        Args:
          losses, label_lengths: [batch].
        """
        finite = ops.isfinite(losses)
        total = ops.sum(ops.where(finite, losses, 0.0))
        return total / ops.maximum(self.count(losses, label_lengths), 1.0), finite

    def count(self, losses: Tensor, label_lengths: Tensor) -> Tensor:
        """How many labels `mean` is over, a float32 scalar; arguments as there."""
        counts = ops.where(ops.isfinite(losses), ops.cast(label_lengths, "float32"), 0.0)
        return ops.sum(counts)
