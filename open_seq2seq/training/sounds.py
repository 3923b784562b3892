"""Recordings with their words at their times, as reports and pictures show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from open_seq2seq.data.audio import read_audio
from open_seq2seq.decoders.forced_alignment import align_words
from open_seq2seq.errors import InputError
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.metrics.analysis import EvaluatedUtterance, ScoredUtterance
from open_seq2seq.metrics.sound import Sound, TimedWord
from open_seq2seq.vocabulary import Vocabulary


def sounds_of(
    recognizer: Recognizer, scored: Sequence[ScoredUtterance], vocabulary: Vocabulary
) -> dict[str, Sound]:
    """Some utterances of an evaluation, each read and recognised once more.

    Words of the hypothesis are where the decoder puts them, those of the reference where the
    network finds them most probable, if they were said (forced alignment).

    Args:
      recognizer: the model that was evaluated.
      scored: the utterances.
      vocabulary: what their references are written with.

    Returns:
      By the utterances' names; without those whose audio is not at hand any more.
    """
    found = {one.utterance.name: heard(recognizer, one, vocabulary) for one in scored}
    return {name: one.sound for name, one in found.items() if one is not None}


@dataclass(frozen=True)
class Heard:
    """An utterance that was recognised once more.

    Args:
      sound: the recording and its words.
      logits: `[time', class]`, blank last.
    """

    sound: Sound
    logits: np.ndarray


def heard(recognizer: Recognizer, one: ScoredUtterance, vocabulary: Vocabulary) -> Heard | None:
    """One utterance, as `sounds_of` gives it; None where its audio is not at hand any more."""
    samples = _samples(one.utterance, recognizer.sample_freq)
    if samples is None:
        return None
    (logits,) = recognizer.logits([samples], recognizer.sample_freq)
    (result,) = recognizer.decoder.decode(logits[None], np.array([len(logits)]))
    said = align_words(logits, one.utterance.reference, vocabulary, recognizer.frame_shift)
    of_reference, of_hypothesis = [], []
    for reference, hypothesis in one.alignment.pairs:
        wrong = "" if reference == hypothesis else "substituted"
        if reference is not None:
            of_reference.append(wrong if hypothesis is not None else "deleted")
        if hypothesis is not None:
            of_hypothesis.append(wrong if reference is not None else "inserted")
    sound = Sound(
        samples,
        recognizer.sample_freq,
        _timed([(word.text, word.start) for word in said], of_reference),
        _timed([(word.text, word.start) for word in result.words if word.text], of_hypothesis),
    )
    return Heard(sound, logits)


def _timed(words: Sequence[tuple[str, float]], kinds: Sequence[str]) -> list[TimedWord]:
    """Words with their mistakes; without, should the two lists not belong together."""
    if len(words) != len(kinds):
        kinds = [""] * len(words)
    return [TimedWord(text, start, kind) for (text, start), kind in zip(words, kinds)]


def _samples(utterance: EvaluatedUtterance, sample_freq: int) -> np.ndarray | None:
    """Its samples, `[n]` float32; None where its file cannot be read any more."""
    if not utterance.path:
        return None
    whole = utterance.offset is None
    duration = None if whole else utterance.duration
    try:
        return read_audio(utterance.path, sample_freq, utterance.offset, duration)
    except InputError:
        return None
