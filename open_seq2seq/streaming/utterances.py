"""From a stream's rows to the texts of its utterances, which end where a rule says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from open_seq2seq.decode_result import DecodeResult, Partial
from open_seq2seq.decoders import Decoder
from open_seq2seq.streaming.endpoints import (
    Endpoint,
    EndpointRule,
    Heard,
    first_end,
    first_rule,
)

_COUNTS = ("rows", "first_row", "last_symbol", "goes_on")


class Utterances:
    """The rows of a stream, decoded one utterance after the other.

    Decoding stops at the very row at which a rule holds, wherever the rows were cut; what comes
    behind it waits until the utterance is ended, or is to go on.

    Args:
      decoder: what makes texts of log-probabilities.
      silent: `[class]`, classes in which nothing is said.
      frame_shift: seconds from one row to the next.
      rules: when an utterance has ended.
      keeps: keep the rows of the utterance, for `arrays`.
    """

    def __init__(
        self,
        decoder: Decoder,
        silent: np.ndarray,
        frame_shift: float,
        rules: Sequence[EndpointRule],
        keeps: bool,
    ):
        self.frame_shift, self.rules = frame_shift, rules
        self._decoding, self._silent, self._keeps = decoder.stream(), silent, keeps
        self._needs_cost = any(np.isfinite(rule.max_end_cost) for rule in rules)
        self._found: Partial | None = None  # what the decoder said last; None: not asked since
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        self._decoding.reset()
        self._found = None
        # Rows that are decoded, those before the utterance, and those up to its last symbol.
        self.rows = self.first_row = self.last_symbol = 0
        self._waiting = np.zeros((0, len(self._silent)), np.float32)
        self._kept: list[np.ndarray] = []
        # Whether a rule holds at the last row, and whether it held before and was not minded.
        self._has_ended = self._goes_on = False

    @property
    def start(self) -> float:
        """Where the utterance begins, in seconds of the stream."""
        return self.first_row * self.frame_shift

    def hear(self, rows: np.ndarray) -> None:
        """Takes rows `[time, class]`; decodes them up to the end of the utterance."""
        if len(rows):
            self._waiting = np.concatenate([self._waiting, rows]) if len(self._waiting) else rows
            self._decode()

    def go_on(self) -> None:
        """The utterance goes on, though a rule holds: until none does, they are not minded."""
        if self._has_ended:
            self._has_ended, self._goes_on = False, True
            self._decode()

    def hear_all(self) -> None:
        """Decodes all that waits, whatever rules say."""
        self._take(len(self._waiting))
        self._has_ended = False

    def endpoint(self) -> Endpoint | None:
        """The end of the utterance, if a rule holds at the last row that was decoded."""
        silence = (self.rows - max(self.last_symbol, self.first_row)) * self.frame_shift
        length = (self.rows - self.first_row) * self.frame_shift
        heard = Heard(length, silence, self.last_symbol > self.first_row)
        cost = self._decoding.end_cost() if self._needs_cost else None
        rule = first_rule(self.rules, heard, cost)
        if rule is None:
            return None
        return Endpoint(rule.name, self.start, self.start + length, silence)

    def end(self) -> DecodeResult:
        """The utterance's result; the next one begins with the row behind it."""
        result = self.result()
        self._decoding.reset()
        self._found = None
        self.first_row = self.rows
        self._kept.clear()
        self._has_ended = self._goes_on = False
        self._decode()
        return result

    def result(self) -> DecodeResult:
        """What there would be, if the utterance ended at the last row that was decoded."""
        return self._decoding.finish().shifted(self.start)

    def partial(self) -> Partial:
        """What is known of the utterance; its times begin with it."""
        if self._found is None:  # most calls bring less than a chunk
            self._found = self._decoding.partial()
        return self._found

    # --- what is stored of it

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it as arrays by name."""
        values = self.rows, self.first_row, self.last_symbol, int(self._goes_on)
        none = np.zeros((0, len(self._silent)), np.float32)
        return {
            **{name: np.asarray(value, np.int64) for name, value in zip(_COUNTS, values)},
            "utterance": np.concatenate([none, *self._kept]),
            "unheard": self._waiting.copy(),
        }

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Goes on where `arrays` was taken."""
        self.reset()
        rows = np.asarray(arrays["utterance"], np.float32)
        if len(rows):
            self._decoding.accept(rows)
            self._kept.append(rows)
        self.rows, self.first_row, self.last_symbol, goes_on = (
            int(arrays[name]) for name in _COUNTS
        )
        self._waiting = np.array(arrays["unheard"], np.float32)
        self._goes_on = bool(goes_on)
        self._has_ended = not self._goes_on and self.endpoint() is not None

    # --- how it goes on

    def _decode(self) -> None:
        while len(self._waiting) and not self._has_ended:
            stop = self._next_stop()
            self._take(len(self._waiting) if stop is None else stop + 1)
            if stop is None:
                return
            if self._goes_on:
                self._goes_on = False
            else:
                self._has_ended = not self._needs_cost or self.endpoint() is not None

    def _next_stop(self) -> int | None:
        """The first waiting row at which a rule may hold; after `go_on`, at which none does."""
        if not self.rules:
            return None
        numbers = self.rows + 1 + np.arange(len(self._waiting))
        said = ~self._silent[self._waiting.argmax(axis=1)]
        last = np.maximum.accumulate(np.where(said, numbers, self.last_symbol))
        silences = (numbers - np.maximum(last, self.first_row)) * self.frame_shift
        lengths = (numbers - self.first_row) * self.frame_shift
        return first_end(self.rules, lengths, silences, last > self.first_row, not self._goes_on)

    def _take(self, count: int) -> None:
        rows, self._waiting = self._waiting[:count], self._waiting[count:]
        if not len(rows):
            return
        self._decoding.accept(rows)
        self._found = None
        if self._keeps:
            self._kept.append(rows)
        said = np.flatnonzero(~self._silent[rows.argmax(axis=1)])
        if len(said):
            self.last_symbol = self.rows + int(said[-1]) + 1
        self.rows += len(rows)
