"""The one way from recordings to transcripts: inputs -> logits -> results, in order.

Inputs are what the network takes of a recording: its features, or its samples where the front-end
is in the network.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.errors import InputError
from open_seq2seq.inference.ahead import Loaded, load_ahead

# Batches whose recordings are sorted by length, so that little is computed for padding.
_WINDOW = 4
# Bytes of inputs in a window, and as many loaded ahead: half an hour of 80 features, or of samples.
_MOST_BYTES = 64_000_000
# Recordings whose logits are padded to one array: beam search has a thread for each.
_DECODED_TOGETHER = 64

# Logits `[batch, time', class]` and their lengths `[batch]` -> a result for each.
Decode = Callable[[np.ndarray, np.ndarray], list[DecodeResult]]


class Network(Protocol):
    """A trained network; how recordings are batched is its own affair."""

    def compute(
        self, inputs: Sequence[np.ndarray], labels: Sequence[np.ndarray] | None = None
    ) -> tuple[list[np.ndarray], list[float | None]]:
        """The logits of recordings, and the losses of their labels.

        Args:
          inputs: what the network takes of each: features `[time, feature]`, or samples `[n]`.
          labels: `[label]` int32 of each; None: losses are not wanted.

        Returns:
          Logits `[time', class]` of each, blank last, and its loss, None without labels.
        """


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
      batch_size: recordings that are computed together.
      threads: how many recordings are loaded at the same time.
    """

    network: Network
    decode: Decode
    batch_size: int
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
          load: index -> what the network takes of it, called in threads; what it raises as
            `InputError` is this recording's error, and the others are transcribed.
          indices: the recordings.
          keep_logits: whether to return the logits too.
          decodes: whether to decode them.
          labels: index -> `[label]` int32, of which the losses are computed; None: none are.
        """
        most = _WINDOW * self.batch_size
        loaded = load_ahead(load, indices, self.threads, most, _MOST_BYTES)
        try:
            for window in _windows(loaded, most):
                read = [(at, one) for at, one in window if isinstance(one, np.ndarray)]
                own_labels = [labels(at) for at, _ in read] if labels else None
                logits, losses = self.network.compute([one for _, one in read], own_labels)
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

    def logits(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The logits `[time', class]` of each recording."""
        return self.network.compute(inputs)[0]

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
    """Neighbours that are computed together: so many, and not too large ones."""
    window: list[tuple[int, Loaded]] = []
    size = 0
    for index, one in loaded:
        window.append((index, one))
        size += one.nbytes if isinstance(one, np.ndarray) else 0
        if len(window) == most or size >= _MOST_BYTES:
            yield window
            window, size = [], 0
    if window:
        yield window
