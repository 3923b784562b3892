"""NeMo's `ConformerEncoder` (Conformer-CTC, FastConformer-CTC) as ours."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from open_seq2seq.interop.nemo.conv_asr_encoder import EncoderChoice
from open_seq2seq.interop.nemo.refusal import refusal
from open_seq2seq.interop.nemo.section import Section
from open_seq2seq.interop.nemo.weights import (
    Weight,
    as_is,
    depthwise,
    image_convolution,
    image_depthwise,
    matrix,
    norm,
)

_EPSILON = 1e-5
_MOST = 1 << 16
_NORMS = ("batch_norm", "layer_norm", "fused_batch_norm")
# What changes nothing that is computed in evaluation here.
_IGNORED = (
    "_target_", "name", "feat_in", "dropout", "dropout_pre_encoder", "dropout_emb", "dropout_att",
    "dropout_pre_encoder", "pos_emb_max_len", "stochastic_depth_drop_prob", "stochastic_depth_mode",
    "stochastic_depth_start_layer", "sync_max_audio_length", "use_pytorch_sdpa",
    "use_pytorch_sdpa_backends", "subsampling_conv_chunking_factor", "export_cache_support",
    "att_context_probs", "global_attn_separate", "global_tokens_spacing", "reduction_position",
    "reduction_factor",
)  # fmt: skip


def read_conformer(config: Section, features: int) -> EncoderChoice:
    """The encoder of a config.

    Args:
      config: the encoder's.
      features: of a frame.

    Raises:
      InputError: it has something that can't be exact.
    """
    if config.whole("feat_in", features, most=_MOST) != features:
        raise config.refused("feat_in", f"{features}, the features of the preprocessor")
    width, layers = config.whole("d_model", 0, most=_MOST), config.whole("n_layers", 0, most=500)
    factor = config.whole("subsampling_factor", 4, most=16)
    if factor & (factor - 1):
        raise config.refused("subsampling_factor", "1, 2, 4, 8 or 16")
    subsampling = "striding"
    if factor > 1:
        remedy = "NeMo's other kinds of subsampling are not imported."
        allowed = ("striding", "dw_striding")
        subsampling = config.one_of("subsampling", allowed, "striding", remedy)
    channels = config.whole("subsampling_conv_channels", -1, least=-1, most=_MOST)
    config.one_of("reduction", (None,), None, "Reduction inside the encoder is not imported.")
    config.one_of("global_tokens", (0,), 0, "Global tokens are not imported.")
    kernel = config.whole("conv_kernel_size", 31, most=4096)
    kind = config.one_of("conv_norm_type", _NORMS, "batch_norm", "Other norms are not imported.")
    context, style = _attention(config)
    has_bias, tied = config.flag("use_bias", True), not config.flag("untie_biases", True)
    feat_out = config.whole("feat_out", -1, least=-1, most=_MOST)
    output = feat_out if feat_out > 0 and feat_out != width else None
    params: dict[str, Any] = {
        "num_layers": layers,
        "hidden_size": width,
        "num_heads": config.whole("n_heads", 4, most=1024),
        "filter_size": width * config.whole("ff_expansion_factor", 4, most=64),
        "subsampling": subsampling,
        "subsampling_factor": factor,
        "subsampling_channels": channels if channels > 0 else None,
        "causal_subsampling": config.flag("causal_downsampling", False),
        "scale_inputs": config.flag("xscaling", True),
        "attention_context": context,
        "attention_style": style,
        "tie_position_biases": tied,
        "use_bias": has_bias,
        "conv_kernel_size": kernel,
        "conv_padding": _padding(config, kernel),
        "conv_normalization": "layer_norm" if kind == "layer_norm" else "batch_norm",
        "bn_momentum": 0.9,
        "bn_epsilon": _EPSILON,
        "output_size": output,
        "dropout_keep_prob": _kept(config, "dropout", 0.1),
        "input_keep_prob": _kept(config, "dropout_pre_encoder", 0.1),
        "attention_keep_prob": _kept(config, "dropout_att", 0.0),
        "drop_layer_prob": min(max(config.number("stochastic_depth_drop_prob", 0.0), 0.0), 0.9),
    }
    config.ignore(*_IGNORED)
    notes = []
    if config.unread:
        notes.append(f"not looked at in {config.where}: {', '.join(config.unread)}")
    weights = [*_subsampling_weights(params)]
    for layer in range(layers):
        weights += _layer_weights(layer, params, kind)
    if tied:
        weights += _tied_biases(layers)
    if output is not None:
        weights += _dense("encoder.out_proj", "encoder/output", True)
    return EncoderChoice("ConformerEncoder", params, weights, output or width, notes)


def _kept(config: Section, key: str, default: float) -> float:
    return 1.0 - min(max(config.number(key, default), 0.0), 0.9)


def _attention(config: Section) -> tuple[list[int], str]:
    """The context of the attention and its style, of evaluation."""
    remedy = "Other attention is not imported."
    allowed = ("rel_pos", "rel_pos_local_attn")
    model = config.one_of("self_attention_model", allowed, "rel_pos", remedy)
    styles = ("regular", "chunked_limited", "chunked_limited_with_rc")
    style = config.one_of("att_context_style", styles, "regular")
    context = config.get("att_context_size") or [-1, -1]
    if isinstance(context, list) and context and isinstance(context[0], list):
        context = context[0]  # evaluation takes the first of several
    whole = isinstance(context, list) and len(context) == 2
    if not whole or not all(type(one) is int and -_MOST < one < _MOST for one in context):
        raise config.refused("att_context_size", "two numbers of frames, or a list of such")
    left, right = (max(one, -1) for one in context)
    if model == "rel_pos_local_attn" and left != right:
        expected = "equal sides: NeMo's local attention misplaces unequal ones"
        raise config.refused("att_context_size", expected)
    if style == "chunked_limited_with_rc":
        return [-1, -1], "regular"
    if style == "chunked_limited" and right < 0:
        style = "regular"
    return [left, right], style


def _padding(config: Section, kernel: int) -> str | list[int]:
    context = config.get("conv_context_size")
    if context is None:
        if kernel % 2 == 0:
            raise config.refused("conv_kernel_size", "an odd number")
        return [(kernel - 1) // 2] * 2
    if context == "causal":
        return "CAUSAL"
    fits = isinstance(context, list) and len(context) == 2
    if not fits or not all(type(one) is int and one >= 0 for one in context):
        raise config.refused("conv_context_size", "null, 'causal' or two numbers of frames")
    if sum(context) != kernel - 1:
        raise config.refused("conv_context_size", f"two numbers that add up to {kernel - 1}")
    return list(context)


def _dense(source: str, target: str, has_bias: bool) -> Iterator[Weight]:
    yield Weight(f"{source}.weight", f"{target}/kernel", matrix)
    if has_bias:
        yield Weight(f"{source}.bias", f"{target}/bias", as_is)


def _subsampling_weights(params: dict[str, Any]) -> Iterator[Weight]:
    source, target = "encoder.pre_encode", "encoder/subsampling"
    if params["subsampling_factor"] == 1:
        yield from _dense(source, f"{target}/dense", True)
        return
    stages = int(math.log2(params["subsampling_factor"]))
    yield from _image(f"{source}.conv.0", f"{target}/conv1")
    for stage in range(1, stages):
        name = f"{target}/conv{stage + 1}"
        if params["subsampling"] == "striding":
            yield from _image(f"{source}.conv.{2 * stage}", name)
            continue
        place = 3 * stage - 1
        kernel = f"{source}.conv.{place}.weight"
        yield Weight(kernel, f"{name}/depthwise_kernel", image_depthwise)
        yield Weight(f"{source}.conv.{place}.bias", f"{name}/depthwise_bias", as_is)
        kernel = f"{source}.conv.{place + 1}.weight"
        yield Weight(kernel, f"{name}/pointwise_kernel", image_convolution)
        yield Weight(f"{source}.conv.{place + 1}.bias", f"{name}/bias", as_is)
    channels = params["subsampling_channels"] or params["hidden_size"]
    by_frequency = functools.partial(_by_frequency, channels)
    yield Weight(f"{source}.out.weight", f"{target}/dense/kernel", by_frequency)
    yield Weight(f"{source}.out.bias", f"{target}/dense/bias", as_is)


def _image(source: str, target: str) -> Iterator[Weight]:
    yield Weight(f"{source}.weight", f"{target}/kernel", image_convolution)
    yield Weight(f"{source}.bias", f"{target}/bias", as_is)


def _by_frequency(channels: int, values: np.ndarray) -> np.ndarray:
    """`[output, channel * frequency]` -> `[frequency * channel, output]`."""
    outputs = len(values)
    return values.reshape(outputs, channels, -1).transpose(2, 1, 0).reshape(-1, outputs)


def _layer_weights(layer: int, params: dict[str, Any], kind: str) -> Iterator[Weight]:
    source, target = f"encoder.layers.{layer}", f"encoder/layer{layer + 1}"
    has_bias = params["use_bias"]
    norms = {
        "norm_feed_forward1": "feed_forward1_norm",
        "norm_self_att": "attention_norm",
        "norm_conv": "convolution_norm",
        "norm_feed_forward2": "feed_forward2_norm",
        "norm_out": "norm",
    }
    for theirs, ours in norms.items():
        yield from _layer_norm(f"{source}.{theirs}", f"{target}/{ours}")
    for number in (1, 2):
        inside = f"{source}.feed_forward{number}.linear"
        name = f"{target}/feed_forward{number}"
        yield from _dense(f"{inside}1", f"{name}/filter_input", has_bias)
        yield from _dense(f"{inside}2", f"{name}/filter_output", has_bias)
    yield from _attention_weights(f"{source}.self_attn", f"{target}/attention", params)
    yield from _convolution_weights(
        f"{source}.conv", f"{target}/convolution", has_bias, kind, params
    )


def _layer_norm(source: str, target: str) -> Iterator[Weight]:
    yield Weight(f"{source}.weight", f"{target}/gamma", as_is)
    yield Weight(f"{source}.bias", f"{target}/beta", as_is)


def _attention_weights(source: str, target: str, params: dict[str, Any]) -> Iterator[Weight]:
    parts = [f"{source}.linear_{one}" for one in "qkv"]
    kernels, biases = (tuple(f"{one}.{kind}" for one in parts) for kind in ("weight", "bias"))
    yield Weight(kernels, f"{target}/queries_keys_values/kernel", _side_by_side)
    if params["use_bias"]:
        yield Weight(biases, f"{target}/queries_keys_values/bias", _joined)
    yield from _dense(f"{source}.linear_out", f"{target}/attention_output", params["use_bias"])
    yield Weight(f"{source}.linear_pos.weight", f"{target}/positions/kernel", matrix)
    if not params["tie_position_biases"]:
        yield Weight(f"{source}.pos_bias_u", f"{target}/biases/content", as_is)
        yield Weight(f"{source}.pos_bias_v", f"{target}/biases/position", as_is)


def _tied_biases(layers: int) -> Iterator[Weight]:
    """Those that all layers have, under the name of each."""
    for theirs, ours in (("u", "content"), ("v", "position")):
        sources = tuple(f"encoder.layers.{n}.self_attn.pos_bias_{theirs}" for n in range(layers))
        yield Weight(sources, f"encoder/position_biases/{ours}", _the_same)


def _convolution_weights(
    source: str, target: str, has_bias: bool, kind: str, params: dict[str, Any]
) -> Iterator[Weight]:
    yield from _dense(f"{source}.pointwise_conv1", f"{target}/gated_input", has_bias)
    yield from _dense(f"{source}.pointwise_conv2", f"{target}/conv_output", has_bias)
    yield Weight(f"{source}.depthwise_conv.weight", f"{target}/depthwise_kernel", depthwise)
    if has_bias:
        yield Weight(f"{source}.depthwise_conv.bias", f"{target}/depthwise_bias", as_is)
    name = f"{source}.batch_norm"
    if kind == "layer_norm":
        yield from _layer_norm(name, f"{target}/ln")
    elif kind == "batch_norm":
        yield from norm(name, f"{target}/bn")
    else:  # a scale and a shift, which a normalization of this mean and variance is
        yield from _layer_norm(name, f"{target}/bn")
        zeros, ones = np.zeros(params["hidden_size"]), np.ones(params["hidden_size"])
        yield Weight((), f"{target}/bn/moving_mean", lambda: zeros)
        yield Weight((), f"{target}/bn/moving_variance", lambda: ones - _EPSILON)


def _side_by_side(*parts: np.ndarray) -> np.ndarray:
    return np.concatenate([part.T for part in parts], axis=1)


def _joined(*parts: np.ndarray) -> np.ndarray:
    return np.concatenate(parts)


def _the_same(first: np.ndarray, *others: np.ndarray) -> np.ndarray:
    if any(one.shape != first.shape or (one != first).any() for one in others):
        raise refusal("pos_bias_u, pos_bias_v", "other biases in each layer", "untie_biases true")
    return first
