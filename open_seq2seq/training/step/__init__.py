"""The compiled steps of the Keras backend in use: TensorFlow, or JAX (`KERAS_BACKEND=jax`)."""

from __future__ import annotations

import keras

from open_seq2seq.training.step.options import StepOptions
from open_seq2seq.training.step.result import StepResult, Update

if keras.backend.backend() == "jax":
    from open_seq2seq.training.step.jax_step import TrainStep
else:
    from open_seq2seq.training.step.tensorflow_step import TrainStep  # type: ignore[assignment]

__all__ = ["StepOptions", "StepResult", "TrainStep", "Update"]
