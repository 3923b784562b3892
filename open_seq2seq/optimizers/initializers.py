"""Weight initialisers by the names that configs use, those of TensorFlow 1."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import keras

from open_seq2seq.config.schema import Param, Schema
from open_seq2seq.tensors import DType, Initializer, KerasConfig, Tensor


@keras.saving.register_keras_serializable("open_seq2seq")
class VarianceScaling(keras.initializers.Initializer):
    """Weights whose variance is `factor / n`, as TensorFlow 1's contrib draws them.

    n is the inputs of an output (`FAN_IN`, He et al. 2015), the outputs of an input
    (`FAN_OUT`) or their mean (`FAN_AVG`, Glorot and Bengio 2010). Uniform within
    sqrt(3 factor / n), or normal with the deviation sqrt(1.3 factor / n), cut off at two
    deviations, which leaves that variance.

    Every call draws other numbers, from seeds that `keras.utils.set_random_seed` rules:
    one object serves all layers of a model. (Keras's initialisers repeat theirs.)

    Args:
      factor, mode: as above.
      uniform: the uniform distribution, or else the normal one.
    """

    def __init__(self, factor: float = 2.0, mode: str = "FAN_IN", uniform: bool = False):
        self.factor, self.mode, self.uniform = factor, mode, uniform

    def __call__(self, shape: Sequence[int], dtype: DType = None) -> Tensor:
        """Weights `[window..., input, output]` (or `[input, output]`)."""
        fan_in, fan_out = _fans(shape)
        n = {"FAN_IN": fan_in, "FAN_OUT": fan_out, "FAN_AVG": (fan_in + fan_out) / 2}[self.mode]
        seed = random.randrange(2**31)
        if self.uniform:
            limit = math.sqrt(3.0 * self.factor / n)
            return keras.random.uniform(shape, -limit, limit, dtype=dtype, seed=seed)
        deviation = math.sqrt(1.3 * self.factor / n)
        return keras.random.truncated_normal(shape, 0.0, deviation, dtype=dtype, seed=seed)

    def get_config(self) -> KerasConfig:
        return {"factor": self.factor, "mode": self.mode, "uniform": self.uniform}


def xavier_initializer(uniform: bool = True) -> VarianceScaling:
    """Glorot's initialiser: a variance of 1 / n, n the mean of inputs and outputs."""
    return VarianceScaling(1.0, "FAN_AVG", uniform)


def variance_scaling_initializer(
    factor: float = 2.0, mode: str = "FAN_IN", uniform: bool = False
) -> VarianceScaling:
    """He's initialiser by default; see `VarianceScaling`."""
    return VarianceScaling(factor, mode, uniform)


def glorot_uniform_initializer() -> VarianceScaling:
    """Glorot's initialiser, uniform within sqrt(6 / (inputs + outputs))."""
    return VarianceScaling(1.0, "FAN_AVG", True)


def random_normal_initializer(mean: float = 0.0, stddev: float = 1.0) -> Initializer:
    """A normal distribution."""
    return keras.initializers.RandomNormal(mean, stddev)


def truncated_normal_initializer(mean: float = 0.0, stddev: float = 1.0) -> Initializer:
    """A normal distribution cut off at two deviations."""
    return keras.initializers.TruncatedNormal(mean, stddev)


def random_uniform_initializer(minval: float = 0.0, maxval: float = 1.0) -> Initializer:
    """A uniform distribution."""
    return keras.initializers.RandomUniform(minval, maxval)


_UNIFORM = "Uniform within sqrt(3 / n); False: normal, cut off."

xavier_initializer.PARAMS = Schema(  # type: ignore[attr-defined]
    "xavier_initializer",
    (Param("uniform", bool, _UNIFORM, True),),
    summary="Glorot's initialiser; n is the mean of a weight's inputs and outputs.",
)

variance_scaling_initializer.PARAMS = Schema(  # type: ignore[attr-defined]
    "variance_scaling_initializer",
    (
        Param("factor", float, "The variance times n.", 2.0, minimum=0.0),
        Param(
            "mode",
            str,
            "What n is: a weight's inputs, its outputs, or their mean.",
            "FAN_IN",
            choices=("FAN_IN", "FAN_OUT", "FAN_AVG"),
        ),
        Param("uniform", bool, "Uniform within sqrt(3 factor / n); False: normal, cut off.", False),
    ),
    summary="Weights of the variance factor / n; He's initialiser by default.",
)

glorot_uniform_initializer.PARAMS = Schema(  # type: ignore[attr-defined]
    "glorot_uniform_initializer", (), summary="As xavier_initializer, uniform."
)

_NORMAL = (
    Param("mean", float, "Its centre.", 0.0),
    Param("stddev", float, "Its standard deviation.", 1.0, minimum=0.0),
)
random_normal_initializer.PARAMS = Schema(  # type: ignore[attr-defined]
    "random_normal_initializer", _NORMAL, summary="A normal distribution."
)
truncated_normal_initializer.PARAMS = Schema(  # type: ignore[attr-defined]
    "truncated_normal_initializer",
    _NORMAL,
    summary="A normal distribution cut off at two deviations.",
)
random_uniform_initializer.PARAMS = Schema(  # type: ignore[attr-defined]
    "random_uniform_initializer",
    (Param("minval", float, "Lower end.", 0.0), Param("maxval", float, "Upper end.", 1.0)),
    summary="A uniform distribution.",
)

INITIALIZERS: dict[str, Callable[..., keras.initializers.Initializer]] = {
    "glorot_uniform_initializer": glorot_uniform_initializer,
    "random_normal_initializer": random_normal_initializer,
    "random_uniform_initializer": random_uniform_initializer,
    "truncated_normal_initializer": truncated_normal_initializer,
    "variance_scaling_initializer": variance_scaling_initializer,
    "xavier_initializer": xavier_initializer,
}


def _fans(shape: Sequence[int]) -> tuple[int, int]:
    """Inputs of an output and outputs of an input, for a kernel `[window..., input, output]`."""
    window = math.prod(shape[:-2])
    return shape[-2 if len(shape) > 1 else -1] * window, shape[-1] * window
