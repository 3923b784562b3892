"""Interactive inference: load a trained model once, transcribe whenever you like.

recognizer = Recognizer.load("example_configs/speech2text/digits_jasper_mini.py")
for result in recognizer.transcribe(["seven.flac", samples]):
    print(result.text, result.words)
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np

from open_seq2seq.checkpoints.logdir import LogDir, checkpoint_to_use
from open_seq2seq.checkpoints.storage import read_contract, read_training_data
from open_seq2seq.checkpoints.variables import restore, restore_averaged_weights
from open_seq2seq.config.loading import load_config
from open_seq2seq.config.overrides import split_arguments
from open_seq2seq.data.audio import audio_info, mono_blocks, resampled_blocks
from open_seq2seq.decoders import DecodeResult
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.experiment import (
    Experiment,
    check_contract,
    effective_params,
    make_experiment,
    prepare_decoding,
)
from open_seq2seq.inference.evaluation import long_recordings
from open_seq2seq.inference.forward import EvaluationStep
from open_seq2seq.inference.transcriber import Transcription

Audio = str | Path | np.ndarray

_log = logging.getLogger(__name__)


class Recognizer:
    """A trained model that is ready to transcribe.

    Args:
      experiment: a model with trained weights and its data layer.
    """

    def __init__(self, experiment: Experiment):
        self._experiment = experiment
        self.sample_freq: int = experiment.params["data_layer_params"]["sample_freq"]
        self.batch_size: int = experiment.data.batch_size
        step = EvaluationStep(experiment.model)
        self._recordings = long_recordings(experiment, step, _padded)

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

    @overload
    def transcribe(
        self,
        audio: Sequence[Audio],
        sample_freq: int | None = None,
        on_error: Literal["raise"] = "raise",
    ) -> list[DecodeResult]: ...
    @overload
    def transcribe(
        self, audio: Sequence[Audio], sample_freq: int | None, on_error: Literal["skip"]
    ) -> list[DecodeResult | None]: ...
    @overload
    def transcribe(
        self, audio: Sequence[Audio], *, on_error: Literal["skip"]
    ) -> list[DecodeResult | None]: ...
    def transcribe(
        self, audio: Sequence[Audio], sample_freq: int | None = None, on_error: str = "raise"
    ) -> Any:
        """The transcript of each recording, in order.

        Args:
          audio: paths of audio files, or 1-D arrays of samples: floats in [-1, 1], or
            16-bit integers.
          sample_freq: the sample rate of the arrays in Hz; None: the model's own.
          on_error: what becomes of recordings that cannot be read. "raise": the others are
            transcribed, then a `RecordingsLeftOut` with their results is raised; "skip": the
            list has None in their place, and a line of each is logged.

        Raises:
          RecordingsLeftOut: recordings cannot be read; an InputError.
          InputError: `audio` holds something that is no recording.
        """
        return [one.result for one in self._all(audio, sample_freq, on_error)]

    def logits(
        self, audio: Sequence[Audio], sample_freq: int | None = None, on_error: str = "raise"
    ) -> list[Any]:
        """The logits `[time, class]` of each recording, in order; all else as `transcribe`."""
        return [one.logits for one in self._all(audio, sample_freq, on_error, logits=True)]

    def stream(
        self, audio: Sequence[Audio], sample_freq: int | None = None, logits: bool = False
    ) -> Iterator[Transcription]:
        """What comes of each recording, in order, as soon as it is known.

        Args:
          audio, sample_freq: as for `transcribe`.
          logits: return the logits, and no transcript.

        Raises:
          InputError: `audio` holds something that is no recording. What is wrong with a recording
            is in its `Transcription`.
        """
        given = _recordings(audio)

        def load(index: int) -> np.ndarray:
            one = given[index]
            try:
                path = str(one) if isinstance(one, Path) else one
                return self._experiment.data.features(path, sample_freq)
            except InputError as error:
                if not isinstance(one, np.ndarray):
                    raise
                problem = replace(error.problems[0], where=f"audio[{index}]")
                raise InputError(error.summary, [problem]) from None

        seconds = [self._seconds(one, sample_freq) for one in given]
        note = self._recordings.note(seconds)
        if note:
            _log.info(note)

        def blocks(index: int) -> Iterator[np.ndarray]:
            return self._blocks(given[index], sample_freq)

        everything = range(len(given))
        return self._recordings.among(everything, seconds, load, blocks, logits, not logits)

    def _seconds(self, audio: Audio, sample_freq: int | None) -> float:
        """The length of a recording; 0 of one that cannot be used, which is said when it is."""
        if not isinstance(audio, np.ndarray):
            try:
                return audio_info(audio).duration
            except InputError:
                return 0.0
        usable = audio.ndim == 1 and (
            audio.dtype == np.int16 or np.issubdtype(audio.dtype, np.floating)
        )
        return len(audio) / (sample_freq or self.sample_freq) if usable else 0.0

    def _blocks(self, audio: Audio, sample_freq: int | None) -> Iterator[np.ndarray]:
        """A recording's samples at the model's rate."""
        if not isinstance(audio, np.ndarray):
            return mono_blocks(audio, self.sample_freq)
        rate = sample_freq or self.sample_freq
        scale = np.float32(1 / 32768 if audio.dtype == np.int16 else 1)
        parts = (audio[first : first + rate] for first in range(0, len(audio), rate))
        floats = (part.astype(np.float32) * scale for part in parts)
        return resampled_blocks(floats, rate, self.sample_freq)

    def _all(
        self, audio: Sequence[Audio], sample_freq: int | None, on_error: str, logits: bool = False
    ) -> list[Any]:
        if on_error not in ("raise", "skip"):
            raise ValueError(f'on_error is "raise" or "skip". Received: on_error={on_error!r}')
        done = list(self.stream(audio, sample_freq, logits))
        problems = [problem for one in done if one.error for problem in one.error.problems]
        if problems and on_error == "raise":
            raise RecordingsLeftOut(
                problems, [one.logits if logits else one.result for one in done]
            )
        for problem in problems:
            _log.warning("Left out: %s", problem)
        return done


class RecordingsLeftOut(InputError):
    """Recordings could not be read; the others have been transcribed.

    Args:
      problems: one for each that could not.
      results: of all, in order; None where there is none.
    """

    def __init__(self, problems: Sequence[Problem], results: list[Any]):
        count = f"{len(problems)} of {len(results)} recordings"
        super().__init__(
            f"{count} could not be read. The results of the others are in this error's `results`; "
            'on_error="skip" returns them.',
            problems,
        )
        self.results = results


def _recordings(audio: Sequence[Audio]) -> Sequence[Audio]:
    """A list of recordings, of which a single one may stand for itself."""
    if isinstance(audio, (str, Path, np.ndarray)):
        return [audio]
    problems = [
        Problem(f"audio[{index}]", type(one).__name__, "a path or a 1-D NumPy array of samples")
        for index, one in enumerate(audio)
        if not isinstance(one, (str, Path, np.ndarray))
    ]
    if problems:
        raise InputError("Not a recording:", problems)
    return audio


def _padded(frames: int) -> int:
    """To a multiple of 64 frames: few shapes, few kernels."""
    return -(-frames // 64) * 64


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
    contract = read_contract(checkpoint)
    experiment.data.restore_statistics(contract["features"])
    check_contract(contract, experiment, checkpoint)
    restore(checkpoint, experiment.model)
    experiment.trained_on = read_training_data(checkpoint)
    if not experiment.params["use_ema"]:
        return False
    return restore_averaged_weights(checkpoint, experiment.model)
