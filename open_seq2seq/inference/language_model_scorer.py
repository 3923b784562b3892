"""A trained language model from Python: the log probability of sentences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from open_seq2seq.config.loading import load_config
from open_seq2seq.config.overrides import split_arguments
from open_seq2seq.data.text_line import TextLine
from open_seq2seq.data.word_vocabulary import WordVocabulary
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.experiment import (
    Experiment,
    effective_params,
    make_data_layer,
    make_experiment,
)
from open_seq2seq.inference.forward import EvaluationStep
from open_seq2seq.inference.weights import load_trained_weights


class LanguageModelScorer:
    """Scores sentences with a trained neural language model.

    Args:
      experiment: a language model with its weights.
    """

    def __init__(self, experiment: Experiment):
        self._experiment = experiment
        self._step = EvaluationStep(experiment.model)

    @classmethod
    def load(
        cls,
        config_file: str | Path,
        overrides: Sequence[str] = (),
        checkpoint: str | Path | None = None,
    ) -> LanguageModelScorer:
        """Loads a config and its newest (or best) checkpoint.

        Args:
          config_file: the config module that the model was trained with.
          overrides: as on the command line, `["--logdir=runs/lm"]`.
          checkpoint: a checkpoint's folder, instead of the log directory's.

        Raises:
          InputError: the config, the overrides or the checkpoint cannot be used.
        """
        config = load_config(config_file)
        if getattr(config.base_model, "task", None) != "text":
            expected = "the config of a language model"
            problem = Problem(str(config_file), f"base_model {config.base_model}", expected)
            raise InputError("The neural language model cannot be loaded:", [problem])
        params = effective_params(config, split_arguments(overrides), "infer")
        experiment = make_experiment(params, config.base_model, "infer", utterances=[])
        load_trained_weights(experiment, checkpoint)
        return cls(experiment)

    def unknown_words(self, texts: Sequence[str]) -> tuple[list[str], int]:
        """The different words that the model does not know, which count as <UNK>.

        Returns:
          They, in their order; and how many different words there are. With SentencePiece none
          is unknown.
        """
        vocabulary = self._experiment.data.vocabulary
        if not isinstance(vocabulary, WordVocabulary):
            return [], 0
        lines = [TextLine(text) for text in dict.fromkeys(texts)]
        if not lines:
            return [], 0
        data = make_data_layer(self._experiment.params, "infer", lines)
        words = dict.fromkeys(word for line in data.utterances for word in line.transcript.split())
        known = set(vocabulary.symbols)
        return [word for word in words if word not in known], len(words)

    def log_probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """The natural log of each sentence's probability, with the end after its last word.

        The same text is computed once, and texts of like length together.

        Args:
          texts: words with spaces between; normalised as the training text was.

        Returns:
          [text] float64.
        """
        distinct = list(dict.fromkeys(texts))
        if not distinct:
            return np.zeros(0)
        lines = [TextLine(text) for text in distinct]
        data = make_data_layer(self._experiment.params, "infer", lines)
        scores = np.zeros(len(distinct))
        for batch in data.batches():
            scores[batch.indices] = -self._step.losses(batch)
        rows = {text: row for row, text in enumerate(distinct)}
        return scores[[rows[text] for text in texts]]
