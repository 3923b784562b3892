"""The parameters of `CRNNEncoder`; the defaults are the small CRNN of public tutorials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from open_seq2seq.config.schema import CALLABLE, Param, Schema
from open_seq2seq.errors import Problem


def _two_numbers(name: str, help: str, default: list[int]) -> Param:
    item = Param("axis", int, "Along one axis.", minimum=1)
    return Param(name, list, help, default, item=item)


def _count(name: str, help: str, default: int, minimum: int = 1) -> Param:
    return Param(name, int, help, default, minimum=minimum)


def _check(params: Mapping[str, Any], where: str) -> Iterator[Problem]:
    for name in ("conv_kernel_size", "conv_stride"):
        value = params.get(name)
        if value is not None and len(value) != 2:
            place, remedy = f"{where}/{name}".lstrip("/"), f"Set {name} to {[*value, 1, 1][:2]}."
            yield Problem(place, repr(value), "2 numbers, [time, feature]", remedy)


CRNN = Schema(
    "CRNNEncoder",
    [
        _count("conv_channels", "Channels of every convolution.", 32),
        _two_numbers("conv_kernel_size", "Taps of every convolution, [time, feature].", [3, 3]),
        _two_numbers("conv_stride", "Step of the first convolution, [time, feature].", [2, 2]),
        _count("num_conv_blocks", "Residual blocks after the first convolution.", 7, minimum=0),
        _count("num_rnn_layers", "Bidirectional recurrent blocks.", 5),
        _count("rnn_cell_dim", "Units of each direction, and of the dense layer below.", 512),
        _count(
            "n_hidden",
            "Channels of a dense layer with activation and dropout above the recurrent blocks; "
            "0: none, the output has 2 rnn_cell_dim channels.",
            512,
            minimum=0,
        ),
        Param(
            "dropout_keep_prob",
            float,
            "Probability of keeping a value in training, in every block.",
            0.9,
            minimum=0.0,
            maximum=1.0,
        ),
        Param(
            "activation_fn",
            (str, CALLABLE),
            "Applied after each layer normalization and above the last dense layer: a function, "
            "or a Keras activation's name.",
            "gelu",
        ),
        Param("norm_epsilon", float, "Added to layer normalization's variance.", 1e-5, minimum=0.0),
    ],
    check=_check,
    summary="Residual 2-D convolutions under bidirectional GRUs, with layer normalization.",
)
