"""How a room sounds: the image-source model of a rectangular room.

J. B. Allen, D. A. Berkley: Image method for efficiently simulating small-room acoustics,
JASA 65(4), 1979. Each wall mirrors the source; every mirror image, of the images too, is heard
after its distance, weaker by that and by the walls on its way. All walls reflect alike and at every
frequency.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

SPEED_OF_SOUND = 343.0  # m/s
# Arrivals are placed on a grid so much finer than the samples, then limited to their band.
_FINE = 8
# Images all push in the same direction, which adds up to a pressure that no room has: below this
# frequency, in Hz, nothing is kept, as in the paper (a filter of second order).
HIGH_PASS = 50.0
# For the decay: bins a second, and steps that halve the range of a wall's reflection.
_BINS = 2000
_STEPS = 20


@dataclass(frozen=True)
class Room:
    """A rectangular room, a source and a receiver.

    Args:
      size: `[3]` of the room, metres.
      source, receiver: `[3]` inside of it, metres from a corner.
    """

    size: np.ndarray
    source: np.ndarray
    receiver: np.ndarray

    def images(self, seconds: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Distances, metres, and walls on the way of all images that are heard until then."""
        reach = seconds * SPEED_OF_SOUND
        axes = zip(self.size, self.source, self.receiver)
        (x, nx), (y, ny), (z, nz) = (_images(*axis, reach) for axis in axes)
        plane = (y[:, None] ** 2 + z[None] ** 2).ravel()
        walls = (ny[:, None] + nz[None]).ravel()
        for along, count in zip(x, nx):
            distance = np.sqrt(along**2 + plane)
            heard = distance < reach
            yield distance[heard], walls[heard] + count

    def response(self, reflection: float, seconds: float, sample_freq: int) -> np.ndarray:
        """What the receiver hears of an impulse, `[seconds * sample_freq]` float64.

        An image at distance d has the amplitude reflection ** walls / (4 pi d) and comes after
        d / `SPEED_OF_SOUND`; arrivals lie between samples, limited to half the sample rate.

        Args:
          reflection: of each wall, the share of pressure.
          seconds: images that are heard later are left out.
          sample_freq: Hz.
        """
        samples = int(seconds * sample_freq)
        places = samples * _FINE + 2
        heard = np.zeros(places)
        for distance, walls in self.images(samples / sample_freq):
            amplitude = reflection**walls / (4 * np.pi * distance)
            time = distance * (sample_freq * _FINE / SPEED_OF_SOUND)
            first = time.astype(np.int64)
            late = time - first  # shared by the two places of the fine grid
            heard += np.bincount(first, amplitude * (1 - late), places)
            heard += np.bincount(first + 1, amplitude * late, places)
        # Silence behind it, where what rings before the direct sound comes to lie.
        size = 2 * samples
        spectrum = np.fft.rfft(heard[: samples * _FINE], size * _FINE)[: samples + 1]
        found: np.ndarray = np.fft.irfft(spectrum * high_pass(size, sample_freq), size)[:samples]
        return found

    def reflection(self, t60: float) -> float:
        """The share of pressure that walls reflect for this reverberation time, in seconds.

        Formulas of Sabine and Eyring hold where sound comes from everywhere alike; in an empty box
        it lasts longer. So it is found by the decay of the images' energy, by bisection.
        """
        bins, most = math.ceil(t60 * _BINS), 0
        parts = []
        for distance, walls in self.images(t60):
            time = (distance * (_BINS / SPEED_OF_SOUND)).astype(np.int64)
            parts.append((np.minimum(time, bins - 1), walls, distance))
            most = max(most, int(walls.max(initial=0)))
        energy = np.zeros(bins * (most + 1))  # at each time, for each number of walls
        for time, walls, distance in parts:
            energy += np.bincount(time * (most + 1) + walls, distance**-2.0, len(energy))
        table, counts = energy.reshape(bins, most + 1), np.arange(most + 1)
        low, high = 0.0, 1.0
        for _ in range(_STEPS):
            middle = (low + high) / 2
            if _decay(table @ middle ** (2 * counts), _BINS) < t60:
                low = middle
            else:
                high = middle
        return low


def _images(size: float, source: float, receiver: float, reach: float) -> tuple[np.ndarray, ...]:
    """Of one axis: where images lie, seen from the receiver, and how often they were reflected."""
    number = math.ceil(reach / (2 * size)) + 1
    order = np.arange(-number, number + 1)
    offsets = np.concatenate([source + 2 * order * size, -source + 2 * order * size]) - receiver
    counts = np.concatenate([2 * np.abs(order), np.abs(order - 1) + np.abs(order)])
    near = np.abs(offsets) <= reach
    return offsets[near], counts[near]


def high_pass(samples: int, sample_freq: int) -> np.ndarray:
    """Butterworth's filter of second order at the frequencies of a spectrum of so many samples."""
    s = 1j * np.fft.rfftfreq(samples, 1 / sample_freq) / HIGH_PASS
    transfer: np.ndarray = s**2 / (s**2 + math.sqrt(2) * s + 1)
    return transfer


def _decay(energy: np.ndarray, rate: float) -> float:
    left = np.cumsum(energy[::-1])[::-1]
    first, last = (int(np.argmax(left < left[0] * 10**level)) for level in (-0.5, -3.5))
    return 2 * (last - first) / rate


def reverberation_time(response: np.ndarray, sample_freq: int) -> float:
    """Seconds until sound has decayed by 60 dB: twice the time from -5 to -35 dB.

    Of the energy that is still to come (M. R. Schroeder: New method of measuring reverberation
    time, JASA 37, 1965).

    Args:
      response: `[m]`, an impulse response.
      sample_freq: Hz.
    """
    return _decay(np.square(response), sample_freq)
