"""The one way from recordings to transcripts: features -> logits -> results, in order."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from open_seq2seq.data.batch import Batch
from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.errors import InputError
from open_seq2seq.inference.ahead import Loaded, load_ahead

# Batches whose recordings are sorted by length, so that little is computed for padding.
_WINDOW = 4
# Frames of features in a window, and as many loaded ahead: 80 of 4 bytes each make 64 MB.
_MOST_FRAMES = 200_000
# Recordings whose logits are padded to one array: beam search has a thread for each.
_DECODED_TOGETHER = 64

# Logits `[batch, time', class]` and their lengths `[batch]` -> a result for each.
Decode = Callable[[np.ndarray, np.ndarray], list[DecodeResult]]


class LogitsStep(Protocol):
    """A model's forward pass."""

    def logits(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """Logits `[batch, time', class]` and their lengths `[batch]`."""


@dataclass(frozen=True)
class Transcription:
    """What came of a recording.

    Args:
      index: which one it is.
      result: its transcript; None where there is an error, or only logits were asked for.
      logits: `[time', class]`, raw, blank last, cut to its length; None unless asked for.
      error: why it could not be read; None where it could.
    """

    index: int
    result: DecodeResult | None = None
    logits: np.ndarray | None = None
    error: InputError | None = None


@dataclass
class Transcriber:
    """Transcribes recordings with a trained model, and does not end with a damaged one.

    `run.py --mode=infer`, with a manifest or `--infer_files`, and `Recognizer` all use it.

    Args:
      step: the model's forward pass.
      decode: logits and lengths -> results.
      batch_size: recordings in a batch.
      padded: frames -> the frames that a batch is padded to: few different ones.
      most_padded_frames: padded frames in a batch, at most; None: no limit.
      threads: how many recordings are loaded at the same time.
    """

    step: LogitsStep
    decode: Decode
    batch_size: int
    padded: Callable[[int], int]
    most_padded_frames: int | None = None
    threads: int = 1

    def transcribe(
        self,
        load: Callable[[int], np.ndarray],
        indices: Sequence[int],
        keep_logits: bool = False,
        decodes: bool = True,
    ) -> Generator[Transcription, None, None]:
        """What comes of each recording, in the order of `indices`, as soon as it is known.

        Args:
          load: index -> features `[time, feature]`, called in threads; what it raises as
            `InputError` is this recording's error, and the others are transcribed.
          indices: the recordings.
          keep_logits: whether to return the logits too.
          decodes: whether to decode them.
        """
        most = _WINDOW * self.batch_size
        loaded = load_ahead(load, indices, self.threads, most, _MOST_FRAMES)
        try:
            for window in _windows(loaded, most):
                features = [one for _, one in window if isinstance(one, np.ndarray)]
                logits = self.logits(features)
                results = self.decoded(logits) if decodes else [None] * len(logits)
                done = zip(logits, results)
                for index, one in window:
                    if isinstance(one, InputError):
                        yield Transcription(index, error=one)
                    else:
                        own, result = next(done)
                        yield Transcription(index, result, own if keep_logits else None)
        finally:
            loaded.close()

    def logits(self, features: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The logits `[time', class]` of each `[time, feature]`, in batches of like length."""
        result: list[Any] = [None] * len(features)
        for rows in self._batches([len(one) for one in features]):
            length = self.padded(max(len(features[row]) for row in rows))
            logits, lengths = self.step.logits(_batch([features[row] for row in rows], length))
            for place, row in enumerate(rows):
                # A copy: a part of the batch would keep all of it in memory.
                result[row] = logits[place, : lengths[place]].copy()
        return result

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Rows that form a batch, from the shortest to the longest."""
        rows: list[int] = []
        for row in sorted(range(len(lengths)), key=lambda row: lengths[row]):
            frames = self.padded(lengths[row]) * (len(rows) + 1)
            too_many = self.most_padded_frames is not None and frames > self.most_padded_frames
            if len(rows) == self.batch_size or (rows and too_many):
                yield rows
                rows = []
            rows.append(row)
        if rows:
            yield rows

    def decoded(self, logits: Sequence[np.ndarray]) -> list[DecodeResult]:
        """The result of each `[time', class]`, many at once."""
        order = sorted(range(len(logits)), key=lambda row: len(logits[row]))
        results: list[Any] = [None] * len(logits)
        for start in range(0, len(order), _DECODED_TOGETHER):
            rows = order[start : start + _DECODED_TOGETHER]
            lengths = np.array([len(logits[row]) for row in rows])
            padded = np.zeros((len(rows), lengths.max(), logits[rows[0]].shape[1]), np.float32)
            for target, row in zip(padded, rows):
                target[: len(logits[row])] = logits[row]
            for row, result in zip(rows, self.decode(padded, lengths)):
                results[row] = result
        return results


def _windows(loaded: Iterator[tuple[int, Loaded]], most: int) -> Iterator[list[tuple[int, Loaded]]]:
    """Neighbours that are computed together: so many, and not too many frames."""
    window: list[tuple[int, Loaded]] = []
    frames = 0
    for index, one in loaded:
        window.append((index, one))
        frames += len(one) if isinstance(one, np.ndarray) else 0
        if len(window) == most or frames >= _MOST_FRAMES:
            yield window
            window, frames = [], 0
    if window:
        yield window


def _batch(features: Sequence[np.ndarray], length: int) -> Batch:
    padded = np.zeros((len(features), length, features[0].shape[1]), np.float32)
    for row, one in zip(padded, features):
        row[: len(one)] = one
    lengths = np.array([len(one) for one in features], np.int32)
    nothing = np.zeros((len(features), 0), np.int32)
    zeros = np.zeros(len(features), np.int32)
    return Batch(padded, lengths, nothing, zeros, np.arange(len(features)), 0.0)
