"""Models of this framework: a log directory takes features, an exported folder samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from open_seq2seq.checkpoints.logdir import LogDir
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.inference.exported import ExportedFolder
from open_seq2seq.inference.model_choice import choose_model
from open_seq2seq.scoring.model import Arrays, Port, VariableState

FEATURES, SAMPLES, LOG_PROBS, LOGITS = "features", "samples", "log_probs", "logits"


class TrainedModel:
    """See `ScoringModel`: a run's log directory. Its network takes the features that its own
    front-end would make.

    Args:
      folder: with `config_*.py`, which the run left there, and checkpoints.

    Raises:
      InputError: the config or the checkpoint cannot be used.
    """

    about, precision = "Keras", "f32"

    def __init__(self, folder: Path):
        from open_seq2seq.inference.trained import load_trained, parts_of_experiment

        config = max(folder.glob("config_*.py"), key=lambda path: path.stat().st_mtime)
        with_logs = not LogDir(folder).has_checkpoint()
        experiment = load_trained(config, [f"--logdir={folder}"], enable_logs=with_logs)
        self._network = parts_of_experiment(experiment)["network"]
        self.inputs: tuple[Port, ...] = (
            Port(FEATURES, int(experiment.speech_data.extractor.num_features)),
        )
        self.outputs: tuple[Port, ...] = (Port(LOG_PROBS, None), Port(LOGITS, None))
        self.notes = [f"The config is {config}."]

    def score(self, utterances: Sequence[Arrays], outputs: Sequence[str]) -> list[Arrays]:
        """See `ScoringModel`."""
        features = [np.asarray(one[FEATURES], np.float32) for one in utterances]
        logits, _ = self._network.compute(features)
        return [{LOGITS: one, LOG_PROBS: _log_softmax(one)} for one in logits]

    def accept(self, piece: Arrays, outputs: Sequence[str], last: bool = False) -> Arrays:
        """See `ScoringModel`."""
        raise _no_stream()

    def query_state(self) -> list[VariableState]:
        """See `ScoringModel`."""
        return []

    def reset_state(self) -> None:
        """See `ScoringModel`: nothing is kept."""


class FolderModel:
    """See `ScoringModel`: an exported folder, whose graphs have their front-end inside. Its input
    is samples, `[n]` or `[n, 1]`, in [-1, 1].

    Args:
      folder: with `recognizer.json`.
      runtime: that runs it; None: the first that is installed.
      threads: None: all cores.

    Raises:
      InputError: the folder cannot be used.
    """

    def __init__(self, folder: Path, runtime: str | None, threads: int | None):
        opened = ExportedFolder.open(folder)
        name = choose_model(opened.described, runtime, None)
        self._model = opened.load(name, threads)
        file = opened.described.files[name]
        self.about = f"{file.runtime} ({name})"
        self.precision = file.precision or ""
        self.inputs: tuple[Port, ...] = (Port(SAMPLES, 1),)
        self.outputs: tuple[Port, ...] = (Port(LOG_PROBS, len(opened.described.symbols) + 1),)
        rate = opened.described.sample_freq
        self.notes = [f"The model takes samples at {rate} Hz: a column of each utterance."]

    def score(self, utterances: Sequence[Arrays], outputs: Sequence[str]) -> list[Arrays]:
        """See `ScoringModel`."""
        return [
            {LOG_PROBS: self._model.log_probs(np.asarray(one[SAMPLES], np.float32).reshape(-1))}
            for one in utterances
        ]

    def accept(self, piece: Arrays, outputs: Sequence[str], last: bool = False) -> Arrays:
        """See `ScoringModel`."""
        raise _no_stream()

    def query_state(self) -> list[VariableState]:
        """See `ScoringModel`."""
        return []

    def reset_state(self) -> None:
        """See `ScoringModel`: nothing is kept."""


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    from open_seq2seq.inference.recognizer import log_softmax

    return log_softmax(logits)


def _no_stream() -> InputError:
    problem = Problem("--no_reset_state", "a speech recogniser", "a model of features with state",
                      "open-seq2seq listen takes its streams.")  # fmt: skip
    return InputError("The model takes whole utterances only:", [problem])
