"""The compiled steps of the Keras backend in use: TensorFlow, or JAX (`KERAS_BACKEND=jax`)."""

from __future__ import annotations

import re
from typing import Any

import keras

from open_seq2seq.models.speech2text import Speech2Text
from open_seq2seq.training.step_result import StepResult

if keras.backend.backend() == "jax":
    from open_seq2seq.training.jax_step import EvaluationStep, TrainStep, has_accelerator
else:
    from open_seq2seq.training.tensorflow_step import (  # type: ignore[assignment]
        EvaluationStep,
        TrainStep,
        has_accelerator,
    )

__all__ = ["EvaluationStep", "StepResult", "TrainStep", "has_accelerator", "trainable_variables"]


def trainable_variables(model: Speech2Text, freeze: str | None) -> list[Any]:
    """The variables to train: all but those whose name starts with a match of `freeze`."""
    variables = model.trainable_variables
    if not freeze:
        return variables
    return [v for v in variables if not re.match(freeze, v.path.partition("/")[2])]
