"""What a page shows of a recording: its spectrogram, its words at their times, a player."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

import numpy as np
import soundfile

# Of a longer recording the first part is shown, so that a page stays small.
SECONDS_SHOWN = 20.0
# Below the loudest: darker is silence.
RANGE_DB = 70.0
_PIXELS_PER_SECOND = 150
_LEAST_PIXELS = 360
# A letter of a track, about: what decides which words need a line of their own.
_LETTER_PIXELS = 7.2
_LINE_EM = 1.35


class TimedWord(NamedTuple):
    """A word with its start in seconds, and what is wrong with it ("", or a class of the page)."""

    text: str
    start: float
    kind: str = ""


@dataclass(frozen=True)
class Sound:
    """A recording as a page shows it.

    Args:
      samples: [n] float32, in [-1, 1].
      sample_freq: in Hz.
      reference, hypothesis: the words at their times.
    """

    samples: np.ndarray
    sample_freq: int
    reference: Sequence[TimedWord]
    hypothesis: Sequence[TimedWord]


def spectrogram(samples: np.ndarray, sample_freq: int) -> np.ndarray:
    """Power in dB below its maximum, of frames of 25 ms each 10 ms (Hann window).

    Args:
      samples: [n] float.
      sample_freq: in Hz.

    Returns:
      [frequency, time] float32, from 0 Hz to half the sample rate, 0 down to -70.
    """
    window, step = max(sample_freq // 40, 2), max(sample_freq // 100, 1)
    padded = np.pad(np.asarray(samples, np.float32), (window // 2, window))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::step]
    frames = frames[: max(-(-len(samples) // step), 1)]
    power = np.abs(np.fft.rfft(frames * np.hanning(window).astype(np.float32), axis=1)) ** 2
    level = 10 * np.log10(np.maximum(power, 1e-12)).T
    return np.maximum(level - level.max(), -RANGE_DB).astype(np.float32)


def sound_figure(sound: Sound) -> str:
    """The recording as an HTML element that needs nothing else."""
    count = round(SECONDS_SHOWN * sound.sample_freq)
    samples = sound.samples[:count]
    seconds = len(samples) / sound.sample_freq
    width = max(seconds * _PIXELS_PER_SECOND, _LEAST_PIXELS)
    cut = ""
    if len(sound.samples) > count:
        whole = len(sound.samples) / sound.sample_freq
        cut = f'<div class="soft">The first {SECONDS_SHOWN:g} s of {whole:.1f} s</div>'
    scale = width / max(seconds, 1e-6)
    tracks = "".join(
        _track(name, label, [word for word in words if word.start < seconds], scale)
        for name, label, words in (
            ("reference", "REF", sound.reference),
            ("hypothesis", "HYP", sound.hypothesis),
        )
    )
    return (
        f'<figure class="sound"><div class="time"><div style="width:{width:.0f}px">'
        f'<img alt="Spectrogram, 0 to {sound.sample_freq / 2000:g} kHz" '
        f'src="data:image/png;base64,{_encoded(_picture(samples, sound.sample_freq))}">'
        f"{_seconds_track(seconds, scale)}{tracks}</div></div>"
        f'<audio controls preload="none" src="data:audio/flac;base64,'
        f'{_encoded(_flac(samples, sound.sample_freq))}"></audio>{cut}</figure>'
    )


def _track(name: str, label: str, words: Sequence[TimedWord], scale: float) -> str:
    """The words at their times; those that would lie over each other in lines of their own."""
    ends: list[float] = []
    parts = []
    for word in words:
        left = word.start * scale
        line = next((n for n, end in enumerate(ends) if end <= left), len(ends))
        if line == len(ends):
            ends.append(0.0)
        ends[line] = left + len(word.text) * _LETTER_PIXELS + 10
        kind = f' class="{word.kind}"' if word.kind else ""
        parts.append(
            f'<span{kind} style="left:{left:.0f}px;top:{line * _LINE_EM:.2f}em" '
            f'title="{label}, {word.start:.2f} s">{escape(word.text)}</span>'
        )
    height = max(len(ends), 1) * _LINE_EM
    return f'<div class="track {name}-words" style="height:{height:.2f}em">{"".join(parts)}</div>'


def _seconds_track(seconds: float, scale: float) -> str:
    """The time axis: a number at each second, closer in short recordings."""
    step = 1.0 if seconds > 3 else 0.5 if seconds > 1 else 0.1
    marks = "".join(
        f'<span class="soft" style="left:{step * n * scale:.0f}px">{step * n:g} s</span>'
        for n in range(int(seconds / step) + 1)
        if seconds - step * n > 0.2 * step
    )
    return f'<div class="track" style="height:1.1em">{marks}</div>'


def _picture(samples: np.ndarray, sample_freq: int) -> bytes:
    """The spectrogram as PNG, the lowest frequency at the bottom."""
    from matplotlib.image import imsave

    level = spectrogram(samples, sample_freq)
    file = io.BytesIO()
    imsave(file, level[::-1], cmap="magma", vmin=-RANGE_DB, vmax=0, format="png")
    return file.getvalue()


def _flac(samples: np.ndarray, sample_freq: int) -> bytes:
    """What was recognised, without loss but for values beyond full scale."""
    file = io.BytesIO()
    soundfile.write(file, np.clip(samples, -1, 1), sample_freq, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
