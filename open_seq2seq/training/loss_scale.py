"""The loss scale of a training run: a number, or a scaler that follows the gradients."""

from __future__ import annotations

import logging

import numpy as np

from open_seq2seq.config.schema import Params
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import JsonObject
from open_seq2seq.models import Model
from open_seq2seq.optimizers import LOSS_SCALERS, LogMaxScaler, Scaler

_log = logging.getLogger(__name__)


_SHOWN = 10


class LossScaling:
    """What the loss is multiplied by while gradients are computed.

    A scaler works only where the model computes in float16. bfloat16 has the range of float32,
    so there, and under float32, nothing is scaled.

    Args:
      params: the experiment's.
      model: its dtype policy, and those of its encoder and decoder, decide whether a scaler is
        of use.
    """

    def __init__(self, params: Params, model: Model):
        given = params["loss_scaling"]
        self.scaler: Scaler | None = None
        self.name = given if isinstance(given, str) else None
        self.scale = 1.0 if self.name else float(given)
        self.overflows = 0
        if self.name is None:
            return
        # An encoder or decoder may have a dtype of its own; a language model has no decoder.
        if any(layer.compute_dtype == "float16" for layer in (model, *model.layers)):
            self.scaler = LOSS_SCALERS[self.name](params["loss_scaling_params"])
            self.scale = self.scaler.scale
        else:
            _log.info(
                f"loss_scaling {self.name!r} is not applied: {model.compute_dtype} gradients have "
                "float32's range and need no scaling."
            )

    @property
    def dynamic(self) -> bool:
        """Whether a scaler is at work: an overflow then skips the step instead of counting it."""
        return self.scaler is not None

    @property
    def scales(self) -> bool:
        """Whether the loss is ever multiplied by anything but 1."""
        return self.dynamic or self.scale != 1.0

    @property
    def needs_maximum(self) -> bool:
        """Whether the largest gradient has to be measured."""
        return isinstance(self.scaler, LogMaxScaler)

    def observe(self, step: int, gradient_norm: float, maximum: float) -> bool:
        """Looks at one batch's gradients; says whether they overflowed because of the scale.

        Those that are not finite at the smallest scale have another reason, and count as such.
        """
        if self.scaler is None:
            return False
        finite = bool(np.isfinite(gradient_norm))
        overflow = not finite and not self.scaler.at_minimum
        before = self.scale
        self.scaler.update(finite, maximum)
        self.scale = self.scaler.scale
        if overflow:
            self.overflows += 1
            if self.overflows <= _SHOWN:
                _log.info(
                    f"Step {step}: the gradients overflowed at the loss scale {before:g}; the "
                    f"batch is left out, the scale is now {self.scale:g}."
                )
        return overflow

    def state(self) -> JsonObject | None:
        """What a checkpoint has to hold; None when nothing changes."""
        return {"name": self.name, **self.scaler.state()} if self.scaler else None

    def restore(self, state: JsonObject | None) -> None:
        """Goes on where `state()` was taken; another scaler starts afresh."""
        if self.scaler is None or state is None or state.get("name") != self.name:
            return
        try:
            self.scaler.restore(state)
        except (KeyError, TypeError, ValueError) as error:
            found = f"{type(error).__name__}: {error}"
            remedy = "Remove this checkpoint's folder to use the one before it."
            problem = Problem("state.json, loss_scaling", found, "what a run wrote there", remedy)
            raise InputError("The checkpoint cannot be read:", [problem]) from error
        self.scale = self.scaler.scale
