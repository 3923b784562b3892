"""Connectionist temporal classification (Graves et al. 2006)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras import ops

from open_seq2seq.config.schema import Param, Schema
from open_seq2seq.ops.ctc import ctc_loss


class CTCLoss:
    """The CTC loss of each utterance, in float32 whatever the model's precision.

    Args:
      params: see `PARAMS`.
    """

    PARAMS = Schema(
        "CTCLoss",
        [
            Param(
                "mask_nan",
                bool,
                "Leave utterances whose loss is not finite out of the batch's mean and its "
                "gradient; they are counted and named. False: the mean is not finite either.",
                True,
            ),
            Param(
                "dtype",
                object,
                "Accepted for old configs; the loss is always computed in float32.",
                None,
            ),
        ],
        summary="CTC, blank last, repeated labels merged.",
    )

    def __init__(self, params: Mapping[str, Any] | None = None):
        self.params = self.PARAMS.parse(params or {})
        self.mask_nan: bool = self.params["mask_nan"]

    def __call__(self, logits: Any, logit_lengths: Any, labels: Any, label_lengths: Any) -> Any:
        """The loss of each utterance.

        Args:
          logits: [batch, time, symbol + 1], unnormalised, blank last.
          logit_lengths: [batch] frames.
          labels: [batch, label] integers, padded with anything.
          label_lengths: [batch].

        Returns:
          [batch] float32, in nats. `inf` where the frames are too few for the labels,
          `nan` where the logits are not finite; such rows have a gradient of zero.
          An empty label costs `-sum log P(blank)` over the utterance's frames.
        """
        return ctc_loss(logits, logit_lengths, labels, label_lengths)

    def mean(self, losses: Any, label_lengths: Any = None) -> tuple[Any, Any]:
        """The batch's loss, and which rows are in it.

        Args:
          losses: [batch], as this loss returns them.
          label_lengths: not used: an utterance counts as one.

        Returns:
          mean: scalar; with `mask_nan` over the finite rows (0 when there are none),
            else over all, so that it is not finite when one row is not.
          finite: [batch] bool; the caller reports the others.
        """
        finite = ops.isfinite(losses)
        if not self.mask_nan:
            return ops.mean(losses), finite
        kept = ops.sum(ops.where(finite, losses, 0.0))
        return kept / ops.maximum(self.count(losses), 1.0), finite

    def count(self, losses: Any, label_lengths: Any = None) -> Any:
        """How many utterances `mean` is over, a float32 scalar; arguments as there."""
        counted = ops.isfinite(losses) if self.mask_nan else ops.ones_like(losses)
        return ops.sum(ops.cast(counted, "float32"))
