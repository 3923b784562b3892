"""ONNX: one file, for ONNX Runtime, TensorRT, Triton and what else reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from open_seq2seq.export.onnx_builder import OnnxBuilder
from open_seq2seq.export.trained_model import TrainedModel


def onnx_model(model: TrainedModel, masks: bool = True) -> onnx.ModelProto:
    """The graph from samples to log-probabilities.

    Args:
      model: what is written.
      masks: whether it takes several recordings of different lengths; without, one recording at a
        time, whose length is that of the array.
    """
    g = OnnxBuilder()
    batch: str | int = "batch" if masks else 1
    samples = g.input("samples", np.float32, (batch, "num_samples"))
    # Without masks too, so that a program can run either; nothing uses it then.
    counts = g.input("num_samples", np.int32, (batch,))
    log_probs, lengths = model.build(g, samples, counts if masks else None)
    if not masks:
        lengths = g.reshape(lengths, (1,))
    return g.model(
        [
            ("log_probs", log_probs, np.float32, (batch, "time", model.classes)),
            ("lengths", lengths, np.int32, (batch,)),
        ],
        "samples [batch, num_samples] float32 in [-1, 1] -> log_probs [batch, time, class], "
        "natural logarithms, blank last; lengths [batch]: rows that count.",
    )


def write_onnx(model: TrainedModel, path: Path, masks: bool = True) -> None:
    """Writes `onnx_model` to a file."""
    onnx.save(onnx_model(model, masks), str(path))
