"""A corpus: utterances, the recordings that may stand for each, and their lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from open_seq2seq.data.audio import AudioInfo, resampled_length
from open_seq2seq.data.headers import scan_headers
from open_seq2seq.data.manifest_table import Manifest
from open_seq2seq.data.speech2text.filtered_rows import FilteredRows
from open_seq2seq.errors import InputError, Problem

# Headers are read for so many rows at a time, and those of small corpora kept.
_BLOCK = 1 << 12
_KEPT_HEADERS = 1 << 16


@dataclass(frozen=True)
class Lengths:
    """How long recordings are, [utterance, voice]; an utterance with one file has it in each.

    Args:
      seconds: float64, NaN where a file cannot be read.
      samples: at the corpus's rate, int32 where that holds them; 0 where a file cannot be read.
    """

    seconds: np.ndarray
    samples: np.ndarray

    def take(self, rows: np.ndarray) -> Lengths:
        """Those of some utterances."""
        return Lengths(self.seconds[rows], self.samples[rows])


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

    utterances: Manifest
    subdirs: Sequence[str]
    sample_freq: int
    filtered: Sequence[str] = ()
    lenient: bool = False
    info: Callable[[str], AudioInfo | Problem] | None = None
    _lengths: Lengths | None = None
    _headers: dict[str, AudioInfo | Problem] = field(default_factory=dict)

    def paths(self, row: int) -> list[str]:
        """The files that may stand for an utterance: one, unless there is a choice of voices."""
        path = self.utterances[row].path
        if not self.subdirs or "{}" not in path:
            return [path]
        return [path.replace("{}", subdir) for subdir in self.subdirs]

    def headers(self) -> Iterator[list[AudioInfo | Problem]]:
        """For each utterance the header (or what is wrong) of each file it may use."""
        return (headers for _, headers in self._scanned(range(len(self.utterances))))

    def seconds(self) -> np.ndarray:
        """[utterance, voice] float64 recorded durations; NaN where a file has none."""
        return self.lengths().seconds

    def samples(self) -> np.ndarray:
        """[utterance, voice] int, samples at `sample_freq`.

        Raises:
          InputError: naming every file that cannot be read.
        """
        lengths = self.lengths()
        unreadable = np.flatnonzero((lengths.samples == 0).any(axis=1)).tolist()
        problems = [
            Problem(f"{self.utterances[row].source}: {one.where}", one.found, one.expected)
            for row, headers in self._scanned(unreadable)
            for one in headers
            if isinstance(one, Problem)
        ]
        if problems:
            raise InputError("Recordings cannot be read:", problems)
        return lengths.samples

    def keep_durations(self, shortest: float, longest: float) -> None:
        """Leaves out what is shorter or longer, in seconds; limits up to 0 are off.

        Both limits are inclusive. Of several synthetic recordings each has to be within.
        """
        if shortest <= 0 and longest <= 0:
            return
        seconds = self.seconds()
        short = seconds.min(axis=1) < (shortest if shortest > 0 else -np.inf)
        long = seconds.max(axis=1) > (longest if longest > 0 else np.inf)
        bad = np.flatnonzero(short | long)
        durations = np.where(short, seconds.min(axis=1), seconds.max(axis=1))[bad]
        rows = self.utterances.take(bad)
        self.filtered = FilteredRows(rows, durations, short[bad], shortest, longest)
        self.drop(bad)

    def drop(self, rows: Sequence[int] | np.ndarray) -> None:
        """Removes utterances."""
        if len(rows):
            kept = np.ones(len(self.utterances), bool)
            kept[rows] = False
            self._keep(np.flatnonzero(kept))

    def part(self, rows: np.ndarray) -> Corpus:
        """A corpus of some of the utterances."""
        other = Corpus(self.utterances, self.subdirs, self.sample_freq, self.filtered)
        other.lenient, other.info, other._lengths = self.lenient, self.info, self._lengths
        other._keep(rows)
        return other

    def lengths(self) -> Lengths:
        """How long each recording is, measured once."""
        if self._lengths is None:
            self._lengths = self._measured()
        return self._lengths

    def _keep(self, rows: np.ndarray) -> None:
        self.utterances = self.utterances.take(rows)
        self._lengths = None if self._lengths is None else self._lengths.take(rows)

    def _measured(self) -> Lengths:
        told = self.utterances.durations[:, None]
        if self.subdirs:
            several = [len(self.paths(row)) > 1 for row in range(len(self.utterances))]
            # The manifest's duration cannot be true for each of several voices; a segment's is.
            whole = self.utterances.offsets is None or np.isnan(self.utterances.offsets)
            told = np.where((np.array(several, bool) & whole)[:, None], np.nan, told)
            told = np.repeat(told, len(self.subdirs) if any(several) else 1, axis=1)
        unknown = np.isnan(told[:, 0])
        longest = float(told.max(initial=0, where=~np.isnan(told))) * self.sample_freq
        # Of files that have to be looked at nobody knows how long they may be.
        kind = np.int32 if longest < 1 << 30 and not unknown.any() else np.int64
        seconds = told.copy() if unknown.any() else told
        samples = np.maximum(np.rint(np.nan_to_num(told) * self.sample_freq), 1).astype(kind)
        for row, headers in self._scanned(np.flatnonzero(unknown).tolist()):
            seconds[row] = [_seconds(one) for one in headers]
            samples[row] = [self._samples(one) for one in headers]
        return Lengths(seconds, samples)

    def _scanned(self, rows: Sequence[int]) -> Iterator[tuple[int, list[AudioInfo | Problem]]]:
        """Some rows with the header of each file they may use."""
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            files = [self.paths(row) for row in block]
            new = [path for paths in files for path in paths if path not in self._headers]
            new = list(dict.fromkeys(new))
            found = (
                scan_headers(new, self.lenient) if self.info is None else list(map(self.info, new))
            )
            headers = {**self._headers, **dict(zip(new, found, strict=True))}
            if len(headers) <= _KEPT_HEADERS:
                self._headers = headers
            for row, paths in zip(block, files):
                yield row, [headers[path] for path in paths]

    def _samples(self, header: AudioInfo | Problem) -> int:
        if isinstance(header, Problem):
            return 0
        return max(1, resampled_length(header.frames, header.sample_freq, self.sample_freq))


def _seconds(header: AudioInfo | Problem) -> float:
    return np.nan if isinstance(header, Problem) else header.duration
