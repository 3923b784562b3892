"""Dropout."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from open_seq2seq.tensors import Tensor


def dropout(values: Tensor, rate: float, seed: keras.random.SeedGenerator) -> Tensor:
    """Sets values to 0 at random and divides the others by the share that is kept.

    Keras draws a float32 number for each value and keeps the mask for the gradient; where the C++
    kernels are, 16 bits are drawn, and drawn again for the gradient: a tenth of the time. The
    two draw different numbers.

    Args:
      values: of any shape.
      rate: probability that a value becomes 0, in [0, 1).
      seed: where the numbers come from; its state goes on.

    Returns:
      Like `values`.
    """
    if rate == 0:
        return values
    if keras.backend.backend() == "tensorflow":
        from open_seq2seq.ops import tensorflow_native

        if tensorflow_native.takes_dropout(values):
            return tensorflow_native.dropout(values, rate, seed.next())
    return keras.random.dropout(values, rate, seed=seed)


@dataclass(frozen=True)
class Dropout:
    """`dropout` of one rate, in training only.

    Keras does not look into it: the generator, which many layers draw from, stays its owner's.

    Args:
      rate: probability that a value becomes 0, in [0, 1).
      seed: where the numbers come from.
    """

    rate: float
    seed: keras.random.SeedGenerator

    def __call__(self, values: Tensor, training: bool) -> Tensor:
        return dropout(values, self.rate, self.seed) if training else values
