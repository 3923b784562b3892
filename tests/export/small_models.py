"""Trained models as small as they can be, of every kind of network and front-end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import CRNNEncoder, DeepSpeech2Encoder, TDNNEncoder
from open_seq2seq.experiment import Experiment, make_experiment
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text

RATE = 8000
LIBROSA = {
    "backend": "librosa", "input_type": "logfbank", "num_audio_features": 16,
    "norm_per_feature": True, "dither": 1e-5, "sample_freq": RATE, "num_fft": 256,
}  # fmt: skip
FRONT_ENDS = {
    "librosa": {**LIBROSA, "norm_range": 35, "noise_floor": -50},
    "psf": {"backend": "psf", "input_type": "mfcc", "num_audio_features": 13, "pad_to": 8,
            "sample_freq": RATE},
    "running": {**LIBROSA, "gain": 1 / 32768, "feature_norm": "running",
                "features_mean": [-5.0] * 16, "features_std_dev": [3.0] * 16},
}  # fmt: skip


def conv(**more: Any) -> dict[str, Any]:
    """A layer of a TDNN."""
    return {
        "type": "conv1d", "repeat": 1, "kernel_size": [5], "stride": [1], "num_channels": 24,
        "padding": "SAME", "dilation": [1], "dropout_keep_prob": 0.9, **more,
    }  # fmt: skip


def tdnn(*layers: Mapping[str, Any], **more: Any) -> tuple[type, dict[str, Any]]:
    """A TDNN of these layers."""
    params = {"convnet_layers": list(layers), "activation_fn": "relu", "dropout_keep_prob": 0.9}
    params |= more
    return TDNNEncoder, params


DS2 = {
    "conv_layers": [
        {"kernel_size": [5, 5], "stride": [2, 2], "num_channels": 4, "padding": "SAME"},
    ],
    "num_rnn_layers": 2, "rnn_cell_dim": 12, "n_hidden": 20, "dropout_keep_prob": 0.9,
    "activation_fn": "relu",
}  # fmt: skip
ENCODERS = {
    "jasper": tdnn(
        conv(kernel_size=[11], stride=[2]),
        conv(repeat=2, residual=True, residual_dense=True),
        conv(repeat=2, residual=True, residual_dense=True, num_channels=32),
        conv(kernel_size=[3], dilation=[2]),
    ),
    "quartznet": tdnn(
        conv(type="sep_conv1d", kernel_size=[33], stride=[2]),
        conv(type="sep_conv1d", kernel_size=[39], repeat=2, residual=True),
        conv(type="sep_conv1d", kernel_size=[29], dilation=[2]),
        conv(kernel_size=[1]),
    ),
    "deep speech 2, forward": (
        DeepSpeech2Encoder,
        {**DS2, "rnn_type": "gru", "rnn_unidirectional": True, "row_conv": True,
         "row_conv_width": 4},
    ),
    "deep speech 2, both": (
        DeepSpeech2Encoder,
        {**DS2, "rnn_type": "cudnn_lstm", "rnn_unidirectional": False, "row_conv": False},
    ),
    "deep speech 2, layer normalization": (
        DeepSpeech2Encoder,
        {**DS2, "rnn_type": "layernorm_lstm", "rnn_unidirectional": False, "row_conv": False},
    ),
    "crnn": (
        CRNNEncoder,
        {"conv_channels": 6, "conv_kernel_size": [3, 3], "conv_stride": [2, 2],
         "num_conv_blocks": 1, "rnn_cell_dim": 12, "num_rnn_layers": 1, "n_hidden": 16,
         "dropout_keep_prob": 0.9},
    ),
}  # fmt: skip


def small_experiment(
    encoder: str, front_end: str = "librosa", vocab_file: str | None = None
) -> Experiment:
    """A model with weights as after training, drawn from a seed."""
    return experiment_of(*ENCODERS[encoder], FRONT_ENDS[front_end], vocab_file)


def experiment_of(
    kind: type,
    params: Mapping[str, Any],
    front_end: Mapping[str, Any],
    vocab_file: str | None = None,
) -> Experiment:
    """The same of an encoder and a front-end by their parameters."""
    keras.utils.set_random_seed(2)
    experiment = make_experiment(
        {
            "batch_size_per_gpu": 2,
            "max_steps": 1,
            "optimizer": "SGD",
            "lr_policy": "fixed_lr",
            "lr_policy_params": {"learning_rate": 0.1},
            "dtype": "float32",
            "encoder": kind,
            "encoder_params": params,
            "decoder": FullyConnectedCTCDecoder,
            "loss": CTCLoss,
            "data_layer": Speech2TextDataLayer,
            "data_layer_params": {
                **front_end,
                "vocab_file": vocab_file or "example_data/digits/vocab.txt",
                "dataset_files": [],
            },
        },
        Speech2Text,
        "infer",
        utterances=[],
    )
    _as_trained(experiment.model)
    return experiment


def _as_trained(model: Any) -> None:
    """Statistics, scales and shifts as after training: with those of the start any graph agrees."""
    rng = np.random.default_rng(3)
    for variable in model.variables:
        values = rng.standard_normal(variable.shape).astype(np.float32)
        if variable.path.endswith(("variance", "gamma")):
            variable.assign(0.5 + 0.3 * np.abs(values))
        elif variable.path.endswith(("mean", "beta", "bias")):
            variable.assign(0.3 * values)


def speech(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise with the envelope of words, at `RATE`."""
    time = np.arange(int(seconds * RATE)) / RATE
    envelope = np.abs(np.sin(2 * np.pi * 2.1 * time)) * (np.sin(2 * np.pi * 0.3 * time) > -0.8)
    noise = np.random.default_rng(seed).normal(0, 0.1, len(time))
    return (envelope * noise).astype(np.float32)
