"""Running a trained model over a data set: logits, transcripts, loss, WER and CER."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import cast

import numpy as np

from open_seq2seq.data.batch import LeftOut
from open_seq2seq.data.protocols import SpeechDataLayer, SpeechRecordings
from open_seq2seq.data.speakers import speaker_of
from open_seq2seq.decoders import DecodeResult
from open_seq2seq.distributed.process_group import ALONE, ProcessGroup
from open_seq2seq.errors import InputError
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.inference.transcriber import Transcription
from open_seq2seq.inference.units import Units, units_of
from open_seq2seq.metrics.error_rate import ErrorCounts, count_errors
from open_seq2seq.metrics.report import EvaluatedUtterance
from open_seq2seq.progress import ProgressFactory, unshown

_log = logging.getLogger(__name__)


# Recordings of each worker between two exchanges of results.
_GATHERED = 64


@dataclass
class Evaluation:
    """The result of evaluating a data set.

    Args:
      loss: mean over the utterances whose loss is finite; None: losses were not wanted.
      infinite_losses: how many are not (too few frames for their labels).
      errors: word and character error counts.
      utterances: in the order of the data set.
      seconds: wall time.
      audio_seconds: length of the recordings.
      left_out: those that could not be read; nothing above is of them.
      label: what the rate of the errors in `errors.words` is called: "WER", or "PER" where texts
        are phonemes.
    """

    loss: float | None
    infinite_losses: int
    errors: ErrorCounts
    utterances: list[EvaluatedUtterance] = field(repr=False)
    seconds: float = 0.0
    audio_seconds: float = 0.0
    left_out: list[LeftOut] = field(default_factory=list, repr=False)
    label: str = "WER"

    @property
    def rates(self) -> dict[str, float]:
        """What is recorded of it at each evaluation during training."""
        return {"wer": self.errors.words.rate, "cer": self.errors.characters.rate}

    @property
    def other_figures(self) -> dict[str, float]:
        """What loggers show besides: recognised characters for each one that was said.

        It is near 0 while a network says blanks only, and 1 when it is trained.
        """
        said = sum(len(one.reference) for one in self.utterances)
        recognised = sum(len(one.hypothesis) for one in self.utterances)
        return {"length_ratio": recognised / said} if said else {}

    def short(self) -> str:
        """The result in a word and a number."""
        return f"{self.label} {self.errors.words.rate:.1%}"

    def line(self) -> str:
        """The result in few words."""
        words, characters = self.errors.words, self.errors.characters
        loss = "" if self.loss is None else f"eval loss {self.loss:.4f}, "
        if self.label == "PER":
            return f"{loss}PER {words.rate:.2%}"
        return f"{loss}WER {words.rate:.2%}, CER {characters.rate:.2%}"

    def text(self) -> str:
        """The result at length; all lines but the first are indented."""
        words, characters = self.errors.words, self.errors.characters
        lines = [
            f"Validation WER:  {words.rate:.4f}",
            f"WER {words.rate:.2%} ({words.errors} errors in {words.total} words)",
            f"CER {characters.rate:.2%} ({characters.errors} in {characters.total} characters)",
        ]
        if self.label == "PER":
            lines = [
                f"Validation PER:  {words.rate:.4f}",
                f"PER {words.rate:.2%} ({words.errors} errors in {words.total} phonemes)",
            ]
        if self.loss is not None:
            lines.append(f"loss {self.loss:.4f} over {len(self.utterances)} utterances")
        if self.infinite_losses:
            lines.append(f"{self.infinite_losses} losses were not finite and are not in the mean")
        if self.left_out:
            lines.append(
                f"{len(self.left_out)} of the recordings could not be read: they are left out"
            )
        speed = self.audio_seconds / max(self.seconds, 1e-9)
        took = f"{self.audio_seconds:.0f} s of audio in {self.seconds:.1f} s ({speed:.0f}x)"
        return "\n    ".join([*lines, took])

    def summary(self) -> dict[str, float | None]:
        """The numbers, for JSON."""
        words, characters = self.errors.words, self.errors.characters
        return {
            **({"per": words.rate} if self.label == "PER" else {}),
            "wer": words.rate,
            "word_errors": words.errors,
            "words": words.total,
            "cer": characters.rate,
            "character_errors": characters.errors,
            "characters": characters.total,
            **({} if self.loss is None else self._losses()),
            "utterances": len(self.utterances),
            **({"left_out": len(self.left_out)} if self.left_out else {}),
            "audio_seconds": self.audio_seconds,
            "seconds": self.seconds,
        }

    def _losses(self) -> dict[str, float | None]:
        return {"loss": self.loss, "infinite_losses": self.infinite_losses}


@dataclass
class _Part:
    """What one rank found.

    Args:
      results, losses: of its utterances, by their row in the data.
      left_out: its utterances that could not be read.
    """

    results: dict[int, DecodeResult] = field(default_factory=dict)
    losses: dict[int, float] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)


def evaluate(
    recognizer: Recognizer,
    data: SpeechRecordings,
    progress: ProgressFactory = unshown,
    group: ProcessGroup = ALONE,
    left_out: Callable[[Sequence[LeftOut]], None] | None = None,
    losses: bool = True,
) -> Evaluation | None:
    """Loss and error rates over all of `data`; neither batches nor ranks change them.

    Recordings that cannot be read are left out, and are in the result's `left_out`.

    Args:
      recognizer: the model and its decoder.
      data: recordings with transcripts, a data layer where losses are wanted; every rank's has all
        of them.
      progress: shows how far it is.
      group: the ranks that evaluate together, each its share of the recordings.
      left_out: is told, at every rank, of all ranks' recordings that cannot be read; what it
        raises ends the evaluation.
      losses: whether they are wanted; an exported network has none.

    Returns:
      The result at the first rank, None at the others, which need not wait for it.

    Raises:
      InputError: no recording could be read; or texts are words and the references phonemes.
    """
    started = time.monotonic()
    units = units_of(recognizer, data)
    # By length, so that little is computed for padding, and all ranks have as much to do.
    rows = np.argsort(data.seconds, kind="stable").tolist()
    own = rows[group.rank :: group.size]
    part = _Part()
    labels = _labels_of(cast(SpeechDataLayer, data)) if losses else None
    load = data.utterance_loader()
    with progress("evaluating", len(own)) as shown:
        for one in recognizer.transcriber.transcribe(load, own, labels=labels):
            if one.error is not None:
                part.left_out += [LeftOut(one.index, problem) for problem in one.error.problems]
            else:
                assert one.result is not None
                part.results[one.index] = one.result
                if one.loss is not None:
                    part.losses[one.index] = one.loss
            shown.advance("")
    parts = group.gather(part)
    missing = sorted((one for of_one in parts for one in of_one.left_out), key=lambda one: one.row)
    if missing and left_out is not None:
        left_out(missing)
    if not any(of_one.results for of_one in parts):
        problems = [one.problem for one in missing]
        raise group.stop(InputError("No recording could be read:", problems))
    if not group.is_rank_zero:
        return None
    results = {row: result for one in parts for row, result in one.results.items()}
    by_row = {row: loss for one in parts for row, loss in one.losses.items()}
    return _evaluation(data, results, by_row, missing, time.monotonic() - started, units)


def _labels_of(data: SpeechDataLayer) -> Callable[[int], np.ndarray]:
    vocabulary, utterances = data.vocabulary, data.utterances
    return lambda row: vocabulary.encode(utterances[row].transcript or "")


def _evaluation(
    data: SpeechRecordings,
    results: Mapping[int, DecodeResult],
    losses_by_row: Mapping[int, float],
    missing: list[LeftOut],
    seconds: float,
    units: Units,
) -> Evaluation:
    """The figures of all ranks' results, each of a row of the data."""
    losses = np.array([losses_by_row[row] for row in sorted(losses_by_row)])
    durations = data.durations()
    utterances = [
        EvaluatedUtterance(
            name=utterance.name + utterance.segment,
            reference=units.reference(utterance),
            hypothesis=results[index].text,
            duration=durations[index],
            confidence=confidence(results[index]),
            speaker=speaker_of(utterance),
            path=utterance.path,
            offset=utterance.offset,
            unit="phoneme" if units.label == "PER" else "word",
        )
        for index, utterance in enumerate(data.utterances)
        if index in results
    ]
    errors = count_errors([u.reference for u in utterances], [u.hypothesis for u in utterances])
    finite = np.isfinite(losses)
    loss = None
    if len(losses):
        loss = float(losses[finite].mean()) if finite.any() else float("inf")
    # Rounded once, so that it does not depend on the ranks.
    audio_seconds = math.fsum(durations[row] or 0.0 for row in results)
    infinite = int((~finite).sum())
    return Evaluation(
        loss, infinite, errors, utterances, seconds, audio_seconds, missing, units.label
    )


def run_inference(
    recognizer: Recognizer,
    data: SpeechRecordings,
    keep_logits: bool = False,
    decodes: bool = True,
    group: ProcessGroup = ALONE,
    progress: ProgressFactory = unshown,
) -> Iterator[Transcription]:
    """What comes of each recording of a data layer, in its order, as soon as it is known.

    Args:
      recognizer: the model and its decoder.
      data: the recordings; every rank's has all of them.
      keep_logits: whether to return the logits too.
      decodes: whether to decode them.
      group: the ranks that transcribe together, each its share; all get all results, and all
        have to take them.
      progress: shows how far it is.
    """
    rows = range(len(data.utterances))
    note = recognizer.recordings.note(data.seconds)
    if note:
        _log.info(note)
    own = recognizer.recordings.among(
        rows[group.rank :: group.size],
        data.seconds,
        data.utterance_loader(),
        data.blocks,
        keep_logits,
        decodes,
    )
    with progress("transcribing", len(rows)) as shown:
        if group.size == 1:
            for one in own:
                shown.advance("")
                yield one
            return
        for start in range(0, len(rows), _GATHERED * group.size):
            # As many for each, or one more; the row says where it belongs.
            told = group.gather(list(islice(own, _GATHERED)))
            some = {one.index: one for of_one in told for one in of_one}
            for row in rows[start : start + _GATHERED * group.size]:
                shown.advance("")
                yield some[row]


def confidence(result: DecodeResult) -> float | None:
    """The mean confidence of an utterance's words, None when there are none."""
    if not result.words:
        return None
    return float(np.mean([word.confidence for word in result.words]))
