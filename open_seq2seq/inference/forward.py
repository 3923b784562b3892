"""The compiled forward pass of the Keras backend in use: TensorFlow or JAX."""

from __future__ import annotations

import keras

if keras.backend.backend() == "jax":
    from open_seq2seq.inference.jax_forward import EvaluationStep, StreamStep
else:
    from open_seq2seq.inference.tensorflow_forward import (  # type: ignore[assignment]
        EvaluationStep,
        StreamStep,
    )

__all__ = ["EvaluationStep", "StreamStep"]
