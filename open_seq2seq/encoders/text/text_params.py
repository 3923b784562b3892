"""The parameters of the language models' encoders."""

from __future__ import annotations

from collections.abc import Iterable

from open_seq2seq.config.schema import Param, Params, Schema
from open_seq2seq.errors import Problem

_WIDTH = Param("hidden_size", int, "The size of embeddings and outputs.", 256, minimum=1)
_KEEP = Param(
    "dropout_keep_prob",
    float,
    "Probability that dropout keeps a value in training; 1: off.",
    0.9,
    minimum=0.01,
    maximum=1,
)


def _check(values: Params, where: str) -> Iterable[Problem]:
    width, heads = values.get("hidden_size", 256), values.get("num_heads", 4)
    if width % (2 * heads):
        place = f"{where}/hidden_size" if where else "hidden_size"
        # Two features of each head turn together with the position.
        remedy = f"Set hidden_size to {-(-width // (2 * heads)) * 2 * heads}."
        if fitting := [n for n in range(heads, 1, -1) if width % (2 * n) == 0]:
            remedy = f"{remedy[:-1]}, or set num_heads to {fitting[0]}."
        yield Problem(place, str(width), f"a multiple of 2 * num_heads, {2 * heads}", remedy)


TRANSFORMER_LM = Schema(
    "TransformerLMEncoder",
    [
        _WIDTH,
        Param("num_layers", int, "Blocks of attention and feed-forward layers.", 4, minimum=1),
        Param("num_heads", int, "Heads of the attention.", 4, minimum=1),
        Param("filter_size", int, "The hidden size of the feed-forward layers.", 1024, minimum=1),
        _KEEP,
    ],
    check=_check,
    summary="A causal transformer over embedded tokens, with layer normalization before each part.",
)

LSTM_LM = Schema(
    "LSTMLMEncoder",
    [
        _WIDTH,
        Param("num_layers", int, "LSTM layers.", 2, minimum=1),
        Param("cell_size", int, "The size of their states; None: hidden_size.", None, minimum=1),
        _KEEP,
    ],
    summary="LSTM layers over embedded tokens.",
)
