"""What the doctor measures in one recording, in one pass over its samples."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from open_seq2seq.corpora.doctor.thresholds import Thresholds

# Width of the bands whose levels tell how far up a recording's spectrum reaches.
_BAND_HZ = 125.0
# Points of the outline of the level over time, by which the same recording is known again.
ENVELOPE_POINTS = 64
_ENVELOPE_RANGE = 30.0  # dB
# Of no samples or no power: lower than anything that 32-bit floats hold.
NO_LEVEL = -200.0


@dataclass(frozen=True)
class Measurement:
    """One recording (a file, or a segment of one) in numbers.

    Args:
      sample_freq: Hz.
      channels: number of channels.
      frames: samples per channel.
      peak: the largest magnitude in any channel; 1 is full scale.
      rms: of the channels' mean.
      mean: of the channels' mean: the DC offset.
      constant: all samples are equal.
      clipped: samples in runs at full scale, in any channel.
      longest_clip: the longest such run, in samples.
      level: dBFS of the frames that are not silent.
      loud, quiet: dBFS, the 95th and 5th percentile of the frames.
      silence_share: silent frames among all.
      leading, trailing: seconds of silence at both ends.
      bandwidth: Hz, the top of the highest band that is not empty.
      channel_loss: dB that the channels' mean is below the channels.
      digest: of the samples of the channels' mean; the same in any lossless container.
      envelope: [ENVELOPE_POINTS] float16, level over time, mean 0 and deviation 1.
      codec: container and encoding, `FLAC PCM_16`; "" where samples do not come from a file.
    """

    sample_freq: int
    channels: int
    frames: int
    peak: float
    rms: float
    mean: float
    constant: bool
    clipped: int
    longest_clip: int
    level: float
    loud: float
    quiet: float
    silence_share: float
    leading: float
    trailing: float
    bandwidth: float
    channel_loss: float
    digest: bytes
    envelope: np.ndarray
    codec: str = ""

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.sample_freq

    @property
    def clip_share(self) -> float:
        """Clipped samples among all."""
        return self.clipped / max(self.frames, 1)


def measure(
    blocks: Iterable[np.ndarray], sample_freq: int, limits: Thresholds | None = None
) -> Measurement:
    """Measures a recording.

    Args:
      blocks: its samples in order, [n, channel] float32. All but the last are of a length that
        is a multiple of `block_multiple(sample_freq)`.
      sample_freq: Hz.
    """
    limits = limits or Thresholds()
    meter = _Meter(sample_freq, limits)
    for block in blocks:
        meter.add(block)
    return meter.result()


def block_multiple(sample_freq: int, limits: Thresholds | None = None) -> int:
    """Blocks of a multiple of so many samples have whole frames and whole spectra."""
    frame, spectrum = _lengths(sample_freq, limits or Thresholds())
    return math.lcm(frame, spectrum)


def _lengths(sample_freq: int, limits: Thresholds) -> tuple[int, int]:
    """Samples of a frame, and of a spectrum (a power of two, four values or more in a band)."""
    frame = max(1, round(limits.frame_seconds * sample_freq))
    return frame, 1 << max(6, math.ceil(math.log2(4 * sample_freq / _BAND_HZ)))


class _Meter:
    def __init__(self, sample_freq: int, limits: Thresholds):
        self.sample_freq, self.limits = sample_freq, limits
        self.frame, self.spectrum = _lengths(sample_freq, limits)
        self.window = np.hanning(self.spectrum).astype(np.float32)
        self.power = np.zeros(self.spectrum // 2 + 1)
        self.hash = hashlib.blake2b(digest_size=16)
        self.frames = self.channels = 0
        self.total = self.squares = self.channel_squares = 0.0
        self.low, self.high, self.peak = math.inf, -math.inf, 0.0
        self.clipped = self.longest = self.run = 0
        self.levels: list[np.ndarray] = []
        self.spectra = 0

    def add(self, block: np.ndarray) -> None:
        self.channels = block.shape[1]
        mono = block[:, 0] if self.channels == 1 else block.mean(axis=1, dtype=np.float32)
        mono = np.ascontiguousarray(mono) + np.float32(0)  # no negative zeros
        self.hash.update(mono.data)
        self.frames += len(mono)
        self.total += float(mono.sum(dtype=np.float64))
        self.low, self.high = min(self.low, float(mono.min())), max(self.high, float(mono.max()))
        squares = float(np.dot(mono, mono))
        self.squares += squares
        if self.channels == 1:
            self.channel_squares += squares
            largest = np.abs(mono)
        else:
            self.channel_squares += float(np.square(block).sum(dtype=np.float64)) / self.channels
            largest = np.abs(block).max(axis=1)
        self.peak = max(self.peak, float(largest.max()))
        self._count_clips(largest >= self.limits.full_scale)
        self._add_levels(mono)
        self._add_spectrum(mono)

    def _count_clips(self, full: np.ndarray) -> None:
        """Runs may go on in the next block: the last one waits in `run`."""
        edges = np.flatnonzero(np.diff(full, prepend=False, append=False))
        starts, ends = edges[::2], edges[1::2]
        lengths = ends - starts
        if not (len(starts) and starts[0] == 0):
            self._end_run()
        elif ends[0] == len(full):
            self.run += len(full)
            return
        else:
            lengths[0] += self.run
            self.run = 0
        if len(ends) and ends[-1] == len(full):
            self.run = int(lengths[-1])
            lengths = lengths[:-1]
        lengths = lengths[lengths >= self.limits.clip_run]
        self.clipped += int(lengths.sum())
        self.longest = max(self.longest, int(lengths.max(initial=0)))

    def _end_run(self) -> None:
        if self.run >= self.limits.clip_run:
            self.clipped += self.run
            self.longest = max(self.longest, self.run)
        self.run = 0

    def _add_levels(self, mono: np.ndarray) -> None:
        """The power of each frame; what is left at the end is a frame if it is half a one."""
        whole = len(mono) // self.frame * self.frame
        frames = mono[:whole].reshape(-1, self.frame)
        self.levels.append(np.einsum("tn,tn->t", frames, frames) / self.frame)
        rest = mono[whole:]
        if len(rest) * 2 >= self.frame or (len(rest) and not self.levels[0].size):
            self.levels.append(np.array([np.dot(rest, rest) / len(rest)]))

    def _add_spectrum(self, mono: np.ndarray) -> None:
        whole = len(mono) // self.spectrum * self.spectrum
        if not whole and not self.spectra:  # a recording that is shorter than a spectrum
            mono = np.pad(mono, (0, self.spectrum - len(mono)))
            whole = self.spectrum
        pieces = mono[:whole].reshape(-1, self.spectrum)
        for start in range(0, len(pieces), 64):  # little memory
            values = np.fft.rfft(pieces[start : start + 64] * self.window)
            self.power += np.square(np.abs(values)).sum(axis=0)
        self.spectra += len(pieces)

    def result(self) -> Measurement:
        self._end_run()
        power = np.concatenate(self.levels).astype(np.float64)
        levels = decibels(power)
        quiet, loud = np.percentile(levels, [5, 95])
        limits = self.limits
        floor = max(limits.silence_floor, loud - limits.silence_below_loud)
        sounding = np.flatnonzero(levels >= floor)
        seconds = self.frame / self.sample_freq
        duration = self.frames / self.sample_freq
        rms = math.sqrt(self.squares / self.frames)
        channel_level = float(decibels(self.channel_squares / self.frames))
        if len(sounding):
            leading = sounding[0] * seconds
            trailing = max(duration - (sounding[-1] + 1) * seconds, 0.0)
            level = float(decibels(power[sounding].mean()))
        else:
            leading, trailing, level = duration, 0.0, NO_LEVEL
        return Measurement(
            sample_freq=self.sample_freq,
            channels=self.channels,
            frames=self.frames,
            peak=self.peak,
            rms=rms,
            mean=self.total / self.frames,
            constant=self.low == self.high,
            clipped=self.clipped,
            longest_clip=self.longest,
            level=level,
            loud=float(loud),
            quiet=float(quiet),
            silence_share=1 - len(sounding) / len(levels),
            leading=float(leading),
            trailing=float(trailing),
            bandwidth=self._bandwidth(),
            channel_loss=channel_level - float(decibels(rms**2)),
            digest=self.hash.digest(),
            envelope=_envelope(levels),
        )

    def _bandwidth(self) -> float:
        """The DC value is left out: an offset is not a band."""
        values = self.power[1:]
        width = max(1, round(_BAND_HZ * self.spectrum / self.sample_freq))
        count = len(values) // width
        bands = decibels(values[: count * width].reshape(count, width).mean(axis=1))
        full = np.flatnonzero(bands >= bands.max() + self.limits.band_floor)
        top = (full[-1] + 1) * width * self.sample_freq / self.spectrum
        return min(float(top), self.sample_freq / 2)


def decibels(power: np.ndarray | float) -> np.ndarray:
    """10 log10, at least `NO_LEVEL`."""
    return 10 * np.log10(np.maximum(power, 10 ** (NO_LEVEL / 10)))


def _envelope(levels: np.ndarray) -> np.ndarray:
    """Levels over time at as many points for every recording, standardised.

    The means of equal stretches. What is far below the loudest frame counts as equally quiet:
    codecs and filters change it.
    """
    levels = np.maximum(levels, levels.max() - _ENVELOPE_RANGE)
    sums = np.concatenate([[0.0], np.cumsum(levels)])
    places = np.linspace(0, len(levels), ENVELOPE_POINTS + 1)
    outline = np.diff(np.interp(places, np.arange(len(sums)), sums))
    deviation = outline.std()
    if deviation < 1e-6:
        return np.zeros(ENVELOPE_POINTS, np.float16)
    return ((outline - outline.mean()) / deviation).astype(np.float16)
