"""Rooms: recordings as they would sound some distance from a microphone in a simulated room."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import numpy as np

from open_seq2seq.config.schema import Param, Params, Schema
from open_seq2seq.data.speech2text.image_source import SPEED_OF_SOUND, Room
from open_seq2seq.errors import Problem

# Speaker and microphone are so far from every wall, in metres.
_FROM_WALLS = 0.3
_PAIRS = (("t60_min", "t60_max"), ("length_min", "length_max"), ("height_min", "height_max"),
          ("distance_min", "distance_max"))  # fmt: skip


def _check(values: Params, where: str) -> Iterable[Problem]:
    filled = {param.name: values.get(param.name, param.default) for param in _PARAMS}
    for low, high in _PAIRS:
        if filled[low] > filled[high]:
            remedy = f"Set {low} to {filled[high]:g} or less, or raise {high}."
            expected = f"at most {high}, {filled[high]:g}"
            yield Problem(f"{where}/{low}", f"{filled[low]:g}", expected, remedy)
    # So far apart that a place for both is soon found by trying.
    most = 0.75 * (filled["length_min"] - 2 * _FROM_WALLS)
    if filled["distance_max"] > most:
        expected = f"at most {most:g}: the smallest floor is {filled['length_min']:g} m long"
        remedy = f"Set distance_max to {most:g}, or raise length_min."
        yield Problem(f"{where}/distance_max", f"{filled['distance_max']:g}", expected, remedy)


_PARAMS = [
    Param(
        "probability", float, "Share of the recordings that are put into a room.", 0.5, minimum=0,
        maximum=1,
    ),
    Param("num_rooms", int, "Rooms that are drawn from, always the same; each is simulated when it "
          "is first drawn, and kept.", 200, minimum=1),
    Param("t60_min", float, "Shortest reverberation time: seconds until sound is 60 dB weaker.",
          0.15, minimum=0.05, maximum=1.5),
    Param("t60_max", float, "Longest reverberation time, seconds.", 0.6, minimum=0.05, maximum=1.5),
    Param("length_min", float, "Shortest side of a room's floor, metres.", 3.5, minimum=1.0),
    Param("length_max", float, "Longest side of a room's floor, metres.", 8.0, maximum=50.0),
    Param("height_min", float, "Lowest ceiling, metres.", 2.4, minimum=1.0),
    Param("height_max", float, "Highest ceiling, metres.", 3.5, maximum=20.0),
    Param("distance_min", float, "Shortest way from the mouth to the microphone, metres.", 0.3,
          minimum=0.1),
    Param("distance_max", float, "Longest way from the mouth to the microphone, metres.", 2.0,
          minimum=0.1),
]  # fmt: skip

ROOMS = Schema(
    "rooms", _PARAMS, check=_check, summary="Recordings in simulated rooms (image-source model)."
)


class Rooms:
    """Draws rooms and puts recordings into them; threads may share it.

    Args:
      params: the parameters of `ROOMS`; None: there are none.
      sample_freq: the samples' rate, in Hz.
    """

    def __init__(self, params: Params | None, sample_freq: int):
        self.params = ROOMS.fill(dict({"probability": 0.0} if params is None else params))
        self.sample_freq = sample_freq
        self._responses: dict[int, np.ndarray] = {}
        self._lock = threading.Lock()

    @property
    def is_off(self) -> bool:
        """Whether no recording is changed."""
        return self.params["probability"] == 0

    def response(self, number: int) -> np.ndarray:
        """A room's impulse response from the direct sound on, `[m]` float64.

        Args:
          number: below `num_rooms`; with the same parameters it is the same room.
        """
        with self._lock:
            known = self._responses.get(number)
        if known is not None:
            return known
        made = self._simulated(np.random.default_rng([number, self.sample_freq]))
        with self._lock:
            self._responses[number] = made
        return made

    def _simulated(self, rng: np.random.Generator) -> np.ndarray:
        params = self.params
        t60 = rng.uniform(params["t60_min"], params["t60_max"])
        floor = rng.uniform(params["length_min"], params["length_max"], 2)
        size = np.array([*floor, rng.uniform(params["height_min"], params["height_max"])])
        distance = rng.uniform(params["distance_min"], params["distance_max"])
        while True:
            receiver = rng.uniform(_FROM_WALLS, size - _FROM_WALLS)
            direction = rng.standard_normal(3)
            source = receiver + distance * direction / np.linalg.norm(direction)
            if ((source > _FROM_WALLS) & (source < size - _FROM_WALLS)).all():
                break
        room = Room(size, source, receiver)
        seconds = distance / SPEED_OF_SOUND + t60
        found = room.response(room.reflection(t60), seconds, self.sample_freq)
        return found[round(distance / SPEED_OF_SOUND * self.sample_freq) :]

    def apply(self, samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Puts a recording into a room, or leaves it as it is.

        The direct sound stays where it was, the length is the same, and so is the level (the root
        of the mean square).

        Args:
          samples: `[n]` float32.
          rng: source of whether, and of the room.

        Returns:
          `[n]` float32.
        """
        if self.is_off or rng.random() >= self.params["probability"]:
            return samples
        return convolved(samples, self.response(int(rng.integers(self.params["num_rooms"]))))


def convolved(samples: np.ndarray, response: np.ndarray) -> np.ndarray:
    """The first n samples of a convolution, at the level of `samples`; `[n]` float32."""
    n = len(samples)
    size = 1 << (n + len(response) - 2).bit_length() if n else 1
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(response, size)
    heard = np.fft.irfft(spectrum, size)[:n]
    power, before = np.square(heard).sum(), np.square(samples, dtype=np.float64).sum()
    return (heard * np.sqrt(before / power) if power > 0 else samples).astype(np.float32)
