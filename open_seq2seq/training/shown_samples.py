"""Recordings of the evaluation data as they are seen and heard beside a training's curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from open_seq2seq.decoders.forced_alignment import align_labels
from open_seq2seq.metrics.alignment_plot import draw_alignment
from open_seq2seq.metrics.analysis import score
from open_seq2seq.metrics.sound import SECONDS_SHOWN
from open_seq2seq.metrics.sound_plot import Sample, draw_samples
from open_seq2seq.training.loggers import Logger
from open_seq2seq.training.sounds import heard
from open_seq2seq.training.tasks import AnyEvaluation, Evaluator, SpeechEvaluator

# The same ones at each evaluation, so that they can be compared.
COUNT = 3


def show_samples(
    loggers: Sequence[Logger], step: int, evaluator: Evaluator, result: AnyEvaluation
) -> None:
    """The first recordings of the evaluation data: what was said, recognised, and where.

    Each has as text its name, target and prediction; its spectrogram with the words of both at
    their times; the posteriors of its labels with the target's forced alignment; its sound. Of
    longer ones the first 20 s are shown. A language model has none.
    """
    if not isinstance(evaluator, SpeechEvaluator):
        return
    recognizer, vocabulary = evaluator.recognizer, evaluator.data.vocabulary
    # Only the first rank evaluates all recordings, and has the result.
    for number, one in enumerate(score(result.utterances[:COUNT]), 1):  # type: ignore[union-attr]
        found = heard(recognizer, one, vocabulary)
        if found is None:  # its file went away meanwhile
            continue
        said, name = one.utterance, f"sample_{number}"
        text = (
            f"    {said.name}\n    target:     {said.reference}\n    prediction: {said.hypothesis}"
        )
        spectrum = draw_samples([Sample(one, found.sound)], f"step {step}", 1)
        frames = max(round(SECONDS_SHOWN / recognizer.frame_shift), 1)
        path = align_labels(
            np.asarray(found.logits, np.float64), np.asarray(vocabulary.encode(said.reference))
        )
        posteriors = np.exp(found.logits - found.logits.max(axis=1, keepdims=True))
        posteriors /= posteriors.sum(axis=1, keepdims=True)
        alignment = draw_alignment(
            posteriors[:frames],
            None if path is None else path[:frames],
            vocabulary.symbols,
            recognizer.frame_shift,
            f"step {step}: {said.reference}",
        )
        heard_samples = found.sound.samples[: round(SECONDS_SHOWN * found.sound.sample_freq)]
        for logger in loggers:
            logger.text(step, f"{name}/text", text)
            logger.figure(step, f"{name}/spectrogram", spectrum)
            logger.figure(step, f"{name}/alignment", alignment)
            logger.audio(step, f"{name}/audio", heard_samples, found.sound.sample_freq)
