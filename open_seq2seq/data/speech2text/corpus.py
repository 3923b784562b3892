"""A corpus: utterances, the recordings that may stand for each, and their lengths."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from open_seq2seq.data.audio import AudioInfo, resampled_length
from open_seq2seq.data.headers import scan_headers
from open_seq2seq.data.manifest import Utterance
from open_seq2seq.errors import InputError, Problem


@dataclass
class Corpus:
    """Utterances and their recordings.

    A recording's length is what the manifest says, or its header where it says nothing. An
    utterance with an offset is a segment of its file, and its length the manifest's.

    Args:
      utterances: the rows.
      subdirs: synthetic voices; a `{}` in a path stands for any of them.
      sample_freq: rate that recordings are converted to, in Hz.
      filtered: rows that were left out, with the reason.
      lenient: files that are cut off or joined are no problem of the check: reading them is one,
        which costs nobody else's result in evaluation and inference.
      info: what tells a file's length instead of an audio file's header.
    """

    utterances: list[Utterance]
    subdirs: Sequence[str]
    sample_freq: int
    filtered: list[str] = field(default_factory=list)
    lenient: bool = False
    info: Callable[[str], AudioInfo | Problem] | None = None
    _headers: dict[str, AudioInfo | Problem] = field(default_factory=dict)

    def paths(self, row: int) -> list[str]:
        """The files that may stand for an utterance: one, unless there is a choice of voices."""
        path = self.utterances[row].path
        if not self.subdirs or "{}" not in path:
            return [path]
        return [path.replace("{}", subdir) for subdir in self.subdirs]

    def headers(self) -> list[list[AudioInfo | Problem]]:
        """For each utterance the header (or what is wrong) of each file it may use."""
        files = [self.paths(row) for row in range(len(self.utterances))]
        self._scan([path for paths in files for path in paths])
        return [[self._headers[path] for path in paths] for paths in files]

    def seconds(self) -> np.ndarray:
        """[utterance, voice] float64 recorded durations; NaN where a file has none."""
        return _table([[_seconds(length) for length in line] for line in self._lengths()])

    def samples(self) -> np.ndarray:
        """[utterance, voice] int64 samples at `sample_freq`.

        Raises:
          InputError: naming every file that cannot be read.
        """
        lengths = self._lengths()
        problems = [
            Problem(f"{utterance.source}: {length.where}", length.found, length.expected)
            for utterance, line in zip(self.utterances, lengths, strict=True)
            for length in line
            if isinstance(length, Problem)
        ]
        if problems:
            raise InputError("Recordings cannot be read:", problems)
        return _table([[self._samples(length) for length in line] for line in lengths])

    def keep_durations(self, shortest: float, longest: float) -> None:
        """Leaves out what is shorter or longer, in seconds; limits up to 0 are off.

        Both limits are inclusive. Of several synthetic recordings each has to be within.
        """
        if shortest <= 0 and longest <= 0:
            return
        seconds = self.seconds()
        short = seconds.min(axis=1) < (shortest if shortest > 0 else -np.inf)
        long = seconds.max(axis=1) > (longest if longest > 0 else np.inf)
        for row in np.flatnonzero(short | long):
            utterance = self.utterances[row]
            limit = f"min_duration {shortest:g}" if short[row] else f"max_duration {longest:g}"
            duration = seconds[row].min() if short[row] else seconds[row].max()
            reason = f"{duration:.3f} s, outside {limit} s"
            self.filtered.append(f"{utterance.source}: {utterance.name}: {reason}")
        self.drop(np.flatnonzero(short | long).tolist())

    def drop(self, rows: Sequence[int]) -> None:
        """Removes utterances."""
        bad = set(rows)
        self.utterances[:] = [u for row, u in enumerate(self.utterances) if row not in bad]

    def _lengths(self) -> list[list[float | AudioInfo | Problem]]:
        """For each utterance what tells the length of each file: seconds, or a header."""
        files = [self.paths(row) for row in range(len(self.utterances))]
        # The manifest's duration cannot be true for each of several voices; a segment's is.
        told = [
            utterance.duration if len(paths) == 1 or utterance.offset is not None else None
            for utterance, paths in zip(self.utterances, files, strict=True)
        ]
        self._scan([path for paths, known in zip(files, told) if known is None for path in paths])
        return [
            [self._headers[path] for path in paths] if known is None else [known]
            for paths, known in zip(files, told)
        ]

    def _scan(self, paths: Sequence[str]) -> None:
        new = list(dict.fromkeys(path for path in paths if path not in self._headers))
        found = scan_headers(new, self.lenient) if self.info is None else map(self.info, new)
        self._headers.update(zip(new, found, strict=True))

    def _samples(self, length: float | AudioInfo | Problem) -> int:
        if isinstance(length, AudioInfo):
            return resampled_length(length.frames, length.sample_freq, self.sample_freq)
        return max(1, round(_seconds(length) * self.sample_freq))


def _seconds(length: float | AudioInfo | Problem) -> float:
    if isinstance(length, AudioInfo):
        return length.duration
    return math.nan if isinstance(length, Problem) else length


def _table(lines: list[list[Any]]) -> np.ndarray:
    """[utterance, voice]: utterances with one file have it in each column."""
    width = max((len(line) for line in lines), default=1)
    table = [line if len(line) == width else line * width for line in lines]
    return np.array(table).reshape(len(table), width)
