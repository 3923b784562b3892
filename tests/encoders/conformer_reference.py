"""The Conformer in NumPy, in double precision and frame by frame, from its formulas.

Gulati et al. 2020; positions as in Dai et al. 2019; subsampling and masks as NeMo has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Weights = Mapping[str, np.ndarray]


def encode(params: Mapping[str, Any], weights: Weights, features: np.ndarray) -> np.ndarray:
    """One utterance [time, feature] -> [time', channel].

    Args:
      params: all parameters of a `ConformerEncoder`.
      weights: float64, by the path within the encoder.
      features: its frames.
    """
    values = subsample(params, weights, features)
    if params["scale_inputs"]:
        values = values * np.sqrt(params["hidden_size"])
    for number in range(1, params["num_layers"] + 1):
        own = {
            k.partition("/")[2]: v for k, v in weights.items() if k.startswith(f"layer{number}/")
        }
        own.update({k: v for k, v in weights.items() if k.startswith("position_biases/")})
        values = _layer(params, own, values)
    return _dense(weights, "output", values) if "output/kernel" in weights else values


def subsample(params: Mapping[str, Any], weights: Weights, features: np.ndarray) -> np.ndarray:
    image = features[:, :, None]
    before, after = (2, 1) if params["causal_subsampling"] else (1, 1)
    stage = 1
    while f"subsampling/conv{stage}/bias" in weights:
        name = f"subsampling/conv{stage}/"
        padded = np.pad(image, ((before, after), (before, after), (0, 0)))
        rows, columns = ((size - 3) // 2 + 1 for size in padded.shape[:2])
        windows = np.stack(
            [
                [padded[2 * t : 2 * t + 3, 2 * f : 2 * f + 3] for f in range(columns)]
                for t in range(rows)
            ]
        )
        if name + "kernel" in weights:
            image = np.einsum("tfabc,abco->tfo", windows, weights[name + "kernel"])
        else:
            kernel = weights[name + "depthwise_kernel"][..., 0]
            image = np.einsum("tfabc,abc->tfc", windows, kernel) + weights[name + "depthwise_bias"]
            image = image @ weights[name + "pointwise_kernel"][0, 0]
        image = np.maximum(image + weights[name + "bias"], 0)
        stage += 1
    return _dense(weights, "subsampling/dense", image.reshape(len(image), -1))


def _layer(params: Mapping[str, Any], weights: Weights, x: np.ndarray) -> np.ndarray:
    x = x + 0.5 * _feed_forward(weights, 1, x)
    x = x + _attend(params, weights, _normalized(weights, "attention_norm", x))
    x = x + _convolve(params, weights, _normalized(weights, "convolution_norm", x))
    x = x + 0.5 * _feed_forward(weights, 2, x)
    return _normalized(weights, "norm", x)


def _feed_forward(weights: Weights, number: int, x: np.ndarray) -> np.ndarray:
    name = f"feed_forward{number}"
    hidden = _dense(weights, f"{name}/filter_input", _normalized(weights, f"{name}_norm", x))
    return _dense(weights, f"{name}/filter_output", _swish(hidden))


def is_seen(params: Mapping[str, Any], query: int, key: int) -> bool:
    """Whether a frame attends to another."""
    left, right = params["attention_context"]
    if params["attention_style"] == "chunked_limited":
        chunk = right + 1
        back = query // chunk - key // chunk
        return back >= 0 and (left < 0 or back <= left // chunk)
    return (left < 0 or query - key <= left) and (right < 0 or key - query <= right)


def _attend(params: Mapping[str, Any], weights: Weights, x: np.ndarray) -> np.ndarray:
    heads, width = params["num_heads"], params["hidden_size"]
    size = width // heads
    products = _dense(weights, "attention/queries_keys_values", x)
    queries, keys, values = np.split(products, 3, axis=1)
    biases = "position_biases" if "position_biases/content" in weights else "attention/biases"
    outputs = np.zeros_like(queries)
    for head in range(heads):
        own = slice(head * size, (head + 1) * size)
        u, v = weights[f"{biases}/content"][head], weights[f"{biases}/position"][head]
        for i in range(len(x)):
            seen = [j for j in range(len(x)) if is_seen(params, i, j)]
            positions = _waves(np.array([i - j for j in seen]), width)
            positions = (positions @ weights["attention/positions/kernel"])[:, own]
            scores = keys[seen, own] @ (queries[i, own] + u) + positions @ (queries[i, own] + v)
            powers = np.exp((scores - scores.max()) / np.sqrt(size))
            outputs[i, own] = powers / powers.sum() @ values[seen, own]
    return _dense(weights, "attention/attention_output", outputs)


def _waves(positions: np.ndarray, width: int) -> np.ndarray:
    waves = np.zeros((len(positions), width))
    for pair in range(width // 2):
        angles = positions * 10000.0 ** (-2 * pair / width)
        waves[:, 2 * pair], waves[:, 2 * pair + 1] = np.sin(angles), np.cos(angles)
    return waves


def _convolve(params: Mapping[str, Any], weights: Weights, x: np.ndarray) -> np.ndarray:
    values, gates = np.split(_dense(weights, "convolution/gated_input", x), 2, axis=1)
    gated = values * _sigmoid(gates)
    kernel = weights["convolution/depthwise_kernel"][..., 0]
    padding, span = params["conv_padding"], len(kernel) - 1
    named = {"SAME": (span // 2, span - span // 2), "CAUSAL": (span, 0)}
    padded = np.pad(
        gated, (named.get(padding, padding) if isinstance(padding, str) else padding, (0, 0))
    )
    y = np.stack([(padded[t : t + len(kernel)] * kernel).sum(0) for t in range(len(x))])
    y = y + weights.get("convolution/depthwise_bias", 0)
    if "convolution/ln/gamma" in weights:
        y = _normalized(weights, "convolution/ln", y)
    else:
        bn = {k.rpartition("/")[2]: v for k, v in weights.items() if "/bn/" in k}
        y = (y - bn["moving_mean"]) / np.sqrt(bn["moving_variance"] + params["bn_epsilon"])
        y = y * bn["gamma"] + bn["beta"]
    return _dense(weights, "convolution/conv_output", _swish(y))


def _dense(weights: Weights, name: str, x: np.ndarray) -> np.ndarray:
    return x @ weights[f"{name}/kernel"] + weights.get(f"{name}/bias", 0)


def _normalized(weights: Weights, name: str, x: np.ndarray) -> np.ndarray:
    mean, variance = x.mean(1, keepdims=True), x.var(1, keepdims=True)
    x = (x - mean) / np.sqrt(variance + 1e-5)
    return x * weights[f"{name}/gamma"] + weights[f"{name}/beta"]


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _swish(x: np.ndarray) -> np.ndarray:
    return x * _sigmoid(x)
