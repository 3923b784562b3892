"""LARC: layer-wise adaptive rate control (Ginsburg, Gitman, You 2017, arXiv:1708.03888)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from keras import ops

from open_seq2seq.config.schema import Param, Params, Schema
from open_seq2seq.tensors import Tensor

LARC = Schema(
    "LARC",
    (
        Param("larc_eta", float, "The step's size relative to the weights' norm.", minimum=0.0),
        Param(
            "larc_mode",
            str,
            "clip: bounds the policy's learning rate for each variable; scale: multiplies it.",
            "clip",
            choices=("clip", "scale"),
        ),
        Param(
            "min_update",
            float,
            "The factor's lower bound, and the factor of variables that are all zero (biases and "
            "batch-norm shifts at first).",
            1e-7,
            minimum=0.0,
        ),
        Param("epsilon", float, "Added to the gradient's norm.", 1e-7, minimum=0.0),
    ),
    summary="A factor for each variable's gradient that bounds its step relative to its norm.",
)

# So that a rate of 0 (the first step of a warm-up) makes a large ratio, not a NaN.
_SMALLEST_RATE = 1e-30


class LarcReport(NamedTuple):
    """What LARC did, under OpenSeq2Seq's names; `[variable]` float32 each.

    Args:
      larc_clip_on: 1 where the factor is below 1.
      larc_grad_update: the factor.
      larc_final_lr: the factor times the learning rate.
    """

    larc_clip_on: Tensor
    larc_grad_update: Tensor
    larc_final_lr: Tensor


def apply_larc(
    gradients: Sequence[Tensor],
    weights: Sequence[Tensor],
    learning_rate: Tensor,
    params: Params,
) -> tuple[list[Tensor], LarcReport]:
    """Multiplies each variable's gradient g by a factor from the norms of g and its weights w.

    With r the learning rate, as in OpenSeq2Seq:

        clip:   factor = min(1, max(eta |w| / (r (|g| + epsilon)), min_update))
        scale:  factor = max(eta |w| / (|g| + epsilon), min_update)

    Every variable has its own factor, biases and scales of normalisations too. One that is all
    zero gets `min_update`, so it leaves zero only slowly. Norms are float32. NovoGrad divides
    by the gradient's norm itself, so under it LARC has next to no effect.

    Args:
      gradients: of any shape; None for a variable without gradient stays None.
      weights: the variables' values, in the same order.
      learning_rate: a scalar.
      params: checked and filled by `LARC`.

    Returns: the gradients, each in its own type, and a report with a value for each variable
      that has a gradient.
    """
    present = [index for index, gradient in enumerate(gradients) if gradient is not None]
    rate = ops.cast(learning_rate, "float32")
    # All factors at once: with hundreds of variables, small operations add up.
    ratio = params["larc_eta"] * _norms([weights[i] for i in present])
    denominator = _norms([gradients[i] for i in present]) + params["epsilon"]
    clips = params["larc_mode"] == "clip"
    if clips:
        denominator = ops.maximum(rate, _SMALLEST_RATE) * denominator
    factors = ops.maximum(ratio / denominator, params["min_update"])
    clipped = ops.cast(ops.less(factors, 1.0), "float32")
    if clips:
        factors = ops.minimum(factors, 1.0)
    result = list(gradients)
    for factor, index in zip(ops.unstack(factors, num=len(present)), present):
        gradient = gradients[index]
        result[index] = ops.cast(ops.cast(gradient, "float32") * factor, gradient.dtype)
    return result, LarcReport(clipped, factors, rate * factors)


def _norms(tensors: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of each tensor, `[tensor]` float32."""
    return ops.sqrt(ops.stack([ops.sum(ops.square(ops.cast(t, "float32"))) for t in tensors]))
