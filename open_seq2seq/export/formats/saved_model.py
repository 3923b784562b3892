"""SavedModel: a folder, for TensorFlow, TensorFlow Serving and TensorFlow.js's converter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from open_seq2seq.export.formats.tensorflow_stream import STREAM_SIGNATURE, stream_function
from open_seq2seq.export.streams.network import stream_problems
from open_seq2seq.export.tensorflow_builder import TensorFlowBuilder
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.exported.stream import StreamGraph

SIGNATURE = "serving_default"


def write_saved_model(model: TrainedModel, folder: Path) -> StreamGraph | None:
    """Writes a SavedModel, which takes any number of recordings.

    Returns:
      How its signature for streams is used; None where the model cannot stream.
    """

    def log_probs(samples: Any, num_samples: Any) -> dict[str, Any]:
        g = TensorFlowBuilder()
        outputs, lengths = model.build(g, g.value(samples), g.value(num_samples))
        return {"log_probs": g.tensor(outputs), "lengths": g.tensor(lengths)}

    signatures, graph = {SIGNATURE: recordings_function(log_probs, None)}, None
    if not stream_problems(model):
        signatures[STREAM_SIGNATURE], graph = stream_function(model)
    save(signatures, folder)
    return graph


def recordings_function(function: Any, batch: int | None) -> Any:
    """A function of `samples` and `num_samples`, of so many recordings, as a signature."""
    specs = [
        tf.TensorSpec((batch, None), tf.float32, name="samples"),
        tf.TensorSpec((batch,), tf.int32, name="num_samples"),
    ]
    return tf.function(function, input_signature=specs, autograph=False)


def save(signatures: Mapping[str, Any], folder: Path) -> None:
    """Saves functions by the names of their signatures."""
    # The weights are constants: there is nothing to restore, and all can be folded.
    tf.saved_model.save(tf.Module(), str(folder), signatures=dict(signatures))
