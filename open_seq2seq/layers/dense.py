"""A dense layer over the frames of a batch."""

from __future__ import annotations

import keras
from keras import ops

from open_seq2seq.tensors import Tensor


class FrameDense(keras.layers.Dense):
    """Keras's dense layer, as one product of two matrices.

    Keras's own product of three axes is computed, and differentiated, utterance by utterance.
    """

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """[batch, time, channel] -> [batch, time, units]."""
        rows = super().call(ops.reshape(inputs, (-1, inputs.shape[-1])))
        return ops.reshape(rows, (-1, ops.shape(inputs)[1], self.units))
