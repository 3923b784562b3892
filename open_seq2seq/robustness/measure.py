"""Error rates of a trained model under conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from open_seq2seq.data.batch import LeftOut
from open_seq2seq.experiment import Experiment
from open_seq2seq.inference.evaluation import evaluate
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.metrics.error_rate import ErrorCounts
from open_seq2seq.robustness.conditions import CLEAN, Condition


@dataclass(frozen=True)
class Result:
    """What a model makes of a data set under one condition.

    Args:
      condition: which.
      errors: word and character error counts of the whole set.
      clean: those of the recordings as they are.
      label: what the rate of `errors.words` is called: "WER", or "PER" where texts are phonemes.
      changed: the share of the recordings that the condition changed, in [0, 1]: there may be
        no place for a pause in a single word.
    """

    condition: Condition
    errors: ErrorCounts
    clean: ErrorCounts
    changed: float
    label: str = "WER"

    @property
    def wer(self) -> float:
        """In percent."""
        return 100 * self.errors.words.rate

    @property
    def cer(self) -> float:
        """In percent."""
        return 100 * self.errors.characters.rate

    @property
    def increase(self) -> float:
        """How much the WER is above that of the clean recordings, in points."""
        return self.wer - 100 * self.clean.words.rate


def measure(
    experiment: Experiment,
    conditions: Sequence[Condition],
    seed: int,
    left_out: Callable[[Sequence[LeftOut]], None] | None = None,
) -> Iterator[Result]:
    """Evaluates a model on its data under each condition, one after the other.

    The model, its front-end, batches and decoder are those of mode eval; only the samples are
    changed, before anything else is done with them.

    Args:
      experiment: a trained model and the data layer of mode eval.
      conditions: beside the clean recordings, which always come first.
      seed: of everything random in the conditions.
      left_out: is told, once, of recordings that cannot be read; what it raises ends the
        measurement. Without them goes every condition.

    Yields:
      A result as soon as it is there, the first of `CLEAN`.

    Raises:
      InputError: no recording can be read.
    """
    data, recognizer = experiment.speech_data, Recognizer.of(experiment)
    sample_freq = experiment.params["data_layer_params"]["sample_freq"]
    clean = None
    for condition in (CLEAN, *conditions):
        changes: dict[str, bool] = {}

        def change(
            samples: np.ndarray,
            name: str,
            condition: Condition = condition,
            changes: dict[str, bool] = changes,
        ) -> np.ndarray:
            changed = condition(samples, sample_freq, seed, name)
            changes[name] = changed is not samples
            return changed

        data.recordings.change = change
        try:
            found = evaluate(
                recognizer,
                data,
                left_out=left_out if clean is None else None,
            )
        finally:
            data.recordings.change = None
        assert found is not None  # this is the only worker
        clean = clean or found.errors
        share = sum(changes.values()) / max(len(changes), 1)
        yield Result(condition, found.errors, clean, share, found.label)
