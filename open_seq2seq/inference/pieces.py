"""Cutting a long recording: at its pauses, or with overlap where it has none.

All times are in frames, the steps from one row of logits to the next, so that the logits of all
pieces lie on one grid.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from open_seq2seq.config.schema import Params
from open_seq2seq.inference.pauses import DIGITAL_SILENCE, frame_levels, runs, thresholds

# The longest recording of training where it is not known: what LibriSpeech is usually cut to.
USUAL_LONGEST = 16.7
# What stays of a pause beside the sound, but little of a short piece: silence in it moves the
# statistics of its features. And how much is looked at for the noise floor.
_MARGIN_SECONDS, _LEAST_SOUND = 0.2, 8
_CHAPTER_SECONDS = 60


@dataclass(frozen=True)
class Rules:
    """How to cut, in frames; see `models.segmentation_params`.

    Args:
      longest: frames of a piece, at most.
      target: frames that it is to have, at most `longest`.
      min_pause, long_pause: lengths of pauses.
      margin: frames of a pause that stay with the sound before and after it.
      overlap: frames that pieces share where there is no pause; less than half of `longest`.
      above_floor: how far a pause may be above the noise floor, in dB.
      chapter: frames that are looked at together: more than twice `longest` and `long_pause`.
    """

    longest: int
    target: int
    min_pause: int
    long_pause: int
    margin: int
    overlap: int
    above_floor: float
    chapter: int

    @classmethod
    def of(
        cls,
        params: Params,
        trained: Mapping[str, float] | None,
        frame_shift: float,
    ) -> Rules:
        """From a config and what the model was trained on.

        Args:
          params: those of `segmentation`, filled.
          trained: "longest" and "mean" of the recordings of training, in seconds; None: unknown.
          frame_shift: seconds in a frame.
        """
        trained = trained or {"longest": USUAL_LONGEST, "mean": USUAL_LONGEST / 2}
        longest = params["max_duration"] or trained["longest"]
        target = params["target_duration"] or min(trained["mean"], longest / 1.5)

        def frames(seconds: float, least: int = 1) -> int:
            return max(round(seconds / frame_shift), least)

        most = frames(longest, 8)
        long_pause = frames(params["long_pause"])
        return cls(
            longest=most,
            target=min(frames(target, 2), most),
            min_pause=frames(params["min_pause"]),
            long_pause=long_pause,
            margin=frames(min(_MARGIN_SECONDS, target / _LEAST_SOUND)),
            overlap=min(frames(params["overlap"], 0), most // 3),
            above_floor=params["pause_threshold"],
            chapter=max(frames(_CHAPTER_SECONDS), 4 * most + 2 * long_pause),
        )

    @property
    def ahead(self) -> int:
        """Frames that must be known behind a piece's beginning to find its end."""
        return 2 * self.longest + self.long_pause


@dataclass(frozen=True)
class Span:
    """A piece's place.

    Args:
      first, last: its frames; the last is excluded.
      shared: how many of them are in the piece before it too.
      sound: whether there is anything to listen to.
    """

    first: int
    last: int
    shared: int = 0
    sound: bool = True


@dataclass(frozen=True)
class Piece:
    """A piece of a recording.

    Args:
      span: where it is in the recording.
      samples: `[n]` float32; empty where there is nothing to listen to.
    """

    span: Span
    samples: np.ndarray


def cut(blocks: Iterable[np.ndarray], step: int, rules: Rules) -> Iterator[Piece]:
    """The pieces of a recording, in order. Every frame is in a piece.

    No more is held of the recording than a chapter, a block, and the piece at hand.

    Args:
      blocks: its samples, `[n]` float32 each.
      step: samples in a frame.
      rules: how to cut.
    """
    source = iter(blocks)
    held, base, shared, ended = np.zeros(0, np.float32), 0, 0, False
    while not ended or len(held):
        parts, count = [held], len(held)
        while count <= rules.chapter * step and not ended:
            block = next(source, None)
            ended = block is None
            if block is not None:
                parts.append(block)
                count += len(block)
        held = np.concatenate(parts)
        # As much each time, whatever the blocks are.
        looked_at = held if ended else held[: rules.chapter * step]
        ended_here = ended and len(looked_at) == len(held)
        spans, following, shared_next = plan(
            frame_levels(looked_at, step), rules, ended_here, shared
        )
        for span in spans:
            samples = held[span.first * step : span.last * step] if span.sound else held[:0]
            place = Span(base + span.first, base + span.last, span.shared, span.sound)
            yield Piece(place, samples)
        held, base, shared = held[following * step :].copy(), base + following, shared_next


def plan(
    levels: np.ndarray, rules: Rules, final: bool, shared: int = 0
) -> tuple[list[Span], int, int]:
    """Cuts what is known of a recording.

    Args:
      levels: `[frame]` in dB; the first frame begins a piece.
      final: whether this is the recording's end; if not, the last pieces are left open.
      shared: frames that the first piece shares with the one before.

    Returns:
      The pieces; the frame at which the next one begins, and how many it shares with the last.
    """
    limits = thresholds(levels, rules.above_floor)
    gaps = _Gaps(levels, limits.pause, limits.quiet, rules, final)
    count, at = len(levels), 0
    spans: list[Span] = []
    while at < count:
        until = at if shared else gaps.quiet_until(at)
        if until > at:
            spans.append(Span(at, until, 0, False))
            at = until
            continue
        if not final and count - at <= rules.ahead:
            break
        end, found = gaps.next_cut(at, shared)
        spans.append(Span(at, end, shared))
        if not found and end < count:
            shared = rules.overlap
            at = end - shared
        else:
            shared, at = 0, end
    return spans, at, shared


class _Gaps:
    """The pauses of some levels, and the best places to cut in."""

    def __init__(self, levels: np.ndarray, pause: float, quiet: float, rules: Rules, final: bool):
        self.rules, self.count, self.final = rules, len(levels), final
        self.pauses = runs(levels <= pause, max(rules.min_pause, 1))
        self._digital = levels <= DIGITAL_SILENCE
        self._quiet = runs(levels <= quiet)
        self.cuts = [self._cut(*one) for one in self.pauses]

    def quiet_until(self, at: int) -> int:
        """To which frame there is nothing to listen to from `at` on; `at`: there is something."""
        for first, last in self._quiet:
            if first <= at < last and last - first >= self.rules.min_pause:
                return max(at, self._before(first, last))
        return at

    def next_cut(self, at: int, shared: int) -> tuple[int, bool]:
        """Where a piece that begins at `at` ends, and whether in a pause (or at the end of all).

        It ends behind the frames that it shares with the piece before.
        """
        rules = self.rules
        forced = [
            cut
            for cut, (first, last) in zip(self.cuts, self.pauses)
            if cut > at + shared
            and (last - first >= rules.long_pause or (self.final and last == self.count))
        ]
        end = forced[0] if forced else self.count
        known = bool(forced) or self.final
        aim = float(rules.target)
        if known:
            length = end - at
            parts = max(math.ceil(length / rules.longest), round(length / rules.target), 1)
            if parts == 1:
                return end, True
            aim = length / parts
        first = at + shared + 1
        best = self._best(
            at, max(at + aim / 2, first), at + min(1.5 * aim, rules.longest), aim, end
        )
        if best is None:
            best = self._best(at, max(at + aim / 4, first), at + rules.longest, aim, end)
        if best is not None:
            return best, True
        if known and end - at <= rules.longest:
            return end, True
        return at + rules.longest, False

    def _best(self, at: int, low: float, high: float, aim: float, end: int) -> int | None:
        """The cut within limits in a long pause, and near the aim."""
        best, most = None, 0.0
        for cut, (first, last) in zip(self.cuts, self.pauses):
            if low <= cut <= min(high, end):
                length = min(last - first, self.rules.long_pause)
                value = length / (1 + abs(cut - at - aim) / aim)
                if value > most:
                    best, most = cut, value
        return best

    def _cut(self, first: int, last: int) -> int:
        """The end of the sound before a pause, with what stays of the pause."""
        inside = [(max(a, first), min(b, last)) for a, b in self._quiet if a < last and b > first]
        if not inside:
            return (first + last) // 2
        a, b = max(inside, key=lambda one: one[1] - one[0])
        if a == 0:
            return self._before(a, b)  # the recording begins with it
        after, before = self._after(a, b), self._before(a, b)
        return after if after < before else (a + b) // 2

    def _after(self, first: int, last: int) -> int:
        """Where the margin behind a sound ends: digital silence is not in it."""
        margin = min(self.rules.margin, last - first)
        digital = np.flatnonzero(self._digital[first : first + margin])
        return first + (int(digital[0]) if len(digital) else margin)

    def _before(self, first: int, last: int) -> int:
        """Where the margin before a sound begins."""
        if last == self.count and self.final:
            return last
        margin = min(self.rules.margin, last - first)
        digital = np.flatnonzero(self._digital[last - margin : last])
        return last - margin + (int(digital[-1]) + 1 if len(digital) else 0)
