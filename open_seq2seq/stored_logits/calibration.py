"""How far a network's greedy word times are from those of a forced alignment."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.decode_result import Word
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import JsonObject, parsed_json
from open_seq2seq.stored_logits.utterances import StoredUtterance
from open_seq2seq.stored_logits.word_times import Shifts

REMEDY = (
    "scripts/get_calibration_files.sh fetches recordings and alignments; of your own recordings "
    "Gentle makes them (docs/inference.md)."
)


@dataclass(frozen=True)
class AlignedWord:
    """A word of a forced alignment.

    Args:
      text: lower-cased; None where the aligner did not find the word in the recording.
      start, end: seconds.
    """

    text: str | None
    start: float = 0.0
    end: float = 0.0


@dataclass(frozen=True)
class Calibration:
    """What a comparison found.

    Args:
      shifts: mean of aligned time - greedy time, of starts and of ends.
      start_deviation, end_deviation: standard deviations of the same, in seconds.
      words: pairs of words that were compared.
      utterances: of how many utterances.
      left_out: recordings whose number of words differs, or that have no alignment.
    """

    shifts: Shifts
    start_deviation: float
    end_deviation: float
    words: int
    utterances: int
    left_out: list[str]


def read_alignments(path: str) -> dict[str, list[AlignedWord]]:
    """Forced alignments in the JSON of Gentle.

    OpenSeq2Seq's `calibration/target.json` is such a file.

    Args:
      path: a JSON file with an object from the recording's path to its alignment, or a folder
        with a JSON file for each recording, named as it is. An alignment is Gentle's object
        with `words`, or the list itself; each word has a `case` (`success`, or it was not
        found), `alignedWord`, `start` and `end`.

    Returns:
      The words by recording: path as written, or name of the JSON file without suffix.

    Raises:
      InputError: listing everything that is not of this kind.
    """
    problems: list[Problem] = []
    content: dict[str, Any] = {}
    if os.path.isdir(path):
        for file in sorted(Path(path).glob("*.json")):
            content[file.stem] = _read_json(file, problems)
    else:
        content = _read_json(Path(path), problems) or {}
        if not isinstance(content, dict):
            found = type(content).__name__
            problems.append(Problem(path, found, "an object from recording to alignment"))
            content = {}
    aligned = {
        name: _words(f"{path}: {name}", alignment, problems)
        for name, alignment in content.items()
        if alignment is not None
    }
    if not aligned and not problems:
        problems.append(Problem(path, "no alignments", "one at least"))
    if problems:
        raise InputError("The alignments cannot be used:", problems)
    return aligned


def aligned_names(names: Iterable[str], alignments: JsonObject) -> list[str]:
    """Those of the recordings that have an alignment."""
    by_stem = _by_stem(alignments)
    return [name for name in names if _of(name, alignments, by_stem) is not None]


def _by_stem(alignments: JsonObject) -> dict[str, str]:
    """From a file's name without folder and suffix to its key, where only one has this name."""
    keys: dict[str, list[str]] = {}
    for key in alignments:
        keys.setdefault(Path(key).stem, []).append(key)
    return {stem: several[0] for stem, several in keys.items() if len(several) == 1}


def _of(name: str, alignments: JsonObject, by_stem: Mapping[str, str]) -> Any:
    """The alignment of a recording: by its path, else by its name.

    So alignments hold where the recordings are in another folder or in another format than when
    they were aligned.
    """
    stem = Path(name).stem
    key = next((key for key in (name, stem) if key in alignments), by_stem.get(stem))
    return None if key is None else alignments[key]


def _read_json(path: Path, problems: list[Problem]) -> Any:
    try:
        return parsed_json(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        found = error.strerror or str(error)
        problems.append(Problem(str(path), found, "a JSON file", REMEDY))
    except ValueError as error:
        problems.append(Problem(str(path), str(error), "JSON"))
    return None


def _words(where: str, alignment: Any, problems: list[Problem]) -> list[AlignedWord]:
    listed = alignment.get("words") if isinstance(alignment, Mapping) else alignment
    if not isinstance(listed, list):
        found = type(listed).__name__ if listed is not None else "no `words`"
        problems.append(Problem(where, found, "a list of words"))
        return []
    words = []
    for index, word in enumerate(listed):
        try:
            if word["case"] != "success":
                words.append(AlignedWord(None))
                continue
            start, end = float(word["start"]), float(word["end"])
            if not (math.isfinite(start) and math.isfinite(end)):
                raise ValueError(word)
            words.append(AlignedWord(str(word["alignedWord"]).lower(), start, end))
        except (TypeError, KeyError, ValueError, OverflowError):
            expected = "an object with case, alignedWord, start and end"
            problems.append(Problem(f"{where}, word {index}", repr(word)[:80], expected))
    return words


def calibrate(
    utterances: Sequence[StoredUtterance],
    words: Sequence[Sequence[Word]],
    alignments: Mapping[str, Sequence[AlignedWord]],
) -> Calibration:
    """Compares greedy word times with aligned ones.

    Only utterances with as many words as their alignment count, and in them the words that
    are the same: so a word is never compared with another.

    Args:
      words: [utterance], greedy, without shifts.

    Raises:
      InputError: no word can be compared.
    """
    by_stem = _by_stem(alignments)
    starts: list[float] = []
    ends: list[float] = []
    left_out, used = [], 0
    for utterance, greedy in zip(utterances, words):
        path = utterance.name
        aligned = _of(path, alignments, by_stem)
        if aligned is None or len(aligned) != len(greedy):
            left_out.append(path)
            continue
        pairs = [(a, g) for a, g in zip(aligned, greedy) if a.text == g.text.lower()]
        used += bool(pairs)
        starts += [a.start - g.start for a, g in pairs]
        ends += [a.end - g.end for a, g in pairs]
    if not starts:
        found = f"no word that is the same in both, in {len(utterances)} utterances"
        remedy = "The names of the alignments have to be the recordings' paths or names."
        problem = Problem("alignments", found, "words to compare", remedy)
        raise InputError("Nothing to calibrate with:", [problem])
    shifts = Shifts(float(np.mean(starts)), float(np.mean(ends)))
    deviations = float(np.std(starts)), float(np.std(ends))
    return Calibration(shifts, *deviations, len(starts), used, left_out)
