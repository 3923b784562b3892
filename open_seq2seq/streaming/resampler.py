"""Samples as they come, at whatever rate, as those that a network takes."""

from __future__ import annotations

import numpy as np
import soxr

from open_seq2seq.data.audio import resampled_length
from open_seq2seq.errors import InputError, Problem

_INT16_SCALE = np.float32(1 / 32768)
_LOWEST, _HIGHEST = 1000, 768_000


class SampleStream:
    """Checks and converts the samples of one stream; together those of the whole recording.

    Args:
      from_freq: the rate of what comes, in Hz.
      to_freq: the network's rate.

    Raises:
      InputError: there is no such rate.
    """

    def __init__(self, from_freq: int, to_freq: int):
        whole = isinstance(from_freq, (int, np.integer)) and not isinstance(from_freq, bool)
        if not whole or not _LOWEST <= from_freq <= _HIGHEST:
            expected = f"a whole number of Hz from {_LOWEST} to {_HIGHEST}"
            remedy = f"The model's own rate is {to_freq}."
            problem = Problem("sample_freq", repr(from_freq), expected, remedy)
            raise InputError("There is no such sample rate:", [problem])
        self.from_freq, self.to_freq = int(from_freq), to_freq
        self.received = self.given = 0
        self._stream = self._new()

    def _new(self) -> soxr.ResampleStream | None:
        if self.converts:
            return soxr.ResampleStream(
                self.from_freq, self.to_freq, 1, dtype="float32", quality="HQ"
            )
        return None

    @property
    def converts(self) -> bool:
        """Whether the rates differ."""
        return self.from_freq != self.to_freq

    def accept(self, samples: np.ndarray) -> np.ndarray:
        """The samples at the network's rate that more of them complete.

        Args:
          samples: `[n]` floats in [-1, 1], or 16-bit integers; n may be 0.

        Returns:
          `[m]` float32.

        Raises:
          InputError: they are something else, or NaN; nothing of them was taken.
        """
        samples = self._checked(np.asarray(samples))
        self.received += len(samples)
        if self._stream is not None:
            samples = self._stream.resample_chunk(samples)
        self.given += len(samples)
        return samples

    def finish(self) -> np.ndarray:
        """The samples that waited for the end."""
        if self._stream is None:
            return np.zeros(0, np.float32)
        rest = self._stream.resample_chunk(np.zeros(0, np.float32), last=True)
        # As many as `data.audio.resample` gives of the whole.
        total = resampled_length(self.received, self.from_freq, self.to_freq)
        rest = rest[: max(total - self.given, 0)]
        rest = np.pad(rest, (0, max(total - self.given - len(rest), 0)))
        self.given += len(rest)
        return rest

    def reset(self) -> None:
        """Begins another stream."""
        self.received = self.given = 0
        self._stream = self._new()

    def _checked(self, samples: np.ndarray) -> np.ndarray:
        expected = "one channel of samples, [n]: finite floats in [-1, 1], or 16-bit integers"
        found, remedy = "", ""
        if samples.ndim != 1:
            found = f"an array of shape {list(samples.shape)}"
            remedy = "Take one channel, or the mean of all."
        elif samples.dtype == np.int16:
            return samples * _INT16_SCALE
        elif not len(samples):
            return np.zeros(0, np.float32)
        elif not np.issubdtype(samples.dtype, np.floating):
            found = f"samples of type {samples.dtype}"
            remedy = "Bytes are read by np.frombuffer(data, '<i2')."
        elif not np.isfinite(samples).all():
            first = int(np.flatnonzero(~np.isfinite(samples))[0])
            found = f"{samples[first]} in sample {self.received + first}"
        if found:
            raise InputError(
                "The stream cannot take:", [Problem("samples", found, expected, remedy)]
            )
        return samples.astype(np.float32, copy=False)
