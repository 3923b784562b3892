"""A neural language model as ONNX: tokens in, log-probabilities of the next token out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.experiment import Experiment
from open_seq2seq.export.check import TOLERANCE
from open_seq2seq.export.conversion import conversion
from open_seq2seq.export.draft import draft
from open_seq2seq.export.networks.language_model import build_language_model
from open_seq2seq.export.onnx_builder import OnnxBuilder
from open_seq2seq.exported.integrity import digest
from open_seq2seq.files import JsonObject, write_whole
from open_seq2seq.models import NeuralLanguageModel

MODEL, DESCRIPTION, FORMAT = "model.onnx", "language_model.json", 1
# Tokens of the lines that are compared.
_LENGTHS = (1, 2, 7, 64, 257)


def export_language_model(
    experiment: Experiment, output: Path, origin: JsonObject, overwrite: bool = False
) -> float:
    """Writes `model.onnx` and `language_model.json`, whole or not at all.

    Args:
      experiment: the model in float32, with its weights.
      output: the folder.
      origin: where the model is from.
      overwrite: whether a folder that is there is replaced.

    Returns: the largest difference of log-probabilities to the trained model.

    Raises:
      InputError: no graph is known for the model, the file differs from it, or the folder is there.
    """
    model: Any = experiment.model
    vocabulary: Any = experiment.data.vocabulary
    symbols = list(vocabulary.symbols)
    with draft(output, overwrite) as folder:
        path = folder / MODEL
        with conversion(path, "onnx", "Report it: it is the only format of language models."):
            onnx.save(language_model_graph(model, len(symbols)), str(path))
            difference = _difference(model, path, len(symbols))
        if not difference <= TOLERANCE:
            problem = Problem(
                str(output / MODEL),
                f"log-probabilities up to {difference:.2g} off",
                f"those of the trained model to {TOLERANCE:g}",
                "Report it: the graph is wrong.",
            )
            raise InputError("The exported model is not the trained one:", [problem])
        description = {
            "format": FORMAT,
            # A line's tokens come after `begin`; row t is of the token after the t-th.
            "begin": int(vocabulary.begin),
            "end": int(vocabulary.end),
            "symbols": symbols,
            "origin": dict(origin),
            "files": {MODEL: {"sha256": digest(path), "size": path.stat().st_size}},
        }
        text = json.dumps(description, indent=1, ensure_ascii=False) + "\n"
        write_whole(folder / DESCRIPTION, text)
    return difference


def language_model_graph(model: NeuralLanguageModel, size: int) -> onnx.ModelProto:
    """The graph: `tokens` `[batch, time]` int32 -> `log_probs` `[batch, time, size]` float32."""
    g = OnnxBuilder()
    tokens = g.input("tokens", np.int32, ("batch", "time"))
    log_probs = build_language_model(g, model, tokens)
    return g.model(
        [("log_probs", log_probs, np.float32, ("batch", "time", size))],
        "tokens [batch, time] -> log_probs [batch, time, token]: of the token after each.",
    )


def _difference(model: Any, path: Path, size: int) -> float:
    """The largest one, on lines drawn from a seed, alone and in a batch."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    largest = 0.0
    for length in _LENGTHS:
        tokens = rng.integers(0, size, (2, length)).astype(np.int32)
        logits, _ = model(tokens, np.full(2, length, np.int32), training=False)
        logits = np.asarray(logits, np.float64)
        expected = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
        for rows in (slice(0, 1), slice(0, 2)):
            (found,) = session.run(None, {"tokens": tokens[rows]})
            apart = np.abs(found - expected[rows]).max()
            largest = max(largest, float(apart) if np.isfinite(apart) else np.inf)
    return largest
