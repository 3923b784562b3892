"""Interactive inference: load a trained model once, transcribe whenever you like.

recognizer = Recognizer.load("example_configs/speech2text/digits_jasper_mini.py")
for result in recognizer.transcribe(["seven.flac", samples]):
    print(result.text, result.words)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from open_seq2seq.config.loading import load_config
from open_seq2seq.config.overrides import split_arguments
from open_seq2seq.data.batch import Batch
from open_seq2seq.decoders import DecodeResult
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.training.checkpoints.logdir import LogDir, checkpoint_to_use
from open_seq2seq.training.checkpoints.storage import read_state
from open_seq2seq.training.checkpoints.variables import restore, restore_averaged_weights
from open_seq2seq.training.experiment import (
    Experiment,
    check_contract,
    effective_params,
    make_experiment,
    prepare_decoding,
)
from open_seq2seq.training.step import EvaluationStep

Audio = str | Path | np.ndarray

# Recordings whose logits are padded to one array.
_DECODED_TOGETHER = 64


class Recognizer:
    """A trained model that is ready to transcribe.

    Args:
      experiment: a model with trained weights and its data layer.
    """

    def __init__(self, experiment: Experiment):
        self._experiment = experiment
        self._step = EvaluationStep(experiment.model)
        self.sample_freq: int = experiment.params["data_layer_params"]["sample_freq"]
        self.batch_size: int = experiment.data.batch_size

    @classmethod
    def load(
        cls,
        config_file: str | Path,
        overrides: Sequence[str] = (),
        checkpoint: str | Path | None = None,
        enable_logs: bool = False,
    ) -> Recognizer:
        """Loads a config and its newest (or best) checkpoint.

        Args:
          config_file: the Python config module it was trained with.
          overrides: as on the command line, `["--logdir=runs/digits"]`.
          checkpoint: a checkpoint's folder, instead of the log directory's.
          enable_logs: whether it was trained with `--enable_logs`.

        Raises:
          InputError: the config, the overrides or the checkpoint cannot be used.
        """
        config = load_config(config_file)
        params = effective_params(config, split_arguments(overrides), "interactive_infer")
        experiment = make_experiment(params, config.base_model, "infer", utterances=[])
        prepare_decoding(experiment, experiment.params)
        load_trained_weights(experiment, checkpoint, enable_logs)
        return cls(experiment)

    def transcribe(
        self, audio: Sequence[Audio], sample_freq: int | None = None
    ) -> list[DecodeResult]:
        """The transcript of each recording, in order.

        Args:
          audio: paths of audio files, or 1-D arrays of samples: floats in [-1, 1], or
            16-bit integers.
          sample_freq: the sample rate of the arrays in Hz; None: the model's own.

        Raises:
          InputError: a recording cannot be read, or is not of these kinds.
        """
        logits = self.logits(audio, sample_freq)
        results: list[DecodeResult] = []
        experiment = self._experiment
        decode = experiment.model.decoder.decode
        # Many at once: beam search has a thread for each.
        for start in range(0, len(logits), _DECODED_TOGETHER):
            some = logits[start : start + _DECODED_TOGETHER]
            lengths = np.array([len(one) for one in some])
            padded = np.zeros((len(some), lengths.max(), some[0].shape[1]), np.float32)
            for row, one in zip(padded, some):
                row[: len(one)] = one
            results += decode(padded, lengths, experiment.data.vocabulary, experiment.step_size)
        return results

    def logits(self, audio: Sequence[Audio], sample_freq: int | None = None) -> list[np.ndarray]:
        """The logits `[time, class]` of each recording, in order; arguments as above."""
        if isinstance(audio, (str, Path, np.ndarray)):
            audio = [audio]
        features = [self._features(one, sample_freq, i) for i, one in enumerate(audio)]
        # Recordings of similar length share a batch, so little is computed for padding.
        order = sorted(range(len(features)), key=lambda i: len(features[i]))
        result: list[np.ndarray] = [np.zeros((0, 0), np.float32)] * len(features)
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            logits, lengths = self._step.logits(_batch([features[i] for i in rows]))
            for row, index in enumerate(rows):
                result[index] = logits[row, : lengths[row]]
        return result

    def _features(self, audio: Audio, sample_freq: int | None, index: int) -> np.ndarray:
        if not isinstance(audio, (str, Path, np.ndarray)):
            found = f"{type(audio).__name__}"
            expected = "a path or a 1-D NumPy array of samples"
            raise InputError("Not a recording:", [Problem(f"audio[{index}]", found, expected)])
        one = str(audio) if isinstance(audio, Path) else audio
        return self._experiment.data.features(one, sample_freq)


def _batch(features: Sequence[np.ndarray]) -> Batch:
    """Features padded to the longest, to a multiple of 64 frames: few shapes, few kernels."""
    longest = max(len(one) for one in features)
    padded = np.zeros((len(features), -(-longest // 64) * 64, features[0].shape[1]), np.float32)
    for row, one in zip(padded, features):
        row[: len(one)] = one
    lengths = np.array([len(one) for one in features], np.int32)
    nothing = np.zeros((len(features), 0), np.int32)
    zeros = np.zeros(len(features), np.int32)
    return Batch(padded, lengths, nothing, zeros, np.arange(len(features)), 0.0)


def load_trained_weights(
    experiment: Experiment, checkpoint: str | Path | None, enable_logs: bool = False
) -> None:
    """Puts weights into the model: of a checkpoint, or the log directory's newest or best.

    Raises:
      InputError: there is none, or it does not fit.
    """
    if checkpoint is None:
        logdir = LogDir(Path(experiment.params["logdir"]), enable_logs)
        checkpoint = checkpoint_to_use(logdir, experiment.params["restore_best_checkpoint"])
    load_weights(experiment, Path(checkpoint))


def load_weights(experiment: Experiment, checkpoint: Path) -> bool:
    """Puts a checkpoint's weights into the model, if symbols and features agree with it.

    Returns: whether they are averaged weights: those of `use_ema`, where the checkpoint has any.
    """
    state = read_state(checkpoint)
    check_contract(state["contract"], experiment, checkpoint)
    restore(checkpoint, experiment.model)
    if not experiment.params["use_ema"]:
        return False
    return restore_averaged_weights(checkpoint, experiment.model)
