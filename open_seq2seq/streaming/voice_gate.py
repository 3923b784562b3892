"""A gate that keeps long silence from the network, so that it costs little."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from open_seq2seq.errors import InputError, Problem

_BLOCK_SECONDS = 0.02


@dataclass(frozen=True)
class VoiceGate:
    """Where a stream is silent for long, it is not computed; its rows are those of the blank.

    It opens where the level of any 20 ms is above the threshold, and hears what was shortly
    before too. What stays closed to the network is gone: with a gate a stream is the recording's
    result only as far as silence says nothing.

    Args:
      threshold: in dB below full scale, negative.
      hold: seconds of silence that the network still hears, at least; what it looks ahead comes
        on top.
      before: seconds before a sound that it hears.
    """

    threshold: float = -55.0
    hold: float = 0.6
    before: float = 0.3

    def __post_init__(self) -> None:
        problems = []
        if not -200 <= self.threshold <= 0:
            problems.append(Problem("threshold", repr(self.threshold), "-200 to 0 dB"))
        for name, value in (("hold", self.hold), ("before", self.before)):
            if not 0 <= value <= 60:
                problems.append(Problem(name, repr(value), "0 to 60 seconds"))
        if problems:
            raise InputError("The voice gate cannot be used:", problems)

    def has_voice(self, samples: np.ndarray, sample_freq: int) -> bool:
        """Whether there is a sound above the threshold in samples `[n]`."""
        size = max(round(_BLOCK_SECONDS * sample_freq), 1)
        limit = 10.0 ** (self.threshold / 10.0)
        squares = np.square(samples, dtype=np.float64)
        whole = len(squares) // size * size
        blocks = squares[:whole].reshape(-1, size).mean(axis=1)
        rest = squares[whole:]
        return bool((blocks > limit).any() or (len(rest) and rest.mean() > limit))
