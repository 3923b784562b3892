"""SavedModel: a folder, for TensorFlow, TensorFlow Serving and TensorFlow.js's converter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from open_seq2seq.export.tensorflow_builder import TensorFlowBuilder
from open_seq2seq.export.trained_model import TrainedModel

SIGNATURE = "serving_default"


def write_saved_model(model: TrainedModel, folder: Path) -> None:
    """Writes a SavedModel of one signature, which takes any number of recordings."""

    def log_probs(samples: Any, num_samples: Any) -> dict[str, Any]:
        g = TensorFlowBuilder()
        outputs, lengths = model.build(g, g.value(samples), g.value(num_samples))
        return {"log_probs": g.tensor(outputs), "lengths": g.tensor(lengths)}

    save(log_probs, folder, None)


def save(function: Any, folder: Path, batch: int | None) -> None:
    """Saves a function of `samples` and `num_samples` as the signature."""
    # The weights are constants: there is nothing to restore, and all can be folded.
    specs = [
        tf.TensorSpec((batch, None), tf.float32, name="samples"),
        tf.TensorSpec((batch,), tf.int32, name="num_samples"),
    ]
    module = tf.Module()
    module.log_probs = tf.function(function, input_signature=specs, autograph=False)
    tf.saved_model.save(module, str(folder), signatures={SIGNATURE: module.log_probs})
