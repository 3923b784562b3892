"""An epoch as one would write it without a framework: librosa, Keras's own layers, a loop.

The same recordings in the same batches, with the same speed factors, masks and optimizer; the
same network without masks over the padding, and Keras's CTC loss, in a TensorFlow graph (XLA is
slower here: see docs/benchmarks.md). Batches are loaded in the loop, one recording after another.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import librosa
import numpy as np
from keras import layers

from open_seq2seq.data.batch import Batch
from open_seq2seq.encoders import CRNNEncoder, DeepSpeech2Encoder, TDNNEncoder
from open_seq2seq.encoders.deepspeech2_params import arrangement, is_cudnn
from open_seq2seq.errors import InputError
from open_seq2seq.optimizers import make_optimizer


class Unplain(InputError):
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
        backward = flip = layers.Lambda(lambda x: keras.ops.flip(x, 1))
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


def plain_features(data: Any, row: int, variant: int, factor: float, rng: Any) -> np.ndarray:
    """The features `[time, feature]` of a recording by librosa, with the config's settings."""
    utterance, options = data.utterances[row], data.extractor.options
    paths, rate = data._corpus.paths(row), options.sample_freq
    samples, _ = librosa.load(
        paths[variant % len(paths)],
        sr=rate,
        offset=utterance.offset or 0.0,
        duration=None if utterance.offset is None else utterance.duration,
    )
    if factor != 1.0:
        samples = librosa.resample(samples, orig_sr=rate, target_sr=round(rate * factor))
    loudest = data.augmenter.params["noise_level_max"]
    if loudest is not None:
        noise = rng.standard_normal(len(samples), dtype=np.float32)
        samples = samples + noise * np.float32(np.abs(samples).max() * 10 ** (loudest / 20))
    samples = librosa.effects.preemphasis(samples / (np.abs(samples).max() + 1e-5))
    framing = {
        "n_fft": options.fft_length,
        "hop_length": options.hop_length,
        "win_length": options.window_length,
    }
    count = options.num_audio_features
    if options.input_type == "spectrogram":
        power = np.abs(librosa.stft(samples, **framing)) ** 2
        features = librosa.power_to_db(power[:count]).T
    elif options.input_type == "mfcc":
        features = librosa.feature.mfcc(y=samples, sr=rate, n_mfcc=count, **framing).T
    else:
        mel = librosa.feature.melspectrogram(y=samples, sr=rate, n_mels=count, **framing)
        features = np.log(mel + 1e-20).T
    features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-5)
    return data.augmenter.spectrogram(features, rng)


def plain_batch(data: Any, planned: Any) -> Batch:
    """The recordings of a planned batch, loaded one after another."""
    rng = np.random.default_rng(0)
    rows = zip(planned.rows, planned.variants, planned.speed_factors)
    loaded = [plain_features(data, *row, rng)[: planned.length] for row in rows]
    features = np.zeros((len(loaded), planned.length, data.num_features), np.float32)
    for target, one in zip(features, loaded):
        target[: len(one)] = one
    texts = [data.vocabulary.encode(data.utterances[row].transcript) for row in planned.rows]
    lengths = np.array([len(text) for text in texts], np.int32)
    labels = np.zeros((len(texts), lengths.max()), np.int32)
    for target, text in zip(labels, texts):
        target[: len(text)] = text
    return Batch(
        features,
        np.array([len(one) for one in loaded], np.int32),
        labels,
        lengths,
        planned.rows,
        float(data._planner.samples[planned.rows, planned.variants].sum())
        / data.params["sample_freq"],
    )


class PlainStep:
    """A training step of the plain network.

    Args:
      experiment: model and parameters.
      policy: the Keras dtype policy.
    """

    def __init__(self, experiment: Any, policy: str):
        import tensorflow as tf

        model, params = experiment.model, experiment.params
        self.network = network = plain_network(model, policy)
        self._output_length = model.output_length
        optimizer = make_optimizer(params["optimizer"], params["optimizer_params"])
        variables, blank = network.trainable_variables, model.decoder.vocab_size
        optimizer.build(variables)
        optimizer.learning_rate.assign(1e-4)

        @tf.function(reduce_retracing=True)
        def step(features: Any, lengths: Any, labels: Any, label_lengths: Any) -> Any:
            with tf.GradientTape() as tape:
                logits = network(features, training=True)
                losses = keras.ops.ctc_loss(
                    labels, logits, label_lengths, lengths, mask_index=blank
                )
                loss = keras.ops.mean(losses)
            gradients = tape.gradient(loss, [variable.value for variable in variables])
            optimizer.apply(gradients, variables)
            return loss

        self._step = step

    def __call__(self, batch: Batch) -> float:
        """Trains on a batch; its mean loss."""
        features, lengths, labels, label_lengths = batch.arrays
        lengths = np.asarray(self._output_length(lengths), np.int32)
        return float(self._step(features, lengths, labels, label_lengths))


class PlainTimes(NamedTuple):
    """Seconds of the plain loop: of loading, of the steps, and of the processor for both."""

    loading: float
    steps: float
    processor: float
    loss: float


def plain_epoch(experiment: Any, planned: Sequence[Any], policy: str) -> PlainTimes:
    """Trains on some batches, after a step for each shape that compiles what is to be compiled.

    Raises:
      Unplain: the network has no plain twin.
    """
    step = PlainStep(experiment, policy)
    for batch in _one_of_each_shape(planned):
        step(plain_batch(experiment.data, batch))
    loading = stepping = 0.0
    processor, losses = time.process_time(), []
    for batch in planned:
        started = time.perf_counter()
        loaded = plain_batch(experiment.data, batch)
        ready = time.perf_counter()
        losses.append(step(loaded))
        loading += ready - started
        stepping += time.perf_counter() - ready
    processor = time.process_time() - processor
    return PlainTimes(loading, stepping, processor, float(np.mean(losses)))


def _one_of_each_shape(planned: Sequence[Any]) -> Iterator[Any]:
    return iter({(len(batch.rows), batch.length): batch for batch in planned}.values())
