"""Weight initialisers by the names that configs use."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import keras

from open_seq2seq.config.schema import Param, Schema


@keras.saving.register_keras_serializable("open_seq2seq")
class Xavier(keras.initializers.Initializer):
    """Glorot's initialiser (Glorot and Bengio 2010) as TensorFlow 1's contrib has it.

    With n = (fan_in + fan_out) / 2: uniform within sqrt(3 / n), or normal with the
    deviation sqrt(1.3 / n), cut off at two deviations, which leaves a variance of 1 / n.

    Every call draws other numbers, from seeds that `keras.utils.set_random_seed` rules:
    one object serves all layers of a model. (Keras's initialisers repeat theirs.)

    Args:
      uniform: the uniform distribution, or else the normal one.
    """

    def __init__(self, uniform: bool = True):
        self.uniform = uniform

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        """Weights `[window..., input, output]` (or `[input, output]`)."""
        fan_in, fan_out = _fans(shape)
        mean_fan = (fan_in + fan_out) / 2
        seed = random.randrange(2**31)
        if self.uniform:
            limit = math.sqrt(3.0 / mean_fan)
            return keras.random.uniform(shape, -limit, limit, dtype=dtype, seed=seed)
        deviation = math.sqrt(1.3 / mean_fan)
        return keras.random.truncated_normal(shape, 0.0, deviation, dtype=dtype, seed=seed)

    def get_config(self) -> dict[str, Any]:
        return {"uniform": self.uniform}


def xavier_initializer(uniform: bool = True) -> Xavier:
    """Glorot's initialiser; see `Xavier`."""
    return Xavier(uniform)


xavier_initializer.PARAMS = Schema(  # type: ignore[attr-defined]
    "xavier_initializer",
    (Param("uniform", bool, "Uniform within sqrt(3 / n); False: normal, cut off.", True),),
    summary="Glorot's initialiser; n is the mean of a weight's inputs and outputs.",
)

INITIALIZERS: dict[str, Callable[..., keras.initializers.Initializer]] = {
    "xavier_initializer": xavier_initializer
}


def _fans(shape: Sequence[int]) -> tuple[int, int]:
    """Inputs of an output and outputs of an input, for a kernel `[window..., input, output]`."""
    window = math.prod(shape[:-2])
    return shape[-2 if len(shape) > 1 else -1] * window, shape[-1] * window
