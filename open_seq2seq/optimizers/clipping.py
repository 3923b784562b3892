"""Gradient clipping by the global norm."""

from __future__ import annotations

from collections.abc import Sequence

from keras import ops

from open_seq2seq.tensors import Tensor


def global_norm(gradients: Sequence[Tensor]) -> Tensor:
    """Euclidean norm over all gradients together, a float32 scalar; None entries count as 0.

    Computed in float32 whatever the gradients' type: a sum of squares leaves the range
    of float16 early.
    """
    squares = [ops.sum(ops.square(ops.cast(g, "float32"))) for g in gradients if g is not None]
    if not squares:
        return ops.zeros((), dtype="float32")
    return ops.sqrt(ops.sum(ops.stack(squares)))


def clip_by_global_norm(
    gradients: Sequence[Tensor], max_norm: float | None
) -> tuple[list[Tensor], Tensor]:
    """Scales all gradients by one factor so that their global norm is at most `max_norm`.

    Pascanu et al. 2013, arXiv:1211.5063, algorithm 1. A norm that is not finite makes
    every gradient NaN, so that it cannot pass for a small step; look at the norm before
    applying the gradients.

    Args:
      gradients: tensors of any shape; None for a variable without gradient stays None.
      max_norm: the largest norm; None: only measure it.

    Returns: the gradients, each in its own type, and their norm before clipping, a
      float32 scalar.
    """
    norm = global_norm(gradients)
    if max_norm is None:
        return list(gradients), norm
    factor = max_norm / ops.maximum(norm, max_norm)
    factor = ops.where(ops.isfinite(norm), factor, float("nan"))
    clipped = [None if g is None else _scaled(g, factor) for g in gradients]
    return clipped, norm


def _scaled(gradient: Tensor, factor: Tensor) -> Tensor:
    # The factor may be too small for float16, the product is not larger than the gradient.
    return ops.cast(ops.cast(gradient, "float32") * factor, gradient.dtype)
