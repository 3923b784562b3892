"""Dynamic loss scaling: factors that keep float16 gradients in range.

A scaler is host-side Python: the training loop asks for `scale` before a step and tells it
afterwards how the gradients were. Its `state()` goes into the checkpoint.
"""

from __future__ import annotations

import math
from typing import ClassVar

from open_seq2seq.config.schema import Param, Params, Schema
from open_seq2seq.files import JsonObject

_SCALE_MIN = Param("scale_min", float, "The smallest scale.", 1.0, minimum=1e-30)
_SCALE_MAX = Param("scale_max", float, "The largest scale.", 2.0**14, minimum=1e-30)


class Scaler:
    """What both scalers have; each says by `update`, `state` and `restore` how it goes.

    Args:
      params: see `PARAMS`.
    """

    PARAMS: ClassVar[Schema]
    scale: float

    def __init__(self, params: Params | None = None):
        self.params = self.PARAMS.parse(params or {}, "loss_scaling_params")

    @property
    def at_minimum(self) -> bool:
        """Whether a smaller scale is not allowed: an overflow is then not the scale's fault."""
        return self.scale <= self.params["scale_min"]

    def update(self, finite: bool, max_abs: float) -> None:
        """What a step's gradients were like.

        Args:
          finite: whether all of them were.
          max_abs: the largest absolute value, not scaled.
        """
        raise NotImplementedError

    def state(self) -> dict[str, float]:
        """All that changes, as JSON can hold it."""
        raise NotImplementedError

    def restore(self, state: JsonObject) -> None:
        """Goes on where `state()` was taken."""
        raise NotImplementedError


class BackoffScaler(Scaler):
    """Halves the scale at an overflow and doubles it after `step_window` steps without one.

    Starts at `scale_max` (Micikevicius et al. 2018, arXiv:1710.03740, section 3.2).
    """

    PARAMS = Schema(
        "Backoff",
        (
            _SCALE_MIN,
            _SCALE_MAX,
            Param("step_factor", float, "Divides or multiplies the scale.", 2.0, minimum=1.0),
            Param("step_window", int, "Steps without an overflow before a rise.", 2000, minimum=1),
        ),
        summary="Down at an overflow, up after a while without one.",
    )

    def __init__(self, params: Params | None = None):
        super().__init__(params)
        self.scale: float = self.params["scale_max"]
        self._iteration = 0
        self._last_overflow = -1

    def update(self, finite: bool, max_abs: float) -> None:
        """What a step's gradients were like; `max_abs` is not used here."""
        factor = self.params["step_factor"]
        if not finite:
            self._last_overflow = self._iteration
            self.scale = self._bounded(self.scale / factor)
        elif (self._iteration - self._last_overflow) % self.params["step_window"] == 0:
            self.scale = self._bounded(self.scale * factor)
        self._iteration += 1

    def _bounded(self, scale: float) -> float:
        return min(max(scale, self.params["scale_min"]), self.params["scale_max"])

    def state(self) -> dict[str, float]:
        return {
            "scale": self.scale,
            "iteration": self._iteration,
            "last_overflow": self._last_overflow,
        }

    def restore(self, state: JsonObject) -> None:
        self.scale = float(state["scale"])
        self._iteration, self._last_overflow = state["iteration"], state["last_overflow"]


class LogMaxScaler(Scaler):
    """Chooses the scale so that the largest gradient rarely passes `2^log_max`.

    With x = log2(max |g|) of each step (`log_max` when there was an overflow), a normal
    distribution of x is assumed:

        scale = 2^(log_max - (mu + overflow_std_dev sigma)), within scale_min and scale_max

    mu is x averaged with beta1; sigma^2 = E[x^2] - E[x]^2, both averaged with beta2; all
    averages corrected for their start at 0. Starts at a scale of 1. (OpenSeq2Seq counted an
    overflow as x = 2^16, after which the scale was 1 for thousands of steps.)
    """

    PARAMS = Schema(
        "LogMax",
        (
            _SCALE_MIN,
            _SCALE_MAX,
            Param("log_max", float, "log2 of the largest value that may occur.", 16.0),
            Param("beta1", float, "Decay of the mean.", 0.99, minimum=0.0, maximum=0.999999),
            Param("beta2", float, "Decay of the variance.", 0.999, minimum=0.0, maximum=0.999999),
            Param("overflow_std_dev", float, "Deviations between mean and limit.", 3.09),
        ),
        summary="From the mean and the deviation of the gradients' largest exponent.",
    )

    def __init__(self, params: Params | None = None):
        super().__init__(params)
        self.scale: float = min(max(1.0, self.params["scale_min"]), self.params["scale_max"])
        self._count = 0
        self._mean = self._slow_mean = self._slow_square = 0.0

    def update(self, finite: bool, max_abs: float) -> None:
        """What a step's gradients were like; gradients that are all zero say nothing."""
        if finite and max_abs <= 0:
            return
        x = math.log2(max_abs) if finite else self.params["log_max"]
        beta1, beta2 = self.params["beta1"], self.params["beta2"]
        self._count += 1
        self._mean += (1 - beta1) * (x - self._mean)
        self._slow_mean += (1 - beta2) * (x - self._slow_mean)
        self._slow_square += (1 - beta2) * (x * x - self._slow_square)
        fast, slow = 1 - beta1**self._count, 1 - beta2**self._count
        variance = self._slow_square / slow - (self._slow_mean / slow) ** 2
        deviation = math.sqrt(max(variance, 0.0))
        limit = self._mean / fast + self.params["overflow_std_dev"] * deviation
        # Bounded as an exponent first: 2^x overflows for gradients near zero.
        exponent = min(self.params["log_max"] - limit, math.log2(self.params["scale_max"]))
        self.scale = max(2.0**exponent, self.params["scale_min"])

    def state(self) -> dict[str, float]:
        return {
            "scale": self.scale,
            "count": self._count,
            "mean": self._mean,
            "slow_mean": self._slow_mean,
            "slow_square": self._slow_square,
        }

    def restore(self, state: JsonObject) -> None:
        self.scale, self._count = float(state["scale"]), state["count"]
        self._mean, self._slow_mean = state["mean"], state["slow_mean"]
        self._slow_square = state["slow_square"]


LOSS_SCALERS: dict[str, type[Scaler]] = {"Backoff": BackoffScaler, "LogMax": LogMaxScaler}
