"""Activations that Keras computes by operations which some exporters don't know."""

from __future__ import annotations

import keras
from keras import ops

from open_seq2seq.ops.portable import is_portable
from open_seq2seq.tensors import Tensor


def gelu(values: Tensor) -> Tensor:
    """The Gaussian error linear unit, exact (Hendrycks and Gimpel 2016): Keras's own.

    Inside `portable` by `erf`: Keras's `erfc` is unknown to ONNX.
    """
    if not is_portable():
        return keras.activations.gelu(values)
    return 0.5 * values * (1.0 + ops.erf(values * 0.5**0.5))
