"""Keras's own optimizers under the parameter names and defaults of TensorFlow 1."""

from __future__ import annotations

from typing import Any, ClassVar

import keras

from open_seq2seq.config.schema import Param, Schema

_EPSILON = "Added to the denominator."


class _TF1Parameters:
    """Mixin before a Keras optimizer: takes the names in `PARAMS`, with their defaults.

    Keras's names are taken too, so that `from_config(optimizer.get_config())` works.
    """

    PARAMS: ClassVar[Schema]
    KERAS_NAMES: ClassVar[dict[str, str]] = {}

    def __init__(self, learning_rate: float = 0.001, **arguments: Any):
        defaults = {param.name: param.default for param in self.PARAMS.params}
        renamed: dict[str, Any] = {}
        for values in (defaults, arguments):
            renamed |= {self.KERAS_NAMES.get(name, name): values[name] for name in values}
        super().__init__(learning_rate, **renamed)  # type: ignore[call-arg]


class SGD(_TF1Parameters, keras.optimizers.SGD):
    """Plain gradient descent: w = w - learning_rate g."""

    PARAMS = Schema("SGD", (), summary="Plain gradient descent.")


_ADAM_PARAMS = (
    Param("beta1", float, "Decay of the first moment.", 0.9, minimum=0.0, maximum=1.0),
    Param("beta2", float, "Decay of the second moment.", 0.999, minimum=0.0, maximum=1.0),
    Param("epsilon", float, _EPSILON, 1e-8, minimum=0.0),
)
_ADAM_NAMES = {"beta1": "beta_1", "beta2": "beta_2"}


class Adam(_TF1Parameters, keras.optimizers.Adam):
    """Adam (arXiv:1412.6980); epsilon is the "epsilon hat" before its section 2.1."""

    PARAMS = Schema("Adam", _ADAM_PARAMS, summary="Adam.")
    KERAS_NAMES = _ADAM_NAMES


class AdamW(_TF1Parameters, keras.optimizers.AdamW):
    """Adam with decoupled weight decay (arXiv:1711.05101).

    Before each Adam step: w = w - learning_rate weight_decay w, with the current
    learning rate, for every variable.
    """

    PARAMS = Schema(
        "AdamW",
        (
            Param(
                "weight_decay",
                float,
                "Share of the weights taken off at each step, times the learning rate.",
                0.01,
                minimum=0.0,
            ),
            *_ADAM_PARAMS,
        ),
        summary="Adam with decoupled weight decay.",
    )
    KERAS_NAMES = _ADAM_NAMES


class Adagrad(_TF1Parameters, keras.optimizers.Adagrad):
    """Adagrad (Duchi et al. 2011): rates from the sum of the squared gradients."""

    PARAMS = Schema(
        "Adagrad",
        (
            Param(
                "initial_accumulator_value",
                float,
                "Start of the sum of squared gradients.",
                0.1,
                minimum=0.0,
            ),
        ),
        summary="Adagrad.",
    )


class RMSProp(_TF1Parameters, keras.optimizers.RMSprop):
    """RMSProp (Hinton 2012). Its average starts at 0, where TensorFlow 1 started at 1."""

    PARAMS = Schema(
        "RMSProp",
        (
            Param("decay", float, "Decay of the squared gradients.", 0.9, minimum=0.0, maximum=1.0),
            Param("momentum", float, "Decay of the momentum.", 0.0, minimum=0.0, maximum=1.0),
            Param("epsilon", float, _EPSILON, 1e-10, minimum=0.0),
            Param("centered", bool, "Normalise by the variance, not the second moment.", False),
        ),
        summary="RMSProp.",
    )
    KERAS_NAMES: ClassVar[dict[str, str]] = {"decay": "rho"}


class Ftrl(_TF1Parameters, keras.optimizers.Ftrl):
    """Follow the regularised leader (McMahan et al. 2013)."""

    PARAMS = Schema(
        "Ftrl",
        (
            Param(
                "learning_rate_power",
                float,
                "Power of the accumulator that divides the rate; 0: a fixed rate.",
                -0.5,
                maximum=0.0,
            ),
            Param(
                "initial_accumulator_value",
                float,
                "Start of the sum of squared gradients.",
                0.1,
                minimum=0.0,
            ),
            Param("l1_regularization_strength", float, "L1 penalty.", 0.0, minimum=0.0),
            Param("l2_regularization_strength", float, "L2 penalty.", 0.0, minimum=0.0),
            Param(
                "l2_shrinkage_regularization_strength",
                float,
                "L2 penalty added to the gradient.",
                0.0,
                minimum=0.0,
            ),
        ),
        summary="Follow the regularised leader.",
    )
