"""Weight regularizers by the names that configs use, those of TensorFlow 1's contrib.layers."""

from __future__ import annotations

from collections.abc import Callable

import keras

from open_seq2seq.config.schema import Param, Schema

_HALF = "Weight of sum(w^2) / 2 in the training loss."
_ABSOLUTE = "Weight of sum(|w|) in the training loss."


def l2_regularizer(scale: float) -> keras.regularizers.Regularizer:
    """`scale x sum(w^2) / 2` for each regularised variable, as in TensorFlow 1.

    Its gradient is `scale x w`. Keras's own L2 has no half.
    """
    return keras.regularizers.L2(scale / 2)


def l1_regularizer(scale: float) -> keras.regularizers.Regularizer:
    """`scale x sum(|w|)` for each regularised variable."""
    return keras.regularizers.L1(scale)


def l1_l2_regularizer(
    scale_l1: float = 1.0, scale_l2: float = 1.0
) -> keras.regularizers.Regularizer:
    """`scale_l1 x sum(|w|) + scale_l2 x sum(w^2) / 2`, as in TensorFlow 1."""
    return keras.regularizers.L1L2(l1=scale_l1, l2=scale_l2 / 2)


l2_regularizer.PARAMS = Schema(  # type: ignore[attr-defined]
    "l2_regularizer",
    (Param("scale", float, _HALF, minimum=0.0),),
    summary="Half the sum of the squared weights.",
)

l1_regularizer.PARAMS = Schema(  # type: ignore[attr-defined]
    "l1_regularizer",
    (Param("scale", float, _ABSOLUTE, minimum=0.0),),
    summary="The sum of the weights' absolute values.",
)

l1_l2_regularizer.PARAMS = Schema(  # type: ignore[attr-defined]
    "l1_l2_regularizer",
    (
        Param("scale_l1", float, _ABSOLUTE, 1.0, minimum=0.0),
        Param("scale_l2", float, _HALF, 1.0, minimum=0.0),
    ),
    summary="The sum of both.",
)

REGULARIZERS: dict[str, Callable[..., keras.regularizers.Regularizer]] = {
    "l1_regularizer": l1_regularizer,
    "l1_l2_regularizer": l1_l2_regularizer,
    "l2_regularizer": l2_regularizer,
}
