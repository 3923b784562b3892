"""Recurrent layers in NumPy, utterance by utterance and frame by frame, from their papers."""

import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def layer_norm(x, gamma, beta):
    return (x - x.mean()) / np.sqrt(x.var() + 1e-6) * gamma + beta


def gru(x, h, c, w):
    """Cho et al. 2014."""
    units = len(h)
    R, b = w["recurrent_kernel"], w["bias"]
    z = sigmoid(x[:units] + h @ R[:, :units] + b[:units])
    r = sigmoid(x[units : 2 * units] + h @ R[:, units : 2 * units] + b[units : 2 * units])
    candidate = np.tanh(x[2 * units :] + (r * h) @ R[:, 2 * units :] + b[2 * units :])
    return z * h + (1 - z) * candidate, c


def gru_reset_after(x, h, c, w):
    """The documentation of cuDNN, CUDNN_GRU."""
    xz, xr, xh = np.split(x + w["bias"], 3)
    hz, hr, hh = np.split(h @ w["recurrent_kernel"] + w["recurrent_bias"], 3)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    return z * h + (1 - z) * np.tanh(xh + r * hh), c


def lstm(x, h, c, w):
    """Hochreiter and Schmidhuber 1997, with Gers's forget gate."""
    i, f, g, o = np.split(x + h @ w["recurrent_kernel"] + w["bias"], 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def layer_norm_lstm(x, h, c, w):
    """Ba et al. 2016, section 3.1; the normalized memory is what goes on."""
    sums = np.split(x + h @ w["recurrent_kernel"], 4)
    i, f, g, o = (
        layer_norm(*parts) for parts in zip(sums, w["gate_gamma"], w["gate_beta"], strict=True)
    )
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    c = layer_norm(c, w["state_gamma"], w["state_beta"])
    return sigmoid(o) * np.tanh(c), c


def relu(x, h, c, w):
    """Amodei et al. 2015, section 3.1."""
    return np.clip(x + h @ w["recurrent_kernel"] + w["bias"], 0, 20), c


STEPS = {f.__name__: f for f in (gru, gru_reset_after, lstm, layer_norm_lstm, relu)}


def run(cell, inputs, weights, lengths, backward):
    """[batch, time, gates * units] -> [batch, time, units], zero past each length."""
    weights = {name: np.asarray(value, np.float64) for name, value in weights.items()}
    units = len(weights["recurrent_kernel"])
    outputs = np.zeros((*inputs.shape[:2], units))
    for utterance, length in enumerate(lengths):
        h = c = np.zeros(units)
        for frame in reversed(range(length)) if backward else range(length):
            h, c = STEPS[cell](np.float64(inputs[utterance, frame]), h, c, weights)
            outputs[utterance, frame] = h
    return outputs
