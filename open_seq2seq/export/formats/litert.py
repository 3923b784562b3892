"""LiteRT (TensorFlow Lite): one file, for phones and small computers."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tensorflow as tf

from open_seq2seq.export.formats.saved_model import SIGNATURE, recordings_function, save
from open_seq2seq.export.formats.tensorflow_stream import STREAM_SIGNATURE, stream_function
from open_seq2seq.export.tensorflow_builder import TensorFlowBuilder
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.exported.stream import StreamGraph

# XNNPACK's float kernels for depthwise convolutions are made for so many taps; with more, they
# are several times slower than as many pieces.
DEPTHWISE_TAPS = 25


def write_litert(
    model: TrainedModel, path: Path, depthwise_taps: int | None = DEPTHWISE_TAPS
) -> None:
    """Writes a file that takes one recording at a time, of any length.

    Args:
      model: what is written.
      path: the file.
      depthwise_taps: depthwise kernels of more taps are taken to pieces; None: none is.
    """

    def log_probs(samples: Any, num_samples: Any) -> dict[str, Any]:
        g = TensorFlowBuilder(depthwise_taps=depthwise_taps, batch=1)
        outputs, lengths = model.build(g, g.value(samples), None)
        return {"log_probs": g.tensor(outputs), "lengths": tf.reshape(g.tensor(lengths), (1,))}

    convert(SIGNATURE, recordings_function(log_probs, 1), path)


def write_litert_stream(model: TrainedModel, path: Path) -> StreamGraph:
    """Writes a file that takes one stream at a time, piece by piece; returns how it is used."""
    function, graph = stream_function(model, batch=1, depthwise_taps=DEPTHWISE_TAPS)
    convert(STREAM_SIGNATURE, function, path)
    return graph


def convert(signature: str, function: Any, path: Path) -> None:
    """Writes a function as the file's only signature."""
    with TemporaryDirectory() as folder:
        save({signature: function}, Path(folder))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[signature])
        # Built-in operations only: others fail on the device.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        path.write_bytes(converter.convert())
