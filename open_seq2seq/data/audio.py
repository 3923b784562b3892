"""Audio files as samples: reading, mixing down, resampling, and what the header says.

What libsndfile reads is accepted where the length that the container states can be checked: WAV
(8, 16, 24, 32 bit, float and others), FLAC, Ogg Opus and Vorbis, MP3, AIFF, and AU, CAF, RF64, W64,
NIST SPHERE and HTK. A file is read whole, or what is wrong with it is said.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import overload

import numpy as np
import soxr

from open_seq2seq.data.sound_file import SoundFile, audio_error, open_sound

_BLOCK_SECONDS = 10
# Floats of a file with integers of 32 bits as they are reach 2e9; other bytes read as floats, 1e38.
_LARGEST = 1e10

# Seconds that a segment may end behind its file: both times may be rounded to a decimal.
SEGMENT_SLACK = 0.051


@dataclass(frozen=True)
class AudioInfo:
    """What the header of an audio file says.

    Args:
      duration: seconds.
      sample_freq: the file's own sample rate, in Hz.
      channels: number of channels.
      frames: samples per channel.
      format: container, such as `WAV`, `FLAC`, `OGG`, `MP3`.
      subtype: encoding, such as `PCM_16`, `FLOAT`, `OPUS`.
      damaged: it is not the samples that the header says; reading the file says why.
    """

    duration: float
    sample_freq: int
    channels: int
    frames: int
    format: str
    subtype: str
    damaged: bool = False


def audio_info(path: str | os.PathLike[str], lenient: bool = False) -> AudioInfo:
    """Reads the header of an audio file, not its samples.

    Only files that do not say their length (FLAC written to a pipe) are decoded, and the frames of
    an MP3 without a tag are counted.

    Args:
      path: the file.
      lenient: a file that can be opened is not an error, though it is cut off or joined with
        others: it is `damaged`, and reading it fails.

    Raises:
      InputError: the file is missing, is no audio file, holds no samples, or, as far as its header
        and its end tell, not those that the header says.
    """
    with open_sound(path, thorough=False, is_segment=lenient) as file:
        frames = file.length
        if frames is None:
            frames = file.count()
        return AudioInfo(
            duration=frames / file.samplerate,
            sample_freq=file.samplerate,
            channels=file.channels,
            frames=frames,
            format=file.format,
            subtype=file.subtype,
            damaged=file.is_damaged,
        )


def read_audio(
    path: str | os.PathLike[str],
    sample_freq: int,
    start: float | None = None,
    duration: float | None = None,
) -> np.ndarray:
    """Reads an audio file, or a segment of it, as mono samples at the wanted rate.

    Channels are averaged; another rate is converted by soxr (HQ). 16-bit samples are
    exactly `sample / 32768`. What is read and converted of a segment are its own samples only:
    the result is that of a file into which it was cut.

    Args:
      path: the file.
      sample_freq: the wanted sample rate, in Hz.
      start: where the segment begins, in seconds; None: the whole file is read.
      duration: the segment's length in seconds, more than 0.

    Returns:
      Samples `[n]` float32, nominally in [-1, 1] (float files and lossy codecs may
      go a little beyond; nothing is clipped).

    Raises:
      InputError: the file is missing, unreadable, empty, cut off, joined with another one, holds
        NaN or infinite samples, or ends before the segment does.
    """
    with open_sound(path, start is None, start is not None) as file:
        first, count = 0, None
        if start is not None and duration is not None:
            first, count = _bounds(start, duration, file.samplerate)
        first = file.go_to(first)
        samples = file.take(count)
        if count is None or len(samples) < count:
            file.check_complete(first + len(samples))
        rate = file.samplerate
        if start is not None and duration is not None:
            length = _seconds_reached(file, first + len(samples))
            _check_segment(path, start, duration, length, len(samples))
        may_hold_nan = _may_hold_nan(file)
    if may_hold_nan:
        _check_sound(path, _count_no_sound(samples))
    if samples.ndim == 2:
        samples = samples.mean(axis=1, dtype=np.float32)
    return resample(samples, rate, sample_freq)


def audio_blocks(
    path: str | os.PathLike[str],
    frames: int,
    start: float | None = None,
    duration: float | None = None,
) -> Iterator[np.ndarray]:
    """Reads what `read_audio` reads as it is in the file, with little memory.

    Args:
      path, start, duration: as for `read_audio`.
      frames: the length of a block.

    Yields:
      Samples `[n, channel]` float32 at the file's own rate; n is `frames`, less in the last block.

    Raises:
      InputError: as `read_audio`; of a file that turns out cut off or with NaN, at its end.
    """
    with open_sound(path, start is None, start is not None) as file:
        first, count = 0, None
        if start is not None and duration is not None:
            first, count = _bounds(start, duration, file.samplerate)
        first = file.go_to(first)
        may_hold_nan = _may_hold_nan(file)
        read = bad = 0
        while count is None or read < count:
            wanted = frames if count is None else min(frames, count - read)
            block = file.take(wanted, always_2d=True)
            read += len(block)
            if may_hold_nan:
                bad += _count_no_sound(block)
            if len(block):
                yield block
            if len(block) < wanted:
                break
        if count is None or read < count:
            file.check_complete(first + read)
        if start is not None and duration is not None:
            length = _seconds_reached(file, first + read)
            _check_segment(path, start, duration, length, read)
    _check_sound(path, bad)


def mono_blocks(
    path: str | os.PathLike[str],
    sample_freq: int,
    start: float | None = None,
    duration: float | None = None,
) -> Iterator[np.ndarray]:
    """What `read_audio` gives, to the rounding of its resampling, block by block.

    Args:
      path, sample_freq, start, duration: as for `read_audio`.

    Yields:
      Samples `[n]` float32 of about ten seconds.

    Raises:
      InputError: as `audio_blocks`.
    """
    rate = audio_info(path).sample_freq
    blocks = audio_blocks(path, _BLOCK_SECONDS * rate, start, duration)
    return resampled_blocks((block.mean(axis=1) for block in blocks), rate, sample_freq)


def resampled_blocks(
    blocks: Iterable[np.ndarray], from_freq: int, to_freq: int
) -> Iterator[np.ndarray]:
    """`resample` of a signal that comes in blocks, `[n]` float32 each."""
    if from_freq == to_freq:
        yield from blocks
        return
    stream = soxr.ResampleStream(from_freq, to_freq, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def ends_late(start: float, duration: float, file_duration: float) -> bool:
    """Whether a segment reaches past its file's end, by more than manifests are rounded."""
    return start >= file_duration or start + duration > file_duration + SEGMENT_SLACK


def resample(samples: np.ndarray, from_freq: int, to_freq: int, quality: str = "HQ") -> np.ndarray:
    """Converts the sample rate with soxr.

    Args:
      samples: `[n]` float32.
      from_freq: their rate, in Hz.
      to_freq: the wanted rate, in Hz.
      quality: a soxr recipe: QQ, LQ, MQ, HQ or VHQ.

    Returns:
      `[resampled_length(n, from_freq, to_freq)]` float32.
    """
    if from_freq == to_freq:
        return samples
    converted = soxr.resample(samples, from_freq, to_freq, quality=quality)
    # soxr rounds the same way; the lengths that batches are planned with rely on it.
    missing = resampled_length(len(samples), from_freq, to_freq) - len(converted)
    if missing > 0:
        return np.pad(converted, (0, missing))
    return converted[: len(converted) + missing]


@overload
def resampled_length(samples: int, from_freq: int, to_freq: int) -> int: ...
@overload
def resampled_length(
    samples: np.ndarray, from_freq: int | np.ndarray, to_freq: int | np.ndarray
) -> np.ndarray: ...
def resampled_length(
    samples: int | np.ndarray, from_freq: int | np.ndarray, to_freq: int | np.ndarray
) -> int | np.ndarray:
    """Number of samples after `resample`: `samples * to / from`, halves rounded up.

    Works on ints and integer arrays.
    """
    return (2 * samples * to_freq + from_freq) // (2 * from_freq)


def _bounds(start: float, duration: float, rate: int) -> tuple[int, int]:
    """The first sample of a segment and the number of its samples, at the file's rate."""
    return round(start * rate), max(1, round(duration * rate))


def _seconds_reached(file: SoundFile, reached: int) -> float:
    """The file's length in seconds; of one that does not say it, as far as it was read."""
    return (reached if file.length is None else file.length) / file.samplerate


def _may_hold_nan(file: SoundFile) -> bool:
    return file.subtype in ("FLOAT", "DOUBLE")


def _count_no_sound(samples: np.ndarray) -> int:
    """Floats that cannot be samples: NaN, infinite, or so large that sums of them overflow."""
    return int(np.count_nonzero(~(np.abs(samples) <= _LARGEST)))


def _check_sound(path: str | os.PathLike[str], bad: int) -> None:
    if bad:
        found = f"{bad} NaN or infinite samples (or over {_LARGEST:g})"
        raise audio_error(path, found, "finite samples", "Write it again.")


def _check_segment(
    path: str | os.PathLike[str], start: float, duration: float, length: float, read: int
) -> None:
    if read == 0 or ends_late(start, duration, length):
        found = f"a segment from {start:g} to {start + duration:g} s of {length:.3f} s"
        raise audio_error(path, found, "a segment within the file", "Correct offset and duration.")
