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


class Network(Protocol):
    """A model's forward pass."""

    def logits(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """Logits `[batch, time', class]` and their lengths `[batch]`."""

    def logits_and_losses(self, batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same, and the loss of each utterance `[batch]`."""


@dataclass(frozen=True)
class Transcription:
    """What came of a recording.

    Args:
      index: which one it is.
      result: its transcript; None where there is an error, or only logits were asked for.
      logits: `[time', class]`, raw, blank last, cut to its length; None unless asked for.
      error: why it could not be read; None where it could.
      loss: of its labels, where they were given; may be infinite.
    """

    index: int
    result: DecodeResult | None = None
    logits: np.ndarray | None = None
    error: InputError | None = None
    loss: float | None = None


@dataclass
class Transcriber:
    """Transcribes recordings with a trained model, and does not end with a damaged one.

    Everything that a `Recognizer` does with recordings goes through it.

    Args:
      network: the model's forward pass.
      decode: logits and lengths -> results.
      batch_size: recordings in a batch.
      most_padded_frames: padded frames in a batch, at most; None: no limit.
      threads: how many recordings are loaded at the same time.
    """

    network: Network
    decode: Decode
    batch_size: int
    most_padded_frames: int | None = None
    threads: int = 1

    def transcribe(
        self,
        load: Callable[[int], np.ndarray],
        indices: Sequence[int],
        keep_logits: bool = False,
        decodes: bool = True,
        labels: Callable[[int], np.ndarray] | None = None,
    ) -> Generator[Transcription, None, None]:
        """What comes of each recording, in the order of `indices`, as soon as it is known.

        Args:
          load: index -> features `[time, feature]`, called in threads; what it raises as
            `InputError` is this recording's error, and the others are transcribed.
          indices: the recordings.
          keep_logits: whether to return the logits too.
          decodes: whether to decode them.
          labels: index -> `[label]` int32, of which the losses are computed; None: none are.
        """
        most = _WINDOW * self.batch_size
        loaded = load_ahead(load, indices, self.threads, most, _MOST_FRAMES)
        try:
            for window in _windows(loaded, most):
                read = [(at, one) for at, one in window if isinstance(one, np.ndarray)]
                features = [one for _, one in read]
                own_labels = [labels(at) for at, _ in read] if labels else None
                logits, losses = self._computed(features, own_labels)
                results = self.decoded(logits) if decodes else [None] * len(logits)
                done = zip(logits, results, losses)
                for index, one in window:
                    if isinstance(one, InputError):
                        yield Transcription(index, error=one)
                    else:
                        own, result, loss = next(done)
                        kept = own if keep_logits else None
                        yield Transcription(index, result, kept, loss=loss)
        finally:
            loaded.close()

    def logits(self, features: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The logits `[time', class]` of each `[time, feature]`, in batches of like length."""
        return self._computed(features, None)[0]

    def _computed(
        self, features: Sequence[np.ndarray], labels: Sequence[np.ndarray] | None
    ) -> tuple[list[np.ndarray], list[float | None]]:
        """The logits of each, and the loss of its labels if there are any."""
        logits: list[Any] = [None] * len(features)
        losses: list[float | None] = [None] * len(features)
        for rows in self._batches([len(one) for one in features]):
            own = [features[row] for row in rows]
            if labels is None:
                outputs, lengths = self.network.logits(_batch(own))
            else:
                batch = _batch(own, [labels[row] for row in rows])
                outputs, lengths, values = self.network.logits_and_losses(batch)
                for row, loss in zip(rows, values.tolist()):
                    losses[row] = loss
            for place, row in enumerate(rows):
                # A copy: a part of the batch would keep all of it in memory.
                logits[row] = outputs[place, : lengths[place]].copy()
        return logits, losses

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Rows that form a batch, from the shortest to the longest."""
        rows: list[int] = []
        for row in sorted(range(len(lengths)), key=lambda row: lengths[row]):
            frames = padded_length(lengths[row]) * (len(rows) + 1)
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


def padded_length(frames: int) -> int:
    """The frames that a batch with so many is padded to: few different ones, as shapes cost time.

    Eight lengths in each octave, and multiples of 16: at most an eighth of a batch is padding.
    """
    step = 1 << max((frames - 1).bit_length() - 4, 4)
    return -(-frames // step) * step


def _batch(features: Sequence[np.ndarray], labels: Sequence[np.ndarray] | None = None) -> Batch:
    length = padded_length(max(len(one) for one in features))
    padded = np.zeros((len(features), length, features[0].shape[1]), np.float32)
    for row, one in zip(padded, features):
        row[: len(one)] = one
    lengths = np.array([len(one) for one in features], np.int32)
    labels = labels or [np.zeros(0, np.int32)] * len(features)
    label_lengths = np.array([len(one) for one in labels], np.int32)
    padded_labels = np.zeros((len(features), label_lengths.max(initial=0)), np.int32)
    for row, one in zip(padded_labels, labels):
        row[: len(one)] = one
    return Batch(padded, lengths, padded_labels, label_lengths, np.arange(len(features)), 0.0)
