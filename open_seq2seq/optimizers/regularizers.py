"""Weight regularizers by the names that configs use."""

from __future__ import annotations

from collections.abc import Callable

import keras

from open_seq2seq.config.schema import Param, Schema


def l2_regularizer(scale: float) -> keras.regularizers.Regularizer:
    """`scale x sum(w^2) / 2` for each regularised variable, as in TensorFlow 1.

    Its gradient is `scale x w`. Keras's own L2 has no half.
    """
    return keras.regularizers.L2(scale / 2)


l2_regularizer.PARAMS = Schema(  # type: ignore[attr-defined]
    "l2_regularizer",
    (Param("scale", float, "Weight of sum(w^2) / 2 in the training loss.", minimum=0.0),),
    summary="Half the sum of the squared weights.",
)

REGULARIZERS: dict[str, Callable[..., keras.regularizers.Regularizer]] = {
    "l2_regularizer": l2_regularizer
}
