"""A model's network of Keras's own layers, without masks over the padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import layers

from open_seq2seq.encoders import CRNNEncoder, DeepSpeech2Encoder, TDNNEncoder
from open_seq2seq.encoders.deepspeech2_params import arrangement, is_cudnn


class Unplain(Exception):
    """Keras has no layer of its own for a part of the network."""


def plain_network(model: Any, policy: str) -> keras.Model:
    """A model's network of Keras's own layers: features `[batch, time, feature]` to logits.

    Args:
      model: a `Speech2Text`.
      policy: the Keras dtype policy; logits are float32.

    Raises:
      Unplain: naming what it has that Keras does not.
    """
    encoders = {TDNNEncoder: _tdnn, DeepSpeech2Encoder: _deep_speech, CRNNEncoder: _crnn}
    encoder = model.encoder
    if type(encoder) not in encoders:
        raise Unplain(f"no plain network is known for {type(encoder).__name__}")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        features = keras.Input((None, model.num_features), dtype="float32")
        outputs = encoders[type(encoder)](features, encoder.params)
        logits = layers.Dense(model.decoder.vocab_size + 1, dtype="float32")(outputs)
        return keras.Model(features, logits)
    finally:
        keras.config.set_dtype_policy(before)


def _tdnn(outputs: Any, params: Mapping[str, Any]) -> Any:
    if params["normalization"] != "batch_norm" or params["drop_block_prob"]:
        raise Unplain("no plain network with another normalization or with dropped blocks")
    momentum, epsilon = params["bn_momentum"], params["bn_epsilon"]
    activation = layers.Activation
    dense_sources: list[Any] = []
    for layer in params["convnet_layers"]:
        if layer["type"] == "conv2d":
            raise Unplain("no plain network with conv2d in a TDNN")
        kind = layers.SeparableConv1D if layer["type"] == "sep_conv1d" else layers.Conv1D
        padding = "causal" if layer["type"] == "tcn" else layer["padding"].lower()

        def convolve(
            inputs: Any, taps: int, stride: int, dilation: int, kind: Any = kind,
            channels: int = layer["num_channels"], padding: str = padding,
        ) -> Any:  # fmt: skip
            options = {"dilation_rate": dilation, "use_bias": False}
            outputs = kind(channels, taps, stride, padding, **options)(inputs)
            return layers.BatchNormalization(momentum=momentum, epsilon=epsilon)(outputs)

        sources = [outputs] if layer["residual"] else []
        if layer["residual_dense"]:
            dense_sources.append(outputs)
            sources = dense_sources
        keep = layer["dropout_keep_prob"]
        keep = params["dropout_keep_prob"] if keep is None else keep
        dilation = (layer["dilation"] or [1])[0]
        for number in range(layer["repeat"]):
            outputs = convolve(outputs, layer["kernel_size"][0], layer["stride"][0], dilation)
            if number == layer["repeat"] - 1 and sources:
                outputs = layers.Add()([outputs, *(convolve(s, 1, 1, 1) for s in sources)])
            outputs = layers.Dropout(1 - keep)(activation(params["activation_fn"])(outputs))
    return outputs


def _deep_speech(outputs: Any, params: Mapping[str, Any]) -> Any:
    if params["rnn_type"] in ("layernorm_lstm", "relu_rnn") or params["rnn_batch_norm"]:
        raise Unplain("no plain network with this rnn_type or rnn_batch_norm")
    norm = {"momentum": params["bn_momentum"], "epsilon": params["bn_epsilon"]}
    dropout, units = 1 - params["dropout_keep_prob"], params["rnn_cell_dim"]
    activation = params["activation_fn"]
    if params["conv_layers"]:
        outputs = _image(outputs)
    for layer in params["conv_layers"]:
        outputs = layers.Conv2D(
            layer["num_channels"], layer["kernel_size"], layer["stride"],
            layer["padding"].lower(), use_bias=False,
        )(outputs)  # fmt: skip
        outputs = layers.Activation(activation)(layers.BatchNormalization(**norm)(outputs))
    outputs = _joined(outputs) if params["conv_layers"] else outputs

    def recurrent() -> Any:
        if "gru" in params["rnn_type"]:
            return layers.GRU(units, return_sequences=True, reset_after=is_cudnn(params))
        return layers.LSTM(units, return_sequences=True)

    count = params["num_rnn_layers"]
    if params["rnn_unidirectional"] or arrangement(params) == "interleaved":
        merge = "concat" if params["rnn_merge"] == "concat" else "sum"
        for number in range(count):
            layer = recurrent()
            if not params["rnn_unidirectional"]:
                layer = layers.Bidirectional(layer, merge_mode=merge)
            outputs = layer(outputs)
            outputs = layers.Dropout(dropout)(outputs) if number < count - 1 else outputs
    elif count:
        flip = layers.Lambda(lambda x: keras.ops.flip(x, 1))
        forward, backward = outputs, flip(outputs)
        for _ in range(count):
            forward = layers.Dropout(dropout)(recurrent()(forward))
            backward = layers.Dropout(dropout)(recurrent()(backward))
        outputs = layers.Concatenate()([forward, flip(backward)])
    if params["row_conv"] and params["row_conv_width"] >= 2:
        width = params["row_conv_width"]
        outputs = layers.DepthwiseConv1D(width, padding="same", use_bias=False)(outputs)
        outputs = layers.Activation(activation)(layers.BatchNormalization(**norm)(outputs))
    return layers.Dropout(dropout)(layers.Dense(params["n_hidden"], activation)(outputs))


def _crnn(outputs: Any, params: Mapping[str, Any]) -> Any:
    dropout, activation = 1 - params["dropout_keep_prob"], params["activation_fn"]
    channels, units = params["conv_channels"], params["rnn_cell_dim"]

    def convolve(inputs: Any, stride: Sequence[int] = (1, 1)) -> Any:
        return layers.Conv2D(channels, params["conv_kernel_size"], stride, "same")(inputs)

    def normalized(inputs: Any, axis: int) -> Any:
        norm = layers.LayerNormalization(axis=axis, epsilon=params["norm_epsilon"])
        return layers.Activation(activation)(norm(inputs))

    image = convolve(_image(outputs), params["conv_stride"])
    for _ in range(params["num_conv_blocks"]):
        source = image
        for _ in range(2):
            image = convolve(layers.Dropout(dropout)(normalized(image, 2)))
        image = layers.Add()([image, source])
    outputs = layers.Dense(units)(_joined(image))
    for _ in range(params["num_rnn_layers"]):
        gru = layers.Bidirectional(layers.GRU(units, return_sequences=True))
        outputs = layers.Dropout(dropout)(gru(normalized(outputs, -1)))
    if params["n_hidden"]:
        outputs = layers.Dropout(dropout)(layers.Dense(params["n_hidden"], activation)(outputs))
    return outputs


def _image(features: Any) -> Any:
    """[batch, time, feature] -> [batch, time, feature, 1]"""
    return layers.Reshape((-1, features.shape[-1], 1))(features)


def _joined(image: Any) -> Any:
    """[batch, time, width, channel] -> [batch, time, width * channel]"""
    return layers.Reshape((-1, image.shape[2] * image.shape[3]))(image)
