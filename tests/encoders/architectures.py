"""The published architectures, layer by layer, and their parameter totals.

Totals are those of OpenSeq2Seq's graphs, trainable variables only.
"""

from __future__ import annotations

from typing import Any


def layer(
    kind: str,
    repeat: int,
    kernel: int,
    channels: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    keep: float = 1.0,
    residual: bool = False,
    dense: bool = False,
) -> dict[str, Any]:
    """One entry of `convnet_layers`; images get a width of one."""
    width = [1] if kind == "conv2d" else []
    return {
        "type": kind,
        "repeat": repeat,
        "kernel_size": [kernel, *width],
        "stride": [stride, *width],
        "num_channels": channels,
        "padding": "SAME",
        "dilation": [dilation, *width],
        "dropout_keep_prob": keep,
        "residual": residual,
        "residual_dense": dense,
    }


def tdnn(layers: list[dict[str, Any]], **params: Any) -> dict[str, Any]:
    """Parameters of a `TDNNEncoder`."""
    return {
        "dropout_keep_prob": 1.0,
        "activation_fn": "relu",
        "convnet_layers": layers,
        **params,
    }


_WAVE2LETTER = [
    layer("conv1d", 3, 11, 256, keep=0.8),
    layer("conv1d", 3, 13, 384, keep=0.8),
    layer("conv1d", 3, 17, 512, keep=0.8),
    layer("conv1d", 3, 21, 640, keep=0.7),
    layer("conv1d", 3, 25, 768, keep=0.7),
]
_LAST = layer("conv1d", 1, 1, 1024, keep=0.6)


def wave2letter() -> dict[str, Any]:
    return tdnn([*_WAVE2LETTER, layer("conv1d", 1, 29, 896, keep=0.6), _LAST])


def wave2letter_plus() -> dict[str, Any]:
    first = layer("conv1d", 1, 11, 256, stride=2, keep=0.8)
    dilated = layer("conv1d", 1, 29, 896, dilation=2, keep=0.6)
    return tdnn([first, *_WAVE2LETTER, dilated, _LAST])


_JASPER_SIZES = [(11, 256, 0.8), (13, 384, 0.8), (17, 512, 0.8), (21, 640, 0.7), (25, 768, 0.7)]


def jasper_10x5() -> dict[str, Any]:
    blocks = [
        layer("conv1d", 5, kernel, channels, keep=keep, residual=True, dense=True)
        for kernel, channels, keep in _JASPER_SIZES
        for _ in range(2)
    ]
    first = layer("conv1d", 1, 11, 256, stride=2, keep=0.8)
    return tdnn([first, *blocks, layer("conv1d", 1, 29, 896, dilation=2, keep=0.6), _LAST])


def quartznet_15x5() -> dict[str, Any]:
    sizes = [(33, 256), (39, 256), (51, 512), (63, 512), (75, 512)]
    blocks = [
        layer("sep_conv1d", 5, kernel, channels, residual=True)
        for kernel, channels in sizes
        for _ in range(3)
    ]
    first = layer("sep_conv1d", 1, 33, 256, stride=2)
    dilated = layer("sep_conv1d", 1, 87, 512, dilation=2, residual=True)
    return tdnn([first, *blocks, dilated, layer("conv1d", 1, 1, 1024)])


def jasper_mini() -> dict[str, Any]:
    sizes = [(11, 256), (13, 256), (17, 512), (21, 512), (25, 512)]
    repeats = [2, 2, 2, 2, 2]
    blocks = [
        layer("sep_conv1d", 3, kernel, channels, residual=True)
        for (kernel, channels), count in zip(sizes, repeats)
        for _ in range(count)
    ]
    first = layer("sep_conv1d", 1, 11, 256, stride=2)
    last = [layer("sep_conv1d", 1, 29, 512, dilation=2), layer("sep_conv1d", 1, 1, 1024)]
    return tdnn([first, *blocks, *last])


def jasper_commands() -> dict[str, Any]:
    """Images of [time, width]; residual blocks of three, a strided layer before each size."""
    sizes = [*_JASPER_SIZES[:3], (21, 640, 0.7), (25, 768, 0.7)]
    layers = []
    for kernel, channels, keep in sizes:
        if channels <= 512:
            layers.append(layer("conv2d", 1, kernel, channels, stride=2, keep=keep))
        layers += [layer("conv2d", 3, kernel, channels, keep=keep, residual=True)] * 2
    last = [
        layer("conv2d", 1, 29, 896, dilation=2, keep=0.6),
        layer("conv2d", 1, 1, 1024, keep=0.6),
    ]
    return tdnn([*layers, *last])


def frequency_convolution(
    kernel: tuple[int, int], stride: tuple[int, int], channels: int, padding: str = "SAME"
) -> dict[str, Any]:
    """One entry of `conv_layers`, sizes as [time, frequency]."""
    return {
        "kernel_size": list(kernel),
        "stride": list(stride),
        "num_channels": channels,
        "padding": padding,
    }


def deep_speech(
    convolutions: list[dict[str, Any]],
    rnn: str,
    layers: int,
    units: int,
    n_hidden: int,
    **params: Any,
) -> dict[str, Any]:
    """Parameters of a `DeepSpeech2Encoder`."""
    return {
        "dropout_keep_prob": 1.0,
        "activation_fn": "relu",
        "conv_layers": convolutions,
        "num_rnn_layers": layers,
        "row_conv": False,
        "n_hidden": n_hidden,
        "use_cudnn_rnn": True,
        "rnn_cell_dim": units,
        "rnn_type": rnn,
        "rnn_unidirectional": False,
        **params,
    }


_FREQUENCY = [
    frequency_convolution((11, 41), (2, 2), 32),
    frequency_convolution((11, 21), (1, 2), 64),
    frequency_convolution((11, 21), (1, 2), 96),
]
_TWO_OF_32 = [_FREQUENCY[0], frequency_convolution((11, 21), (1, 2), 32)]


def ds2_large() -> dict[str, Any]:
    return deep_speech(_TWO_OF_32, "cudnn_gru", 5, 800, 1600)


def ds2_medium() -> dict[str, Any]:
    row_conv = {"row_conv": True, "row_conv_width": 8, "rnn_unidirectional": True}
    return deep_speech(_FREQUENCY, "cudnn_gru", 3, 1024, 2048, **row_conv)


def ds2_small() -> dict[str, Any]:
    return deep_speech(_TWO_OF_32, "cudnn_gru", 2, 512, 1024)


def ds2_toy() -> dict[str, Any]:
    return deep_speech(_FREQUENCY, "cudnn_gru", 1, 256, 256)


def ds2_test() -> dict[str, Any]:
    convolutions = [
        frequency_convolution((5, 11), (2, 2), 32),
        frequency_convolution((5, 11), (1, 2), 64),
    ]
    return deep_speech(convolutions, "cudnn_gru", 1, 128, 128, row_conv=True, row_conv_width=8)


def lstm_small() -> dict[str, Any]:
    return deep_speech([], "cudnn_lstm", 2, 512, 512, rnn_unidirectional=True)


# Name, parameters, features, trainable parameters and variables of the encoder, parameters
# with a decoder of 29 classes (None: has another decoder).
TOTALS = [
    ("w2l_large", wave2letter, 64, 105_745_152, None, 105_774_877),
    ("w2lplus_large", wave2letter_plus, 64, 106_466_560, 54, 106_496_285),
    ("jasper10x5", jasper_10x5, 64, 332_602_624, 324, 332_632_349),
    ("quartznet15x5", quartznet_15x5, 64, 19_164_224, 375, 19_193_949),
    ("jasper_mini", jasper_mini, 64, 8_163_008, 172, 8_192_733),
    ("jasper_commands", jasper_commands, 128, 207_140_864, None, None),
]

# The same for DeepSpeech2Encoder.
DEEP_SPEECH_TOTALS = [
    ("ds2_large", ds2_large, 160, 58_924_704, None, 58_971_133),
    ("ds2_medium", ds2_medium, 160, 25_661_920, None, 25_721_341),
    ("ds2_small", ds2_small, 96, 9_963_744, None, 9_993_469),
    ("ds2_toy", ds2_toy, 160, 5_383_904, None, 5_391_357),
    ("lstm_small", lstm_small, 13, 3_443_200, None, 3_458_077),
    ("ds2_test", ds2_test, 160, 2_215_968, None, 2_219_709),
]
