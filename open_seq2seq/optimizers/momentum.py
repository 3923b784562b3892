"""Momentum as TensorFlow 1 has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from open_seq2seq.config.schema import Param, Schema
from open_seq2seq.tensors import KerasConfig, Tensor, Variable


class Momentum(keras.optimizers.Optimizer):
    """Gradient descent with momentum, the learning rate applied after the accumulation.

    For each variable w with gradient g, at every step (Sutskever et al. 2013):

        a = momentum a + g
        w = w - learning_rate a                        plain
        w = w - learning_rate (g + momentum a)         use_nesterov

    Keras's SGD accumulates `learning_rate g` instead, which is another path as soon as
    the learning rate changes; the decaying policies were tuned with this one.

    Args:
      learning_rate: the rate; training assigns a new one before each step.
      momentum, use_nesterov: as in the formulas.
      **kwargs: Keras's arguments that all optimizers have.
    """

    PARAMS = Schema(
        "Momentum",
        (
            Param("momentum", float, "Decay of the accumulator.", 0.9, minimum=0.0, maximum=1.0),
            Param("use_nesterov", bool, "Nesterov's momentum.", False),
        ),
        summary="Gradient descent with momentum, as TensorFlow 1 computes it.",
    )

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.9,
        use_nesterov: bool = False,
        name: str = "momentum",
        **kwargs: Any,
    ):
        super().__init__(learning_rate, name=name, **kwargs)
        self.momentum = momentum
        self.use_nesterov = use_nesterov

    def build(self, variables: Sequence[Variable]) -> None:
        """Creates an accumulator of each variable's shape."""
        if self.built:
            return
        super().build(variables)
        self._accumulators = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Updates one variable from its gradient, of the same shape."""
        accumulator = self._accumulators[self._get_variable_index(variable)]
        gradient = ops.cast(gradient, variable.dtype)
        rate = ops.cast(learning_rate, variable.dtype)
        momentum = ops.cast(self.momentum, variable.dtype)
        updated = momentum * accumulator + gradient
        self.assign(accumulator, updated)
        if self.use_nesterov:
            updated = gradient + momentum * updated
        self.assign_sub(variable, rate * updated)

    def get_config(self) -> KerasConfig:
        config = super().get_config()
        return config | {"momentum": self.momentum, "use_nesterov": self.use_nesterov}
