"""Checks of a corpus before it is used: files, durations, feasibility."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from open_seq2seq.data.audio import AudioInfo, ends_late
from open_seq2seq.data.manifest import Utterance
from open_seq2seq.errors import Problem
from open_seq2seq.files import write_whole
from open_seq2seq.vocabulary import Vocabulary

# Differences up to these are rounding in the manifest; see `lies`.
_ABSOLUTE_TOLERANCE = 0.1
_RELATIVE_TOLERANCE = 0.02
_ROUNDING = 0.051


@dataclass
class CheckReport:
    """What is wrong with a corpus.

    Args:
      problems: everything that makes a row unusable.
      rows: the row in the data layer's `utterances` of each problem.
      kinds: in a word or two, what each problem is.
      notes: what the user should know, one sentence each.
      filtered: rows left out by the limits on duration, with the reason.
    """

    problems: list[Problem] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    filtered: Sequence[str] = ()

    @property
    def bad_rows(self) -> list[int]:
        """The rows that have a problem, each once, increasing."""
        return sorted(set(self.rows))

    def add(self, row: int, problem: Problem, kind: str) -> None:
        """Adds a problem of a row."""
        self.rows.append(row)
        self.problems.append(problem)
        self.kinds.append(kind)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes the complete list as text."""
        lines = [f"{len(self.bad_rows)} rows with problems:"]
        lines += [f"  {problem}" for problem in self.problems]
        lines += [f"{len(self.filtered)} rows outside the limits on duration:"]
        lines += [f"  {reason}" for reason in self.filtered]
        lines += ["Notes:", *(f"  {note}" for note in self.notes)]
        write_whole(path, "\n".join(lines) + "\n")


def check_files(
    report: CheckReport,
    utterances: Sequence[Utterance],
    headers: Iterable[Sequence[AudioInfo | Problem]],
    sample_freq: int,
) -> None:
    """Reports missing and unreadable files, false durations, other rates and channels.

    Of a segment only its end is compared with the file.

    Args:
      headers: for each utterance, the header (or the problem) of each file it may use.
      sample_freq: the features' sample rate, in Hz.
    """
    rates: Counter[int] = Counter()
    several_channels = 0
    for row, (utterance, files) in enumerate(zip(utterances, headers, strict=True)):
        for header in files:
            if isinstance(header, Problem):
                found = f"{header.where}: {header.found}"
                problem = Problem(utterance.source, found, header.expected, header.remedy)
                report.add(row, problem, "unreadable file")
                continue
            if header.sample_freq != sample_freq:
                rates[header.sample_freq] += 1
            several_channels += header.channels > 1
            if header.damaged:
                continue  # its length means nothing
            if utterance.offset is not None:
                if ends_late(utterance.offset, utterance.duration or 0.0, header.duration):
                    report.add(row, _late_end(utterance, header), "false segment")
            elif len(files) == 1 and lies(utterance.duration, header):
                report.add(row, _false_duration(utterance, header), "false duration")
    for rate, count in sorted(rates.items()):
        report.notes.append(f"{count} recordings at {rate} Hz are resampled to {sample_freq} Hz.")
    if several_channels:
        report.notes.append(f"{several_channels} recordings with several channels are mixed down.")


def lies(duration: float | None, header: AudioInfo) -> bool:
    """Whether a manifest's duration is wrong: off by more than 0.1 s or 2 %.

    Off by half a decimal (2.3 s for 2.25 s) is rounding and accepted however short the
    recording is.
    """
    if duration is None:
        return False
    difference = abs(duration - header.duration)
    tolerance = min(_ABSOLUTE_TOLERANCE, max(_ROUNDING, _RELATIVE_TOLERANCE * header.duration))
    return difference > tolerance


def _false_duration(utterance: Utterance, header: AudioInfo) -> Problem:
    return Problem(
        utterance.source,
        f"duration {utterance.duration:g} s of {utterance.name}",
        f"{header.duration:.3f} s, as the file says",
        "Correct the manifest, or fetch the file again if it was cut off.",
    )


def _late_end(utterance: Utterance, header: AudioInfo) -> Problem:
    start = utterance.offset or 0.0
    end = start + (utterance.duration or 0.0)
    return Problem(
        utterance.source,
        f"a segment from {start:g} to {end:g} s of {utterance.name}",
        f"one within its {header.duration:.3f} s",
        "Correct offset and duration, or fetch the file again if it was cut off.",
    )


def check_feasible(
    report: CheckReport,
    utterances: Sequence[Utterance],
    vocabulary: Vocabulary,
    frames: np.ndarray,
    output_length: Callable[[np.ndarray], np.ndarray],
    fatal: bool,
) -> None:
    """Reports utterances that are too short for their text.

    CTC needs a step for each label and a blank between equal neighbours:
    T' >= labels + repeats.

    Args:
      frames: [utterance] feature frames, at the shortest speed factor; 0 where unknown.
      output_length: feature frames -> logit frames.
      fatal: whether they are problems or only noted (evaluation).
    """
    steps = np.asarray(output_length(frames))
    infeasible = 0
    for row, utterance in enumerate(utterances):
        text = utterance.transcript
        if frames[row] <= 0 or not text or vocabulary.unknown(text):
            continue
        labels = vocabulary.encode(text)
        repeats = int(np.count_nonzero(labels[1:] == labels[:-1]))
        needed = len(labels) + repeats
        if steps[row] >= needed:
            continue
        infeasible += 1
        if fatal:
            found = (
                f"{len(labels)} labels and {repeats} repeated ones for {steps[row]} steps of "
                f"the network ({frames[row]} frames of features)"
            )
            expected = f"at least {needed} steps"
            remedy = "Compare text and recording; a network with less stride has more steps."
            problem = Problem(utterance.source, found, expected, remedy)
            report.add(row, problem, "too short for its text")
    if infeasible and not fatal:
        report.notes.append(
            f"{infeasible} utterances have more labels than the network has steps: their loss "
            "is infinite, and they count in the error rates."
        )
