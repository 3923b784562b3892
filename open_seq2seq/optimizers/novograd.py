"""NovoGrad: a second moment for each variable instead of each weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from open_seq2seq.config.schema import Param, Schema
from open_seq2seq.tensors import KerasConfig, Tensor, Variable


class NovoGrad(keras.optimizers.Optimizer):
    """Momentum over gradients that are normalised layer by layer (arXiv:1905.11286).

    For each variable w with gradient g, at every step:

        v = |g|^2 at the first step, later beta2 v + (1 - beta2) |g|^2
        d = g / sqrt(v + epsilon) + weight_decay w
        d = (1 - beta1) d                            if grad_averaging
        m = beta1 m + d
        w = w - learning_rate m

    The weight decay enters the momentum and applies to every variable, unless
    `exclude_from_weight_decay` of Keras says otherwise. The first step is known by
    v = 0, so a variable whose gradient was zero so far starts its average later.

    Args:
      learning_rate: the rate; training assigns a new one before each step.
      beta1, beta2, epsilon, weight_decay, grad_averaging: as in the formulas.
      legacy_no_ema: v = |g|^2 at every step. OpenSeq2Seq's NovoGrad never stored its
        average, and its published Jasper and QuartzNet results come from that.
      **kwargs: Keras's arguments that all optimizers have.
    """

    PARAMS = Schema(
        "NovoGrad",
        (
            Param("beta1", float, "Decay of the momentum.", 0.95, minimum=0.0, maximum=1.0),
            Param(
                "beta2",
                float,
                "Decay of the second moment; no effect with legacy_no_ema.",
                0.98,
                minimum=0.0,
                maximum=1.0,
            ),
            Param("epsilon", float, "Added to the second moment, in the root.", 1e-8, minimum=0.0),
            Param(
                "weight_decay",
                float,
                "Share of the weights added to the normalised gradient, biases included.",
                0.0,
                minimum=0.0,
            ),
            Param("grad_averaging", bool, "Multiply the normalised gradient by 1 - beta1.", False),
            Param(
                "legacy_no_ema",
                bool,
                "Normalise by the current gradient's norm alone, as OpenSeq2Seq did.",
                False,
            ),
        ),
        summary="Layer-wise normalised momentum; the optimizer of Jasper and QuartzNet.",
    )

    def __init__(
        self,
        learning_rate: float = 1.0,
        beta1: float = 0.95,
        beta2: float = 0.98,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        grad_averaging: bool = False,
        legacy_no_ema: bool = False,
        name: str = "novograd",
        **kwargs: Any,
    ):
        super().__init__(learning_rate, weight_decay=weight_decay, name=name, **kwargs)
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.grad_averaging = grad_averaging
        self.legacy_no_ema = legacy_no_ema

    def build(self, variables: Sequence[Variable]) -> None:
        """Creates a momentum of each variable's shape and, with the average, a scalar each."""
        if self.built:
            return
        super().build(variables)
        self._momentums = self.add_optimizer_variables(variables, "momentum")
        self._second_moments = []
        if not self.legacy_no_ema:
            self._second_moments = [
                self.add_variable((), dtype="float32", name=f"second_moment_{index}")
                for index in range(len(variables))
            ]

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Updates one variable from its gradient, of the same shape."""
        index = self._get_variable_index(variable)
        momentum = self._momentums[index]
        dtype = variable.dtype

        # The sum of squares of a whole layer needs the range of float32.
        squared_norm = ops.sum(ops.square(ops.cast(gradient, "float32")))
        second_moment = self._average(index, squared_norm)
        direction = ops.cast(gradient, dtype) * ops.cast(self._scale(second_moment), dtype)
        if self.weight_decay and self._use_weight_decay(variable):
            decay = self.weight_decay * (1.0 - self.beta1 if self.grad_averaging else 1.0)
            direction = direction + ops.cast(decay, dtype) * ops.convert_to_tensor(variable)
        updated = ops.cast(self.beta1, dtype) * momentum + direction
        self.assign(momentum, updated)
        self.assign_sub(variable, ops.cast(learning_rate, dtype) * updated)

    def _average(self, index: int, squared_norm: Tensor) -> Tensor:
        """The second moment of variable number `index` with this step's squared norm, a scalar."""
        if self.legacy_no_ema:
            return squared_norm
        # One read for all uses: with hundreds of variables, small operations add up.
        stored = ops.convert_to_tensor(self._second_moments[index])
        weight = ops.where(ops.equal(stored, 0.0), 1.0, 1.0 - self.beta2)
        second_moment = stored + weight * (squared_norm - stored)
        self.assign(self._second_moments[index], second_moment)
        return second_moment

    def _scale(self, second_moment: Tensor) -> Tensor:
        """What the gradient is multiplied by, a scalar."""
        scale = ops.rsqrt(second_moment + self.epsilon)
        return (1.0 - self.beta1) * scale if self.grad_averaging else scale

    def _apply_weight_decay(self, variables: Sequence[Variable]) -> None:
        """Nothing: the decay is part of the momentum, not a step of its own as in Keras."""

    def get_config(self) -> KerasConfig:
        config = super().get_config()
        return config | {
            "beta1": self.beta1,
            "beta2": self.beta2,
            "epsilon": self.epsilon,
            "grad_averaging": self.grad_averaging,
            "legacy_no_ema": self.legacy_no_ema,
        }
