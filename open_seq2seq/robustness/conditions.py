"""The conditions: each a function of samples that changes nothing but one thing."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from open_seq2seq.config.schema import closest_name
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.robustness import channel
from open_seq2seq.robustness.level import at_level, clipped
from open_seq2seq.robustness.noise import with_noise
from open_seq2seq.robustness.pauses import noise_floor, silence, with_pause

# [n] float32, their rate in Hz, a source of random numbers -> [m] float32
Change = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]

SILENCE_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
FLOOR_LEVELS = (-80, -60, -50, -40)
FLOOR_SECONDS = 0.5
NOISE_RATIOS = (20, 10)
LEVELS = (-30, -20, -10, 10)
CLIPPED_SHARES = (0.01, 0.1)
REVERBERATION_TIMES = (0.3, 0.6)
SPEEDS = (0.9, 1.1)


@dataclass(frozen=True)
class Condition:
    """One way in which recordings can differ from those of a corpus.

    Args:
      name: as it is chosen by and listed, `silence_after_0.5s`.
      group: those that are shown, chosen and limited together.
      label: in words, beneath its group.
      change: what it does to a recording.
    """

    name: str
    group: str
    label: str
    change: Change

    def __call__(
        self, samples: np.ndarray, sample_freq: int, seed: int, utterance: str
    ) -> np.ndarray:
        """The recording under this condition; the same each time.

        Args:
          samples: `[n]` float32.
          sample_freq: their rate, in Hz.
          seed: of everything random.
          utterance: its name: each has noise of its own, whichever others are measured.

        Returns:
          `[m]` float32.
        """
        numbers = [
            seed,
            *(zlib.crc32(text.encode(errors="replace")) for text in (self.name, utterance)),
        ]
        return self.change(samples, sample_freq, np.random.default_rng(numbers))


CLEAN = Condition("clean", "clean", "as recorded", lambda samples, sample_freq, rng: samples)


def _pauses() -> Iterator[Condition]:
    for place in ("after", "before", "within"):
        for seconds in SILENCE_SECONDS:
            name = f"silence_{place}_{seconds:g}s"
            change = partial(_silence, seconds=seconds, place=place)
            yield Condition(name, "silence", f"{seconds:g} s {place}", change)
    for level in FLOOR_LEVELS:
        name, label = f"noise_after_{level}dBFS", f"{FLOOR_SECONDS:g} s at {level} dBFS after"
        yield Condition(name, "noise_floor", label, partial(_floor, level=level))


def _levels() -> Iterator[Condition]:
    for decibels in LEVELS:
        label = f"{decibels:+d} dB{', clipped at full scale' if decibels > 0 else ''}"
        change = partial(_level, decibels=decibels)
        yield Condition(f"level_{decibels:+d}dB", "level", label, change)
    for share in CLIPPED_SHARES:
        label = f"{share:.0%} of the samples"
        yield Condition(f"clipping_{share:.0%}", "clipping", label, partial(_clipped, share=share))


def _noises() -> Iterator[Condition]:
    for kind, words in (("white", "white"), ("speech_shaped", "speech-shaped")):
        for ratio in NOISE_RATIOS:
            change = partial(_noise, kind=kind, ratio=ratio)
            name, label = f"noise_{kind}_{ratio}dB", f"{words}, {ratio} dB SNR"
            yield Condition(name, "noise", label, change)


def _channels() -> Iterator[Condition]:
    band = "300 to 3400 Hz"
    yield Condition("telephone_band", "telephone", band, partial(_telephone, mu_law=False))
    change = partial(_telephone, mu_law=True)
    yield Condition("telephone_mu_law", "telephone", f"{band}, G.711 mu-law", change)
    yield Condition("mp3", "codec", "MP3, 24 kbit/s (16 at 8 kHz)", _mp3)
    yield Condition("opus", "codec", "Opus, 12 kbit/s", _opus)
    for time in REVERBERATION_TIMES:
        name, change = f"reverberation_{time:g}s", partial(_room, reverberation_time=time)
        yield Condition(name, "reverberation", f"RT60 {time:g} s", change)
    for speed in SPEEDS:
        change = partial(_speed, speed=speed)
        yield Condition(f"speed_{speed:g}", "speed", f"{speed:g} times as fast", change)


def _silence(
    samples: np.ndarray, freq: int, rng: np.random.Generator, seconds: float, place: str
) -> np.ndarray:
    return with_pause(samples, freq, silence(freq, seconds), place)


def _floor(samples: np.ndarray, freq: int, rng: np.random.Generator, level: float) -> np.ndarray:
    return with_pause(samples, freq, noise_floor(freq, FLOOR_SECONDS, level, rng), "after")


def _level(samples: np.ndarray, freq: int, rng: np.random.Generator, decibels: float) -> np.ndarray:
    return at_level(samples, decibels)


def _clipped(samples: np.ndarray, freq: int, rng: np.random.Generator, share: float) -> np.ndarray:
    return clipped(samples, share)


def _noise(
    samples: np.ndarray, freq: int, rng: np.random.Generator, kind: str, ratio: float
) -> np.ndarray:
    return with_noise(samples, kind, ratio, rng)


def _telephone(
    samples: np.ndarray, freq: int, rng: np.random.Generator, mu_law: bool
) -> np.ndarray:
    return channel.telephone(samples, freq, mu_law)


def _mp3(samples: np.ndarray, freq: int, rng: np.random.Generator) -> np.ndarray:
    return channel.mp3(samples, freq)


def _opus(samples: np.ndarray, freq: int, rng: np.random.Generator) -> np.ndarray:
    return channel.opus(samples, freq)


def _room(
    samples: np.ndarray, freq: int, rng: np.random.Generator, reverberation_time: float
) -> np.ndarray:
    return channel.reverberant(samples, freq, reverberation_time, rng)


def _speed(samples: np.ndarray, freq: int, rng: np.random.Generator, speed: float) -> np.ndarray:
    return channel.at_speed(samples, freq, speed)


CONDITIONS = (*_pauses(), *_levels(), *_noises(), *_channels())
GROUPS = tuple(dict.fromkeys(condition.group for condition in CONDITIONS))


def choose(names: Sequence[str]) -> list[Condition]:
    """The conditions of some names and groups, in the order of `CONDITIONS`; all if none is given.

    Raises:
      InputError: naming each that is neither.
    """
    known = [*GROUPS, *(condition.name for condition in CONDITIONS)]
    problems = []
    for name in names:
        if name not in known:
            near = closest_name(name, known)
            remedy = f"Did you mean {near}?" if near else "--help lists the names."
            expected = f"one of the groups {', '.join(GROUPS)}, or a condition's name"
            problems.append(Problem("--conditions", repr(name), expected, remedy))
    if problems:
        raise InputError("There are no such conditions:", problems)
    return [one for one in CONDITIONS if not names or one.name in names or one.group in names]
