"""Numbers that a model gave when it was exported: whether it gives them on this machine too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from open_seq2seq.files import JsonObject

_NUMBERS = 48
# Log-probabilities of runtimes and processors differ by rounding, up to about 1e-4; those that
# compute in bfloat16 on their own account, by 0.1 and more.
TOLERANCE = 0.01


@dataclass(frozen=True)
class Probe:
    """Some of the log-probabilities of the front-ends' probe signal (`features.fingerprint`).

    Args:
      shape: [time, class].
      numbers: 48 of them, at equal distances in the order of rows.
    """

    shape: tuple[int, int]
    numbers: tuple[float, ...]

    @classmethod
    def of(cls, log_probs: np.ndarray) -> Probe:
        """Of what a model gave, `[time, class]`."""
        chosen = log_probs.ravel()[_positions(log_probs.size)]
        numbers = tuple(round(float(number), 5) for number in chosen)
        return cls((log_probs.shape[0], log_probs.shape[1]), numbers)

    def difference(self, log_probs: np.ndarray) -> float:
        """The largest difference; infinite where the shapes differ or something is NaN."""
        if log_probs.shape != self.shape or len(self.numbers) != _NUMBERS:
            return float("inf")
        found = log_probs.ravel()[_positions(log_probs.size)]
        difference = float(np.abs(found - np.array(self.numbers)).max())
        return difference if difference == difference else float("inf")

    def to_json(self) -> JsonObject:
        """As in `recognizer.json`."""
        return {"shape": list(self.shape), "numbers": list(self.numbers)}

    @classmethod
    def from_json(cls, value: JsonObject) -> Probe:
        """Of a value that `checks` have passed."""
        time, classes = value["shape"]
        return cls((time, classes), tuple(map(float, value["numbers"])))


def _positions(size: int) -> np.ndarray:
    return np.linspace(0, size - 1, _NUMBERS).astype(int)
