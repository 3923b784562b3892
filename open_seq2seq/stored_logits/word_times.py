"""Word times from stored logits: greedy times, moved by what calibration found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from open_seq2seq.decode_result import Word
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import write_csv, write_whole
from open_seq2seq.stored_logits.search import decode_greedily
from open_seq2seq.stored_logits.utterances import StoredUtterance
from open_seq2seq.vocabulary import SymbolTexts


@dataclass(frozen=True)
class Shifts:
    """Seconds that are added to greedy times.

    CTC puts a symbol anywhere in its sound: a network's own habit, which is the same for all
    recordings and can be measured.
    """

    start: float = 0.0
    end: float = 0.0


def word_times(
    utterances: Sequence[StoredUtterance], vocabulary: SymbolTexts, step_size: float, shifts: Shifts
) -> list[tuple[Word, ...]]:
    """The words of each utterance, by greedy decoding.

    A word starts at the frame of its first symbol + `shifts.start`, but not before the one in
    front of it has ended nor before the recording starts, and ends at the frame of its last
    symbol + `shifts.end`, not before it starts.
    """
    results = decode_greedily(utterances, vocabulary, step_size)
    return [_shifted(result.words, shifts) for result in results]


def _shifted(words: Sequence[Word], shifts: Shifts) -> tuple[Word, ...]:
    moved: list[Word] = []
    for word in words:
        before = moved[-1].end if moved else 0.0
        start = max(word.start + shifts.start, before)
        end = max(word.end + shifts.end, start)
        moved.append(Word(word.text, start, end, word.confidence))
    return tuple(moved)


def write_word_times(
    path: str, utterances: Sequence[StoredUtterance], words: Sequence[Sequence[Word]]
) -> None:
    """A CSV with the columns wav_filename, transcript, start_time, end_time.

    Times are seconds, `%.5f`, separated by spaces; there are as many as words.
    """
    rows = [
        {
            "wav_filename": utterance.name,
            "transcript": " ".join(word.text for word in of_one),
            "start_time": " ".join(f"{word.start:.5f}" for word in of_one),
            "end_time": " ".join(f"{word.end:.5f}" for word in of_one),
        }
        for utterance, of_one in zip(utterances, words)
    ]
    write_csv(path, rows)


def read_shifts(path: str) -> Shifts:
    """The shifts in a calibration file: two numbers, start and end, in seconds.

    Raises:
      InputError: the file cannot be read or holds something else.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        found = error.strerror or str(error)
        problem = Problem(path, found, "a file that scripts/calibrate_model.py wrote")
        raise InputError("The calibration file cannot be read:", [problem]) from None
    try:
        start, end = map(float, text.split())
        if not (math.isfinite(start) and math.isfinite(end)):
            raise ValueError(text)
    except ValueError:
        problem = Problem(path, repr(text[:60]), "two numbers: shift of starts, shift of ends")
        raise InputError("The calibration file cannot be used:", [problem]) from None
    return Shifts(start, end)


def write_shifts(path: str, shifts: Shifts) -> None:
    """Writes a calibration file."""
    write_whole(path, f"{shifts.start:.5f} {shifts.end:.5f}\n")


def choose_shifts(
    start: float | None, end: float | None, calibration_file: str | None
) -> tuple[Shifts, list[str]]:
    """The shifts to use, and what a user should know of them.

    What is given as a number counts first, then the calibration file, then 0.
    """
    stored = read_shifts(calibration_file) if calibration_file else None
    default = stored or Shifts()
    chosen = Shifts(default.start if start is None else start, default.end if end is None else end)
    if stored is not None:
        return chosen, []
    unknown = [name for name, value in (("start", start), ("end", end)) if value is None]
    notes = [
        f"WARNING: {' and '.join(unknown)} times are not calibrated: no --calibration_file and no "
        f"{' or '.join(f'--{name}_shift' for name in unknown)}."
    ]
    return chosen, notes if unknown else []
