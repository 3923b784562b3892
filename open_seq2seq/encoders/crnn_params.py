"""The parameters of `CRNNEncoder`; the defaults are the small CRNN of public tutorials."""

from __future__ import annotations

from collections.abc import Iterator

from open_seq2seq.config.schema import CALLABLE, Param, Params, Schema
from open_seq2seq.encoders.look_ahead import (
    LOOK_AHEAD,
    LOOK_AHEAD_SECONDS,
    look_ahead_problems,
    padding_param,
    padding_problems,
    place,
)
from open_seq2seq.errors import Problem
from open_seq2seq.layers.time_window import TimeWindow


def _two_numbers(name: str, help: str, default: list[int]) -> Param:
    item = Param("axis", int, "Along one axis.", minimum=1)
    return Param(name, list, help, default, item=item)


def _count(name: str, help: str, default: int, minimum: int = 1) -> Param:
    return Param(name, int, help, default, minimum=minimum)


def _check(params: Params, where: str) -> Iterator[Problem]:
    for name in ("conv_kernel_size", "conv_stride"):
        value = params.get(name)
        if value is not None and len(value) != 2:
            remedy = f"Set {name} to {[*value, 1, 1][:2]}."
            yield Problem(place(where, name), repr(value), "2 numbers, [time, feature]", remedy)
    yield from _check_padding(params, where)


def _check_padding(params: Params, where: str) -> Iterator[Problem]:
    padding, kernel_size = params.get("conv_padding", "SAME"), params.get("conv_kernel_size")
    taps = (kernel_size or [3])[0]
    found = list(padding_problems(padding, taps, 1, place(where, "conv_padding")))
    yield from found
    if found:
        return
    if not TimeWindow(taps, padding=padding).keeps_length:
        yield Problem(
            place(where, "conv_padding"),
            repr(padding),
            f"two numbers that add up to {taps - 1}: residual blocks keep the length",
            "Set conv_padding to 'SAME'.",
        )
    look_ahead = params.get("look_ahead")
    yield from look_ahead_problems(look_ahead, windows_of(params), place(where, "look_ahead"))
    if look_ahead is not None and not params.get("rnn_unidirectional", False):
        yield Problem(
            place(where, "rnn_unidirectional"),
            "False with look_ahead",
            "True",
            "Set rnn_unidirectional to True: a backward layer looks at the whole utterance.",
        )


def windows_of(params: Params) -> list[TimeWindow]:
    """The time axes of the first convolution, and of both of each residual block."""
    taps = (params.get("conv_kernel_size") or [3])[0]
    padding = params.get("conv_padding", "SAME")
    stem = TimeWindow(taps, (params.get("conv_stride") or [2])[0], padding=padding)
    return [stem, *[TimeWindow(taps, padding=padding)] * (2 * params.get("num_conv_blocks", 7))]


CRNN = Schema(
    "CRNNEncoder",
    [
        _count("conv_channels", "Channels of every convolution.", 32),
        _two_numbers("conv_kernel_size", "Taps of every convolution, [time, feature].", [3, 3]),
        _two_numbers("conv_stride", "Step of the first convolution, [time, feature].", [2, 2]),
        padding_param("conv_padding", default="SAME"),
        _count("num_conv_blocks", "Residual blocks after the first convolution.", 7, minimum=0),
        _count("num_rnn_layers", "Recurrent blocks.", 5),
        Param(
            "rnn_unidirectional",
            bool,
            "Only forward in time, not in both directions.",
            False,
        ),
        _count("rnn_cell_dim", "Units of each direction, and of the dense layer below.", 512),
        _count(
            "n_hidden",
            "Channels of a dense layer with activation and dropout above the recurrent blocks; "
            "0: none, the output has rnn_cell_dim channels for each direction.",
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
        LOOK_AHEAD,
        LOOK_AHEAD_SECONDS,
    ],
    check=_check,
    summary="Residual 2-D convolutions under GRUs, with layer normalization.",
)
