"""An imported model against what NeMo gave for recordings, in each era of the front-end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from open_seq2seq.data.audio import read_audio
from open_seq2seq.experiment import Experiment
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.inference.recognizer import Recognizer, log_softmax
from open_seq2seq.interop.nemo.era import ERAS, Era
from open_seq2seq.interop.nemo.refusal import refusal
from open_seq2seq.metrics.error_rate import ErrorRate, count_errors

_REFERENCES = (".npy", ".npz", ".txt")
_EXPECTED = (
    "NAME.npy or NAME.npz (log_probs [time, class]) or NAME.txt (a transcript) beside NAME.wav"
)


@dataclass(frozen=True)
class Reference:
    """What is known of a recording.

    Args:
      audio: its file.
      log_probs: `[time, class]` of NeMo, blank last; or None.
      text: its transcript; or None.
    """

    audio: Path
    log_probs: np.ndarray | None = None
    text: str | None = None


@dataclass(frozen=True)
class EraScore:
    """How an era fits.

    Args:
      era: the era.
      difference: the largest of a log-probability; None without references.
      frames, changed: of the references, and those whose best class is another one.
      other_lengths: recordings with another number of frames.
      words: errors of the transcripts.
    """

    era: Era
    difference: float | None
    frames: int
    changed: int
    other_lengths: int
    words: ErrorRate

    @property
    def order(self) -> tuple[int, float, float]:
        """What is smaller fits better."""
        return self.other_lengths, self.difference or 0.0, self.words.rate

    def line(self) -> str:
        """The score in a line."""
        parts = []
        if self.difference is not None:
            parts.append(
                f"log-probabilities within {self.difference:.2g}, another best class in "
                f"{self.changed} of {self.frames} frames"
            )
        if self.other_lengths:
            parts.append(f"{self.other_lengths} recordings with another number of frames")
        if self.words.total:
            parts.append(f"WER {100 * self.words.rate:.2f} % of {self.words.total} words")
        return f"front-end of NeMo {self.era.name}: {'; '.join(parts)}"


def find_reference(audio: Path) -> Reference:
    """The reference that lies beside a recording.

    Raises:
      InputError: there is none, or it can't be read.
    """
    found = [audio.with_suffix(one) for one in _REFERENCES if audio.with_suffix(one).is_file()]
    if not found:
        raise refusal(str(audio), "no reference beside it", _EXPECTED)
    path = found[0]
    try:
        if path.suffix == ".txt":
            return Reference(audio, text=" ".join(path.read_text(encoding="utf-8").split()))
        loaded = np.load(path, allow_pickle=False)
        if path.suffix == ".npz":
            keys = ("log_probs", f"{audio.stem}/log_probs")
            loaded = next(loaded[key] for key in keys if key in loaded)
        values = np.asarray(loaded, np.float32)
    except (OSError, ValueError, EOFError, StopIteration) as error:
        raise refusal(str(path), f"{type(error).__name__}: {error}", _EXPECTED) from error
    if values.ndim != 2:
        raise refusal(str(path), f"an array of shape {list(values.shape)}", _EXPECTED)
    return Reference(audio, log_probs=values)


def compare(
    experiment: Experiment, references: Sequence[Reference], filters_file: Path
) -> list[EraScore]:
    """How each era fits the references, the best first.

    Args:
      experiment: the imported model.
      references: of recordings.
      filters_file: where its window and filters are now.

    Raises:
      InputError: a recording can't be read.
    """
    recognizer = Recognizer.of(experiment)
    options = experiment.speech_data.extractor.options
    samples = [read_audio(one.audio, recognizer.sample_freq) for one in references]
    scores = []
    for era in ERAS:
        changed = replace(
            options, edges=era.edges, frame_count=era.frame_count, filters_file=str(filters_file)
        )
        scores.append(_score(era, FeatureExtractor(changed), recognizer, samples, references))
    return sorted(scores, key=lambda score: score.order)


def _score(
    era: Era,
    extract: Callable[[np.ndarray], np.ndarray],
    recognizer: Recognizer,
    samples: Sequence[np.ndarray],
    references: Sequence[Reference],
) -> EraScore:
    logits = recognizer.transcriber.logits([extract(one) for one in samples])
    results = recognizer.transcriber.decoded(logits)
    differences, frames, changed, other = [], 0, 0, 0
    words = ErrorRate()
    for one, values, result in zip(references, logits, results):
        if one.text is not None:
            words += count_errors([one.text], [result.text]).words
        if one.log_probs is None:
            continue
        found = log_softmax(values)
        other += len(found) != len(one.log_probs)
        count = min(len(found), len(one.log_probs))
        expected = one.log_probs[:count]
        if expected.shape[1] != found.shape[1]:
            says = f"{found.shape[1]}, as the model has"
            raise refusal(str(one.audio), f"a reference of {expected.shape[1]} classes", says)
        differences.append(float(np.abs(found[:count] - expected).max()) if count else 0.0)
        changed += int((found[:count].argmax(1) != expected.argmax(1)).sum())
        frames += count
    return EraScore(era, max(differences, default=None), frames, changed, other, words)
