"""An epoch as one would write it without a framework: librosa, Keras's own layers, a loop.

The same recordings in the same batches, with the same speed factors, masks and optimizer; the
same network without masks over the padding, and Keras's CTC loss, in a TensorFlow graph (XLA is
slower here: see docs/benchmarks.md). Batches are loaded in the loop, one recording after another.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import keras
import librosa
import numpy as np

from benchmarks.epoch_plain_network import plain_network
from open_seq2seq.data.batch import Batch
from open_seq2seq.optimizers import make_optimizer


def plain_features(data: Any, row: int, voice: int, factor: float, rng: Any) -> np.ndarray:
    """The features `[time, feature]` of a recording by librosa, with the config's settings."""
    utterance, options = data.utterances[row], data.extractor.options
    paths, rate = data._corpus.paths(row), options.sample_freq
    samples, _ = librosa.load(
        paths[voice % len(paths)],
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
    rows = zip(planned.rows, planned.voices, planned.speed_factors)
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
        float(data._planner.samples[planned.rows, planned.voices].sum())
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
