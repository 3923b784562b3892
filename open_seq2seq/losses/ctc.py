"""Connectionist temporal classification (Graves et al. 2006), of inner layers and two views too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keras import ops

from open_seq2seq.config.schema import Param, Params, Schema
from open_seq2seq.errors import Problem
from open_seq2seq.losses.view_masks import VIEW_MASKS, ViewMasks
from open_seq2seq.ops.ctc import ctc_loss
from open_seq2seq.ops.masks import length_mask
from open_seq2seq.tensors import Tensor


def _check(params: Params, where: str) -> Iterator[Problem]:
    layers = list(params.get("intermediate_layers") or ())
    once = list(dict.fromkeys(layers))
    if layers != once:
        place, remedy = f"{where}/intermediate_layers".lstrip("/"), f"Set it to {once}."
        yield Problem(place, str(layers), "each layer once", remedy)
    if params.get("self_conditioning") and not layers:
        place, found = f"{where}/self_conditioning".lstrip("/"), "True without intermediate_layers"
        remedy = "Set intermediate_layers to the layers whose labels the others are to know."
        yield Problem(place, found, "layers inside the encoder", remedy)


class CTCLoss:
    """The CTC loss of each utterance, in float32 whatever the model's precision.

    With `intermediate_layers` (intermediate CTC, Lee and Watanabe 2021, arXiv:2102.03216) a model
    in training also has the loss of some of its encoder's layers, through the same CTC head:

        (1 - intermediate_weight) * final + intermediate_weight * mean(intermediate)

    With `self_conditioning` (self-conditioned CTC, Nozaki and Komatsu 2021, arXiv:2104.02724) what
    the head makes of these layers also goes into the layers above them, in training and after it.

    With `consistency_weight` (CR-CTC, Yao et al. 2024, arXiv:2410.05101) training sees each batch
    twice, under different masks; the loss is the mean over both views, and what they say is drawn
    together:

        mean(loss of each view) + consistency_weight * consistency

    Evaluation and inference know nothing of intermediate losses and views.

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
            Param(
                "intermediate_layers",
                list,
                "Layers of the encoder, counted from 1, whose outputs have a CTC loss of their own "
                "in training: entries of the TDNN's convnet_layers but the last, recurrent layers "
                "of Deep Speech 2 and the CRNN.",
                [],
                item=Param("layer", int, "A layer's number.", minimum=1),
            ),
            Param(
                "intermediate_weight",
                float,
                "Share of the mean of the intermediate losses in the training loss.",
                0.3,
                minimum=0.0,
                maximum=1.0,
            ),
            Param(
                "self_conditioning",
                bool,
                "Give the layers above each of intermediate_layers what the CTC head says of it. "
                "Such a network is neither exported nor streamed.",
                False,
            ),
            Param(
                "consistency_weight",
                float,
                "Weight of the divergence between two views of each utterance in the training loss "
                "(0.2 in the paper); a step then costs two. 0: off.",
                0.0,
                minimum=0.0,
            ),
            Param(
                "consistency_masks",
                dict,
                "Masks that are drawn for each of the two views, after those of the augmentation.",
                {},
                schema=VIEW_MASKS,
            ),
        ],
        check=_check,
        summary="CTC, blank last, repeated labels merged.",
    )

    def __init__(self, params: Params | None = None):
        self.params = self.PARAMS.parse(params or {})
        self.mask_nan: bool = self.params["mask_nan"]
        self.intermediate_layers: list[int] = self.params["intermediate_layers"]
        self.intermediate_weight: float = self.params["intermediate_weight"]
        self.self_conditioning: bool = self.params["self_conditioning"]
        self.consistency_weight: float = self.params["consistency_weight"]
        self.view_masks: ViewMasks | None = None
        if self.consistency_weight:
            self.view_masks = ViewMasks(self.params["consistency_masks"])

    def __call__(
        self, logits: Tensor, logit_lengths: Tensor, labels: Tensor, label_lengths: Tensor
    ) -> Tensor:
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

    def combined(self, final: Tensor, intermediate: Sequence[Tensor]) -> Tensor:
        """The training loss of each utterance from that of the logits and of other layers.

        Args:
          final: `[batch]`, as `__call__` returns it.
          intermediate: the same for each of `intermediate_layers`.

        Returns:
          `[batch]` float32, see the class; not finite where one of them is not.
        """
        if not intermediate:
            return final
        weight = self.intermediate_weight
        return (1.0 - weight) * final + weight / len(intermediate) * sum(intermediate)

    def consistency(self, logits: Tensor, others: Tensor, lengths: Tensor) -> Tensor:
        """How far two views' posteriors are apart: half of KL(p || q) + KL(q || p), over frames.

        In each divergence the target distribution has no gradient.

        Args:
          logits, others: `[batch, time, class]`, the two views'.
          lengths: `[batch]`, frames of each utterance.

        Returns:
          `[batch]` float32, in nats, a sum over the utterance's frames like the CTC loss; `nan`
          where a logit is not finite, with a gradient of zero.
        """
        logits, others = ops.cast(logits, "float32"), ops.cast(others, "float32")
        inside = length_mask(lengths, ops.shape(logits)[1], 2)
        finite = ops.isfinite(logits) & ops.isfinite(others)
        is_good = ops.all(ops.all(finite, axis=2) | ~inside, axis=1)
        zero = ops.zeros((), "float32")
        one, other = (ops.log_softmax(ops.where(finite, x, zero)) for x in (logits, others))
        total = zero
        for mine, target in ((one, other), (other, one)):
            target = ops.stop_gradient(target)
            total += ops.sum(ops.exp(target) * (target - mine), axis=2)
        total = 0.5 * ops.sum(ops.where(inside, total, zero), axis=1)
        return ops.where(is_good, total, float("nan"))

    def mean(self, losses: Tensor, label_lengths: Tensor = None) -> tuple[Tensor, Tensor]:
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

    def count(self, losses: Tensor, label_lengths: Tensor = None) -> Tensor:
        """How many utterances `mean` is over, a float32 scalar; arguments as there."""
        counted = ops.isfinite(losses) if self.mask_nan else ops.ones_like(losses)
        return ops.sum(ops.cast(counted, "float32"))
