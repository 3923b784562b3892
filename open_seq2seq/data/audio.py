"""Audio files as samples: reading, mixing down, resampling, and what the header says.

Everything that libsndfile reads is accepted: WAV (8, 16, 24, 32 bit and float),
FLAC, Ogg Opus and Vorbis, MP3, AIFF and more.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import soundfile
import soxr

from open_seq2seq.errors import InputError, Problem

FORMATS = "WAV, FLAC, Ogg Opus or Vorbis, MP3 or AIFF"

_BLOCK_SECONDS = 10

# Seconds that a segment may end behind its file: both times may be rounded to a decimal.
SEGMENT_SLACK = 0.051

# libsndfile shortens the data chunk of a cut WAV or AIFF file silently, and says so
# only in its log. Sizes near 2^31 and 2^32 mean "unknown" in files written to a pipe.
_CUT_CHUNK = re.compile(r"^\s*(?:data|SSND)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)
_UNKNOWN_SIZE = 0x7FFFFF00

# An Ogg stream without its end mark may be a live recording; half a page behind it is a cut.
# libsndfile notes the missing mark while it opens the file or when it has read the rest.
_CUT_OGG = re.compile(r"Junk after the last page")
_NO_OGG_END = re.compile(r"lacks an end-of-stream bit|without an End-Of-Stream flag")

# An MP3 states its length in one of these tags; without them libsndfile estimates it.
_MP3_LENGTH_TAGS = (b"Xing", b"Info", b"VBRI")
_MP3_SLACK = 2 * 1152  # samples of two MP3 frames: encoder delay and padding


@dataclass(frozen=True)
class AudioInfo:
    """What the header of an audio file says.

    Args:
      duration: seconds.
      sample_freq: the file's own sample rate, in Hz.
      channels: number of channels.
      frames: samples per channel; an estimate for MP3.
      format: container, such as `WAV`, `FLAC`, `OGG`, `MP3`.
      subtype: encoding, such as `PCM_16`, `FLOAT`, `OPUS`.
    """

    duration: float
    sample_freq: int
    channels: int
    frames: int
    format: str
    subtype: str


def audio_info(path: str | os.PathLike[str]) -> AudioInfo:
    """Reads the header of an audio file, not its samples.

    Raises:
      InputError: the file is missing, is no audio file or holds no samples.
    """
    with _open(path) as file:
        return AudioInfo(
            duration=file.frames / file.samplerate,
            sample_freq=file.samplerate,
            channels=file.channels,
            frames=file.frames,
            format=file.format,
            subtype=file.subtype,
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
      InputError: the file is missing, unreadable, empty, cut off, holds NaN or infinite
        samples, or ends before the segment does.
    """
    with _open(path) as file:
        first, count = 0, -1
        if start is not None and duration is not None:
            first, count = _bounds(start, duration, file.samplerate)
        samples = _read(file, path, count, first)
        if count < 0 or len(samples) < count:
            _check_complete(file, path, min(first, file.frames) + len(samples))
        rate = file.samplerate
        if start is not None and duration is not None:
            _check_segment(path, start, duration, file.frames / rate, len(samples))
        may_hold_nan = _may_hold_nan(file)
    if may_hold_nan:
        _check_finite(path, int(np.count_nonzero(~np.isfinite(samples))))
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
    with _open(path) as file:
        first, count = 0, file.frames
        if start is not None and duration is not None:
            first, count = _bounds(start, duration, file.samplerate)
        may_hold_nan = _may_hold_nan(file)
        read = bad = 0
        while read < count:
            block = _read(file, path, min(frames, count - read), 0 if read else first, True)
            if not len(block):
                break
            read += len(block)
            if may_hold_nan:
                bad += int(np.count_nonzero(~np.isfinite(block)))
            yield block
        if start is None or read < count:
            _check_complete(file, path, min(first, file.frames) + read)
        if start is not None and duration is not None:
            _check_segment(path, start, duration, file.frames / file.samplerate, read)
    _check_finite(path, bad)


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
def resampled_length(samples: Any, from_freq: Any, to_freq: Any) -> Any:
    """Number of samples after `resample`: `samples * to / from`, halves rounded up.

    Works on ints and integer arrays.
    """
    return (2 * samples * to_freq + from_freq) // (2 * from_freq)


def _open(path: str | os.PathLike[str]) -> soundfile.SoundFile:
    try:
        file = soundfile.SoundFile(os.fspath(path))
    except (soundfile.SoundFileError, OSError, TypeError) as error:
        raise _open_error(path, error) from error
    if file.frames == 0:
        file.close()
        raise _error(path, "no samples", "audio", "The file is empty or was cut off.")
    return file


def _open_error(path: str | os.PathLike[str], error: Exception) -> InputError:
    """Says why a file does not open; libsndfile itself rarely does."""
    if not os.path.exists(path):
        return _error(path, "no such file", "an audio file", "Check the path.")
    if os.path.isdir(path):
        return _error(path, "a folder", "an audio file")
    if not os.access(path, os.R_OK):
        return _error(path, "a file without read permission", "a readable audio file")
    if os.path.getsize(path) == 0:
        return _error(path, "an empty file (0 bytes)", "an audio file", "Fetch it again.")
    return _error(path, f"a file that does not open ({_reason(error)})", FORMATS)


def _bounds(start: float, duration: float, rate: int) -> tuple[int, int]:
    """The first sample of a segment and the number of its samples, at the file's rate."""
    return round(start * rate), max(1, round(duration * rate))


def _read(
    file: soundfile.SoundFile,
    path: str | os.PathLike[str],
    count: int,
    first: int = 0,
    always_2d: bool = False,
) -> np.ndarray:
    """The next `count` samples (all if negative), after going to `first` unless it is 0."""
    try:
        if first:
            # Behind the end there is nothing to seek; then nothing is read either.
            file.seek(min(first, file.frames))
        return file.read(count, dtype="float32", always_2d=always_2d)
    except (soundfile.SoundFileError, OSError) as error:
        found = f"data that does not decode ({_reason(error)})"
        raise _error(path, found, "a complete audio file") from error


def _may_hold_nan(file: soundfile.SoundFile) -> bool:
    return file.subtype in ("FLOAT", "DOUBLE")


def _check_finite(path: str | os.PathLike[str], bad: int) -> None:
    if bad:
        raise _error(path, f"{bad} NaN or infinite samples", "finite samples", "Write it again.")


def _check_segment(
    path: str | os.PathLike[str], start: float, duration: float, length: float, read: int
) -> None:
    if read == 0 or ends_late(start, duration, length):
        found = f"a segment from {start:g} to {start + duration:g} s of {length:.3f} s"
        raise _error(path, found, "a segment within the file", "Correct offset and duration.")


def _check_complete(file: soundfile.SoundFile, path: str | os.PathLike[str], read: int) -> None:
    """Raises when fewer samples came than the file was written with."""
    promised = file.frames
    log = file.extra_info
    cut = _CUT_CHUNK.search(log) if file.format in ("WAV", "WAVEX", "AIFF") else None
    if cut and int(cut[2]) < int(cut[1]) < _UNKNOWN_SIZE:
        promised = round(read * int(cut[1]) / int(cut[2]))
    if file.format == "MP3" and (promised - read <= _MP3_SLACK or not _states_length(path)):
        promised = min(promised, read)
    found = ""
    if read < promised:
        found = f"{read} samples where its header says {promised}"
    elif file.format == "OGG" and _CUT_OGG.search(log) and _NO_OGG_END.search(log):
        found = f"an Ogg stream that breaks off after {read} samples"
    if found:
        remedy = "The file was cut off: fetch or write it again."
        raise _error(path, found, "a complete audio file", remedy)


def _states_length(path: str | os.PathLike[str]) -> bool:
    with open(path, "rb") as file:
        content = file.read()
    return any(tag in content for tag in _MP3_LENGTH_TAGS)


def _reason(error: Exception) -> str:
    """libsndfile's words without the path that it repeats."""
    text: Any = getattr(error, "error_string", "") or str(error)
    return str(text).strip(" .:")


def _error(path: str | os.PathLike[str], found: str, expected: str, remedy: str = "") -> InputError:
    return InputError("Cannot read audio:", [Problem(os.fspath(path), found, expected, remedy)])
