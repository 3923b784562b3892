"""NeMo's `ConvASREncoder` (Jasper, QuartzNet, Citrinet) as a `TDNNEncoder`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from open_seq2seq.encoders.tdnn import sub_block_name
from open_seq2seq.interop.nemo.refusal import refusal
from open_seq2seq.interop.nemo.section import Section
from open_seq2seq.interop.nemo.weights import (
    Weight,
    convolution,
    depthwise,
    matrix,
    norm,
)

# Of every normalization, whatever torch's default is.
EPSILON = 1e-3
ACTIVATIONS = {
    "relu": "relu",
    "selu": "selu",
    "swish": "silu",
    "silu": "silu",
    "gelu": "gelu",
    "identity": "linear",
    "hardtanh": "hard_tanh",
}
_MOST_BLOCKS, _MOST_CHANNELS = 500, 1 << 16


@dataclass(frozen=True)
class BlockNames:
    """How a file names the convolutions of a block.

    Args:
      prefix: of the encoder.
      layers: the list of a block's layers.
      convolution: what comes before `weight` of a convolution with masks.
    """

    prefix: str = "encoder.encoder."
    layers: str = "mconv"
    convolution: str = ".conv"


@dataclass(frozen=True)
class EncoderChoice:
    """An encoder and where its weights are.

    Args:
      kind: the name of its class.
      params: its parameters.
      weights: the places of its tensors.
      channels: of its output.
      notes: what a user should know, one sentence each.
    """

    kind: str
    params: dict[str, Any]
    weights: list[Weight]
    channels: int
    notes: list[str]


def read_conv_asr_encoder(
    config: Section, features: int, names: BlockNames | None = None
) -> EncoderChoice:
    """The encoder of a config.

    Args:
      config: the encoder's.
      features: of a frame.
      names: those of its tensors; None: NeMo 1.0's and later.

    Raises:
      InputError: it has something that can't be exact.
    """
    _check_encoder(config, features)
    masks = config.flag("conv_mask", True)
    names = names or BlockNames(convolution=".conv" if masks else "")
    blocks = config.get("jasper")
    if not isinstance(blocks, list) or not 0 < len(blocks) <= _MOST_BLOCKS:
        raise config.refused("jasper", f"a list of 1 to {_MOST_BLOCKS} blocks")
    layers: list[dict[str, Any]] = []
    weights: list[Weight] = []
    dense = 0
    mode = config.text("residual_mode", "add")
    unread: set[str] = set()
    for number, block in enumerate(blocks):
        where = f"{config.where}/jasper[{number}]"
        if not isinstance(block, dict):
            raise refusal(where, type(block).__name__, "a block, a dictionary")
        part = Section(block, where)
        # A block that says nothing has that of the last one that did.
        mode = part.text("residual_mode", mode)
        layer = _layer(part, mode)
        if layer["residual_dense"]:
            dense += 1
        panes = dense if layer["residual_dense"] else int(layer["residual"])
        weights += _block_weights(number, layer, panes, names)
        layers.append(layer)
        unread |= set(part.unread)
    notes = []
    if not masks:
        notes.append(
            "conv_mask is false: computed as NeMo's transcribe does for one recording, without "
            "padding behind it. In a batch, or with pad_to, NeMo's own last frames depend on the "
            "padding; here they don't"
        )
    config.ignore("_target_", "name", "init_mode", "norm_groups", "feat_in", "params")
    unread |= set(config.unread)
    if unread:
        notes.append(f"not looked at in {config.where}: {', '.join(sorted(unread))}")
    params = {
        "convnet_layers": layers,
        "activation_fn": ACTIVATIONS[config.text("activation", "relu")],
        "normalization": "batch_norm",
        "bn_momentum": 0.9,
        "bn_epsilon": EPSILON,
        "pointwise_residual": True,
        # Of a recording without padding masks change nothing; of a batch they make each one such.
        "use_conv_mask": True,
        "dropout_keep_prob": 1.0,
    }
    return EncoderChoice("TDNNEncoder", params, weights, layers[-1]["num_channels"], notes)


def _check_encoder(config: Section, features: int) -> None:
    spliced = config.whole("frame_splicing", 1, most=64)
    feat_in = config.whole("feat_in", features, most=_MOST_CHANNELS)
    if feat_in * spliced != features:
        raise config.refused("feat_in", f"{features}, the features of the preprocessor")
    config.one_of("normalization_mode", ("batch",), "batch", "Other norms see the padding.")
    config.one_of("activation", tuple(ACTIVATIONS), "relu")
    config.one_of("quantize", (False,), False)
    config.ignore("residual_mode")


def _layer(block: Section, mode: str) -> dict[str, Any]:
    """A block's entry of `convnet_layers`."""
    repeat = block.whole("repeat", 1, most=100)
    stride = _one(block, "stride", 1, 64)
    dilation = _one(block, "dilation", 1, 256)
    kernel = _kernel(block)
    residual = block.flag("residual", True)
    is_dense = residual and block.flag("residual_dense", False)
    stride_last = block.flag("stride_last", False)
    block.one_of("groups", (1,), 1, "Groups and their shuffling are not imported.")
    block.one_of("heads", (-1,), -1, "Shared kernels are not imported.")
    block.one_of("quantize", (False,), False)
    block.one_of("normalization", ("batch",), "batch")
    if residual and mode not in ("add", "stride_add"):
        raise refusal(f"{block.where}/residual_mode", repr(mode), "'add' or 'stride_add'")
    if residual and stride > 1:
        if mode != "stride_add":
            expected = "'stride_add' in a block that strides"
            raise refusal(f"{block.where}/residual_mode", repr(mode), expected)
        if repeat > 1 and not stride_last:
            raise block.refused("stride_last", "true: otherwise the residual has another length")
    block.ignore("se_context_size", "se_interpolation_mode", "dropout", "filters", "separable",
                 "residual_mode", "residual_dense", "activation", "norm_groups")  # fmt: skip
    layer: dict[str, Any] = {
        "type": "sep_conv1d" if block.flag("separable", False) else "conv1d",
        "repeat": repeat,
        "kernel_size": [kernel],
        "stride": [stride],
        "num_channels": block.whole("filters", 0, most=_MOST_CHANNELS),
        "padding": _padding(block, kernel, dilation),
        "dilation": [dilation],
        "dropout_keep_prob": 1.0 - min(max(block.number("dropout", 0.0), 0.0), 1.0),
        "residual": residual,
        "residual_dense": is_dense,
    }
    if stride_last and stride > 1:
        layer["stride_last"] = True
    if block.flag("se", False):
        layer["squeeze_excitation"] = block.whole("se_reduction_ratio", 8, most=_MOST_CHANNELS)
    else:
        block.ignore("se_reduction_ratio")
    return layer


def _one(block: Section, key: str, default: int, most: int) -> int:
    """A number, or the only one of a list."""
    value = block.get(key, default)
    if isinstance(value, list):
        if len(value) != 1:
            raise block.refused(key, "one number")
        return Section({key: value[0]}, block.where).whole(key, default, most=most)
    return block.whole(key, default, most=most)


def _kernel(block: Section) -> int:
    """The taps: scaled, and odd."""
    taps = max(int(_one(block, "kernel", 11, 4096) * block.number("kernel_size_factor", 1.0)), 1)
    return taps + 1 - taps % 2


def _padding(block: Section, kernel: int, dilation: int) -> str | list[int]:
    future = block.whole("future_context", -1, least=-1)
    if future < 0 or kernel <= future:
        return "SYMMETRIC"
    if dilation > 1:
        raise block.refused("future_context", "-1 with dilation")
    return [kernel - 1 - future, future]


def _block_weights(
    number: int, layer: dict[str, Any], panes: int, names: BlockNames
) -> Iterator[Weight]:
    separable = layer["type"] == "sep_conv1d"
    source = f"{names.prefix}{number}"
    inside = f"{source}.{names.layers}"
    step, repeat = (5 if separable else 4), layer["repeat"]
    for repetition in range(repeat):
        first = step * repetition
        target = f"encoder/{sub_block_name(number + 1, repetition + 1)}"
        name = f"{inside}.{first}{names.convolution}.weight"
        if separable:
            yield Weight(name, f"{target}/depthwise_kernel", depthwise)
            name = f"{inside}.{first + 1}{names.convolution}.weight"
            yield Weight(name, f"{target}/pointwise_kernel", convolution)
        else:
            yield Weight(name, f"{target}/kernel", convolution)
        yield from norm(f"{inside}.{first + step - 3}", f"{target}/bn")
    last = f"encoder/{sub_block_name(number + 1, repeat)}"
    if "squeeze_excitation" in layer:
        place = step * (repeat - 1) + step - 2
        yield Weight(f"{inside}.{place}.fc.0.weight", f"{last}/se/squeeze_kernel", matrix)
        yield Weight(f"{inside}.{place}.fc.2.weight", f"{last}/se/excite_kernel", matrix)
    for pane in range(panes):
        suffix = f"_{pane}" if layer["residual_dense"] else ""
        name = f"{source}.res.{pane}.0{names.convolution}.weight"
        yield Weight(name, f"{last}/res{suffix}/kernel", convolution)
        yield from norm(f"{source}.res.{pane}.1", f"{last}/res_bn{suffix}")
