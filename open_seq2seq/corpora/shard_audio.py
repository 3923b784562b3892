"""Recordings as they go into shards."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from open_seq2seq.data.audio import audio_blocks, audio_info, resample
from open_seq2seq.data.manifest import Utterance
from open_seq2seq.data.shards.place import place_of

FORMATS = ("flac", "opus")
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
# Samples per channel that are read at a time.
_FRAMES = 1 << 20
# Full scale of the integers that FLAC has.
_SCALES = {"PCM_16": (1 << 15, np.int16), "PCM_24": (1 << 23, np.int32)}


@dataclass(frozen=True)
class Recording:
    """An audio file in memory.

    Args:
      data: its bytes.
      suffix: of its name.
      seconds: its length.
      size: of the bytes.
    """

    data: bytes
    suffix: str
    seconds: float
    size: int


def audio_of(utterance: Utterance, format: str | None) -> Recording:
    """The recording of an utterance; of a segment only that.

    FLAC has the samples of WAV and FLAC with 16 or 24 bits exactly; others are rounded to 24 bits.
    Opus is lossy, at libsndfile's rate; other rates than it has become 48 kHz.

    Args:
      format: "flac", "opus", or None: as it is, a segment as FLAC.

    Raises:
      InputError: it cannot be read.
    """
    segment: tuple[float | None, float | None] = (None, None)
    if utterance.offset is not None:
        segment = utterance.offset, utterance.duration
    info = audio_info(utterance.path, lenient=utterance.offset is not None)
    if format is None and utterance.offset is None and place_of(utterance.path) is None:
        data = Path(utterance.path).read_bytes()
        suffix = os.path.splitext(utterance.path)[1].lstrip(".").lower() or info.format.lower()
        return Recording(data, suffix, info.duration, len(data))
    blocks = list(audio_blocks(utterance.path, _FRAMES, *segment))
    samples, rate = np.concatenate(blocks), info.sample_freq
    seconds = len(samples) / rate
    stream = io.BytesIO()
    if format == "opus":
        if rate not in _OPUS_RATES:
            columns = [resample(np.ascontiguousarray(one), rate, 48000) for one in samples.T]
            samples, rate = np.stack(columns, axis=1), 48000
        soundfile.write(stream, samples, rate, format="OGG", subtype="OPUS")
        return Recording(stream.getvalue(), "opus", seconds, stream.tell())
    subtype = "PCM_16" if info.subtype == "PCM_16" else "PCM_24"
    soundfile.write(stream, _integers(samples, subtype), rate, format="FLAC", subtype=subtype)
    return Recording(stream.getvalue(), "flac", seconds, stream.tell())


def _integers(samples: np.ndarray, subtype: str) -> np.ndarray:
    """libsndfile's own scale from floats is not that to floats: it would change the last bit."""
    scale, kind = _SCALES[subtype]
    rounded = np.clip(np.rint(samples * np.float64(scale)), -scale, scale - 1).astype(kind)
    return rounded << 8 if subtype == "PCM_24" else rounded
