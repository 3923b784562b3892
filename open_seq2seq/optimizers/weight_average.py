"""An exponential moving average of the trained weights (Polyak and Juditsky 1992)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras
import numpy as np

from open_seq2seq.tensors import Tensor, Variable


class WeightAverage:
    """Averages of variables; the compiled step updates them after each update of the weights:

        average = decay_t average + (1 - decay_t) weight

    They start as a copy of the weights. Batch-norm statistics, which are averages already, and
    variables that are not trained have none.

    Args:
      variables: the trained variables.
      decay: the largest decay.
    """

    def __init__(self, variables: Sequence[Variable], decay: float):
        self.variables, self.decay = list(variables), decay
        self.averages = [
            keras.Variable(_copy(v), trainable=False, dtype="float32", name=f"average_{i}")
            for i, v in enumerate(self.variables)
        ]

    def decay_at(self, step: int) -> float:
        """The decay of the update after `step` others: `min(decay, (1 + step) / (10 + step))`.

        At first the average follows the weights quickly, so that it does not remember the random
        ones: the rule of TensorFlow 1's ExponentialMovingAverage with `num_updates`.
        """
        return min(self.decay, (1 + step) / (10 + step))

    def start(self) -> None:
        """Makes the averages a copy of the weights."""
        for average, variable in zip(self.averages, self.variables):
            average.assign(_copy(variable))

    @contextmanager
    def swapped_in(self) -> Iterator[None]:
        """The model has the averages while this lasts; nothing is compiled again."""
        weights = [_copy(variable) for variable in self.variables]
        try:
            for average, variable in zip(self.averages, self.variables):
                variable.assign(_copy(average))
            yield
        finally:
            for weight, variable in zip(weights, self.variables):
                variable.assign(weight)


def averaged(average: Tensor, weight: Tensor, decay: Tensor) -> Tensor:
    """The next average; the same in a graph of either backend."""
    return average + (1.0 - decay) * (weight - average)


def _copy(variable: Variable) -> np.ndarray:
    # A true copy: backends may hand out a view of what the next assignment overwrites.
    return np.array(keras.ops.convert_to_numpy(variable.value))
