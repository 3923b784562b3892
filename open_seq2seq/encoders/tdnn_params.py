"""The parameters of `TDNNEncoder`, and what must hold between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from open_seq2seq.config.schema import CALLABLE, Param, Params, Schema
from open_seq2seq.encoders.look_ahead import (
    LOOK_AHEAD,
    LOOK_AHEAD_SECONDS,
    look_ahead_problems,
    padding_param,
    padding_problems,
    place,
    window_of,
    windows_of_layer,
)
from open_seq2seq.errors import Problem
from open_seq2seq.layers.time_window import TimeWindow

LAYER_TYPES = ("conv1d", "sep_conv1d", "conv2d", "tcn")


def _axes(layer_type: str) -> int:
    """How many axes the layer's convolution runs over: time, and width for images."""
    return 2 if layer_type == "conv2d" else 1


def _per_axis(name: str, help: str, default: Any = None) -> Param:
    item = Param("axis", int, "Along one axis.", minimum=1)
    keywords = {} if default is None else {"default": default}
    return Param(name, list, help, item=item, **keywords)


def _check_layer(layer: Params, where: str) -> Iterator[Problem]:
    axes = _axes(layer["type"])
    for name in ("kernel_size", "stride", "dilation"):
        value = list(layer.get(name) or [1] * axes)
        # Dilation may be left out for images too; its default has one entry.
        if len(value) != axes:
            names = "[time, width]" if axes == 2 else "[time]"
            remedy = f"Set {name} to {((value or [1]) * axes)[:axes]}."
            yield Problem(f"{where}/{name}", repr(value), f"{axes} numbers, {names}", remedy)
    window = window_of(layer)
    found = list(
        padding_problems(layer["padding"], window.kernel_size, window.dilation, f"{where}/padding")
    )
    yield from found
    if layer["type"] == "tcn" and layer["padding"] not in ("SAME", "CAUSAL"):
        remedy = "Set padding to 'SAME': a causal convolution pads on the left."
        yield Problem(f"{where}/padding", _shown(layer["padding"]), "SAME", remedy)
    if layer.get("residual"):
        if not found and not window.keeps_length:
            remedy = "Set padding to 'SAME', or set residual to False: its path keeps the length."
            expected = "a padding that keeps the length in a residual block"
            yield Problem(f"{where}/padding", _shown(layer["padding"]), expected, remedy)
    elif layer.get("residual_dense"):
        remedy = "Set residual to True, or remove residual_dense."
        yield Problem(f"{where}/residual_dense", "True", "False without residual", remedy)


def _shown(padding: Any) -> str:
    return padding if isinstance(padding, str) else repr(padding)


LAYER = Schema(
    "a layer of convnet_layers",
    [
        Param(
            "type",
            str,
            "Convolution over time: plain, depthwise-separable, over [time, width] images, or "
            "causal (tcn).",
            choices=LAYER_TYPES,
        ),
        Param(
            "repeat", int, "How often the layer is repeated; with `stride` every time.", minimum=1
        ),
        Param(
            "stride_last",
            bool,
            "Only the last repetition has `stride`, the others none, as in Citrinet.",
            False,
        ),
        _per_axis("kernel_size", "Taps of the kernel, [time] or [time, width]."),
        _per_axis("stride", "Step of the kernel in frames, [time] or [time, width]."),
        Param("num_channels", int, "Channels of the output.", minimum=1),
        padding_param(),
        Param(
            "dilation",
            list,
            "Distance between taps in frames, [time] or [time, width]; 1 when left out.",
            None,
            item=Param("axis", int, "Along one axis.", minimum=1),
        ),
        Param(
            "dropout_keep_prob",
            float,
            "Probability of keeping an output in training; the encoder's when left out.",
            None,
            minimum=0.0,
            maximum=1.0,
        ),
        Param(
            "residual",
            bool,
            "Add the block's input, through a 1x1 convolution with the stride of the block, to its "
            "last repetition.",
            False,
        ),
        Param(
            "residual_dense",
            bool,
            "Add the inputs of all dense residual blocks up to this one, not only its own.",
            False,
        ),
        Param(
            "squeeze_excitation",
            (int, type(None)),
            "Scale the last repetition's channels, after its normalization, by what two dense "
            "layers and a sigmoid make of their means over the utterance (Hu et al. 2018); the "
            "number is how many times fewer channels the first one has. None: no scaling.",
            None,
            minimum=1,
        ),
        Param(
            "bn_epsilon",
            (float, type(None)),
            "Added to the variance in the block's batch_norm; None: the encoder's.",
            None,
            minimum=0.0,
        ),
    ],
    check=_check_layer,
    summary="One block: `repeat` times convolution, normalization, activation, dropout.",
)


def _check_encoder(params: Params, where: str) -> Iterator[Problem]:
    layers: Sequence[Params] = params["convnet_layers"]
    layers_place = place(where, "convnet_layers")
    if not layers:
        remedy = "Copy those of example_configs/speech2text/digits_jasper_mini.py."
        yield Problem(layers_place, "an empty list", "at least one layer", remedy)
    index = params.get("drop_block_index", -1)
    if not -1 <= index < len(layers):
        expected = f"-1 (none) or a layer, 0 to {len(layers) - 1}"
        remedy = "Set drop_block_index to -1."
        yield Problem(place(where, "drop_block_index"), str(index), expected, remedy)
    yield from _check_look_ahead(params, where)
    keeps_sources = None
    for number, layer in enumerate(layers):
        strides = any(stride != 1 for stride in layer["stride"])
        shortens = strides or not window_of(layer).keeps_length
        if layer.get("residual_dense") and keeps_sources is not None:
            yield Problem(
                f"{layers_place}[{number}]/residual_dense",
                f"True, after layer {keeps_sources} shortened the time axis",
                "dense residual blocks of one length",
                "Set residual_dense to False, or put all layers that stride before the first "
                "dense residual block.",
            )
        if shortens and any(before.get("residual_dense") for before in layers[: number + 1]):
            keeps_sources = number


def windows_of(layers: Sequence[Params]) -> list[list[TimeWindow]]:
    """The time axes of all convolutions, by layer."""
    return [windows_of_layer(layer) for layer in layers]


def _check_look_ahead(params: Params, where: str) -> Iterator[Problem]:
    look_ahead = params.get("look_ahead")
    windows = [window for block in windows_of(params["convnet_layers"]) for window in block]
    yield from look_ahead_problems(look_ahead, windows, place(where, "look_ahead"))
    normalization = params.get("normalization", "batch_norm")
    if look_ahead is not None and normalization in ("layer_norm", "instance_norm"):
        yield Problem(
            place(where, "normalization"),
            repr(normalization),
            "batch_norm or None with look_ahead",
            f"Set normalization to 'batch_norm': {normalization} looks at the whole utterance.",
        )


TDNN = Schema(
    "TDNNEncoder",
    [
        Param(
            "dropout_keep_prob",
            float,
            "Probability of keeping an output in training, for layers without their own.",
            minimum=0.0,
            maximum=1.0,
        ),
        Param(
            "convnet_layers",
            list,
            "The blocks, from the features upwards.",
            item=Param("layer", dict, "One block.", schema=LAYER),
        ),
        Param(
            "activation_fn",
            (str, CALLABLE),
            "Applied after each normalization: a function, or a Keras activation's name.",
        ),
        Param(
            "data_format",
            str,
            "Accepted for old configs, without effect: inputs and outputs are "
            "[batch, time, feature], and the fastest layout inside is chosen by itself.",
            "channels_last",
            choices=("channels_last", "channels_first"),
            no_effect="the fastest layout of the arrays is chosen by itself.",
        ),
        Param(
            "normalization",
            (str, type(None)),
            "batch_norm; or over each utterance: layer_norm (time and channels together) or "
            "instance_norm (time).",
            "batch_norm",
            choices=("batch_norm", "layer_norm", "instance_norm", None),
        ),
        Param(
            "bn_momentum",
            float,
            "Share of the old value when batch_norm's moving statistics are updated.",
            0.90,
            minimum=0.0,
            maximum=1.0,
        ),
        Param("bn_epsilon", float, "Added to the variance in batch_norm.", 1e-3, minimum=0.0),
        Param(
            "pointwise_residual",
            bool,
            "Residuals go through plain 1x1 convolutions, as in NeMo, in blocks of separable ones "
            "too; False: through ones of the block's type, as in OpenSeq2Seq.",
            False,
        ),
        Param(
            "use_conv_mask",
            bool,
            "Zero what lies past an utterance's end before each convolution, so that padding "
            "changes nothing. OpenSeq2Seq's default was False.",
            True,
        ),
        Param(
            "drop_block_prob",
            float,
            "Probability in training that a residual block passes only its residual; drawn once "
            "per block and step.",
            0.0,
            minimum=0.0,
            maximum=1.0,
        ),
        Param(
            "drop_block_index",
            int,
            "The layer (from 0) whose convolutions are dropped in evaluation and inference, when "
            "drop_block_prob is above 0; -1: none.",
            -1,
        ),
        LOOK_AHEAD,
        LOOK_AHEAD_SECONDS,
    ],
    check=_check_encoder,
    summary="Time-delay network of convolutions: Jasper, QuartzNet, Citrinet, Wave2Letter+.",
)
