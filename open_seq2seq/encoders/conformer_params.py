"""The parameters of `ConformerEncoder`, and what must hold between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from open_seq2seq.config.schema import Param, Params, Schema
from open_seq2seq.encoders.look_ahead import (
    LOOK_AHEAD,
    LOOK_AHEAD_SECONDS,
    padding_param,
    padding_problems,
    place,
)
from open_seq2seq.errors import Problem
from open_seq2seq.layers.attention_context import AttentionContext
from open_seq2seq.layers.subsampling import subsampling_windows
from open_seq2seq.layers.time_window import TimeWindow, total_context

SUBSAMPLINGS = ("striding", "dw_striding")
STYLES = ("regular", "chunked_limited")
_FACTORS = (1, 2, 4, 8, 16)


def attention_context(params: Params) -> AttentionContext:
    """What each frame attends to, of valid parameters.

    With `look_ahead` the chunk is as long as the subsampling leaves room for: all layers have the
    same chunks, and convolutions look back, so that nothing else looks ahead.
    """
    left, right = (None if n < 0 else n for n in params["attention_context"])
    if params["look_ahead"] is not None:
        right = (params["look_ahead"] - _subsampling_ahead(params)) // params["subsampling_factor"]
    return AttentionContext(left, right, params["attention_style"] == "chunked_limited")


def conv_window(params: Params) -> TimeWindow:
    """The time axis of the depthwise convolution, of valid parameters."""
    padding = params["conv_padding"]
    if padding == "SAME" and params["look_ahead"] is not None:
        padding = "CAUSAL"
    return TimeWindow(params["conv_kernel_size"], padding=padding)


def _subsampling_ahead(params: Params) -> int:
    """Feature frames after its own that an output of the subsampling depends on."""
    windows = subsampling_windows(params["subsampling_factor"], params["causal_subsampling"])
    return int(total_context(windows)[1])


def _share(name: str, of: str, default: Any = None) -> Param:
    return Param(
        name,
        (float, type(None)) if default is None else float,
        f"Probability of keeping a value in training, {of}.",
        default,
        minimum=0.01,
        maximum=1.0,
    )


def _check(params: Params, where: str) -> Iterator[Problem]:
    values = {param.name: param.default for param in CONFORMER.params} | dict(params)
    width, heads = values["hidden_size"], values["num_heads"]
    if width % heads or width % 2:
        fitting = (width + 2 * heads - 1) // (2 * heads) * 2 * heads
        expected = f"an even multiple of num_heads, {heads}"
        yield Problem(
            place(where, "hidden_size"), str(width), expected, f"Set hidden_size to {fitting}."
        )
    yield from _check_attention(values, where)
    taps, padding = values["conv_kernel_size"], values["conv_padding"]
    found = list(padding_problems(padding, taps, 1, place(where, "conv_padding")))
    yield from found
    if not found and not TimeWindow(taps, padding=padding).keeps_length:
        yield Problem(
            place(where, "conv_padding"),
            repr(padding),
            f"two numbers that add up to {taps - 1}: a layer keeps the length",
            "Set conv_padding to 'SAME'.",
        )
    elif not found and values["look_ahead"] is not None and conv_window(values).widths[1]:
        yield Problem(
            place(where, "conv_padding"),
            f"{padding!r} with look_ahead",
            "'SAME' or 'CAUSAL': then convolutions look back only",
            "Set conv_padding to 'CAUSAL'.",
        )


def _check_attention(values: Params, where: str) -> Iterator[Problem]:
    context = values["attention_context"]
    if len(context) != 2:
        remedy = f"Set attention_context to {[*context, -1, -1][:2]}."
        expected = "2 numbers of frames, [left, right]"
        yield Problem(place(where, "attention_context"), repr(context), expected, remedy)
    elif values["look_ahead"] is not None:
        yield from _check_look_ahead(values, where)
    elif values["attention_style"] == "chunked_limited" and context[1] < 0:
        yield Problem(
            place(where, "attention_context"),
            f"{context!r} with attention_style 'chunked_limited'",
            "a number of frames to the right: chunks are one frame longer",
            f"Set attention_context to {[context[0], 13]}, or attention_style to 'regular'.",
        )


def _check_look_ahead(values: Params, where: str) -> Iterator[Problem]:
    given, least = values["look_ahead"], _subsampling_ahead(values)
    if values["attention_style"] != "chunked_limited":
        yield Problem(
            place(where, "attention_style"),
            f"{values['attention_style']!r} with look_ahead",
            "'chunked_limited': else the look-ahead of all layers adds up",
            "Set attention_style to 'chunked_limited'.",
        )
    if given < least:
        yield Problem(
            place(where, "look_ahead"),
            str(given),
            f"at least {least}, by which the subsampling looks ahead",
            f"Set look_ahead to {least}, or causal_subsampling to True.",
        )


CONFORMER = Schema(
    "ConformerEncoder",
    [
        Param("num_layers", int, "Layers, each of attention and convolution.", minimum=1),
        Param("hidden_size", int, "Channels of the layers' inputs and outputs.", minimum=2),
        Param("num_heads", int, "Heads of the attention, which divide hidden_size.", 4, minimum=1),
        _share(
            "dropout_keep_prob", "of what each module adds, and inside feed-forward modules", 0.9
        ),
        _share("input_keep_prob", "of the first layer's input; None: dropout_keep_prob"),
        _share("attention_keep_prob", "of the attention's weights; None: dropout_keep_prob"),
        Param(
            "drop_layer_prob",
            float,
            "Probability in training that the last layer is left out for a batch; that of the "
            "first is 0, and it grows evenly between them (stochastic depth).",
            0.0,
            minimum=0.0,
            maximum=0.9,
        ),
        Param(
            "filter_size",
            (int, type(None)),
            "Channels inside the feed-forward modules; None: 4 * hidden_size.",
            None,
            minimum=1,
        ),
        Param(
            "subsampling",
            str,
            "Convolutions of stride 2 over time and frequency: striding, plain ones; "
            "dw_striding, depthwise separable ones after the first.",
            "striding",
            choices=SUBSAMPLINGS,
        ),
        Param(
            "subsampling_factor",
            int,
            "Feature frames per output frame; 1: no convolution, one dense layer.",
            4,
            choices=_FACTORS,
        ),
        Param(
            "subsampling_channels",
            (int, type(None)),
            "Channels of the subsampling's convolutions; None: hidden_size.",
            None,
            minimum=1,
        ),
        Param(
            "causal_subsampling",
            bool,
            "Whether the subsampling's convolutions look back only.",
            False,
        ),
        Param(
            "use_conv_mask",
            bool,
            "Zero what lies past an utterance's end before each convolution of the subsampling, "
            "so that padding changes nothing. NeMo before 2.5 did not.",
            True,
        ),
        Param(
            "scale_inputs",
            bool,
            "Whether the first layer's input is multiplied by the root of hidden_size.",
            True,
        ),
        Param(
            "attention_context",
            list,
            "Frames (after the subsampling) that a frame attends to before and after itself, "
            "[left, right]; -1: all.",
            [-1, -1],
            item=Param("side", int, "On one side.", minimum=-1),
        ),
        Param(
            "attention_style",
            str,
            "regular: each frame has its own context. chunked_limited: frames come in chunks of "
            "right + 1, and see their chunk and left // (right + 1) chunks before it.",
            "regular",
            choices=STYLES,
        ),
        replace(
            LOOK_AHEAD,
            help="The most feature frames after its own that an output may depend on: with "
            "attention_style chunked_limited chunks are as long as that allows, whatever "
            "attention_context says of the right, and convolutions with SAME padding are CAUSAL. "
            "None: no limit.",
        ),
        LOOK_AHEAD_SECONDS,
        Param(
            "tie_position_biases",
            bool,
            "Whether all layers have the same biases of content and position.",
            False,
        ),
        Param(
            "use_bias",
            bool,
            "Whether dense layers and convolutions of the layers have biases.",
            True,
        ),
        Param("conv_kernel_size", int, "Taps of the depthwise convolution.", 31, minimum=1),
        padding_param("conv_padding", default="SAME"),
        Param(
            "conv_normalization",
            str,
            "What follows the depthwise convolution: batch_norm, or layer_norm over the channels "
            "of each frame.",
            "batch_norm",
            choices=("batch_norm", "layer_norm"),
        ),
        Param(
            "bn_momentum",
            float,
            "Share of the old value when batch_norm's moving statistics are updated.",
            0.90,
            minimum=0.0,
            maximum=1.0,
        ),
        Param("bn_epsilon", float, "Added to the variance in batch_norm.", 1e-5, minimum=0.0),
        Param(
            "output_size",
            (int, type(None)),
            "Channels of the output, by a dense layer at the end; None: hidden_size, without it.",
            None,
            minimum=1,
        ),
    ],
    check=_check,
    summary="Convolutions that shorten, then layers of attention and convolution: Conformer, "
    "FastConformer.",
)
