"""Damaged audio files of every container that is read (`tests.fuzzing_child`)."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile

from open_seq2seq.data.audio import audio_blocks, audio_info, read_audio
from open_seq2seq.errors import InputError
from tests.fuzzing_child import Case

RATE = 8000
# Samples that an MP3 may have more or less: its encoder's padding is not always stated.
SLACK = {"MP3": 2 * 1152}
NO_TAG = "mp3 without tag"
KINDS = {
    "wav": [("WAV", "PCM_16", 1), ("WAV", "PCM_24", 2), ("WAV", "ULAW", 1)],
    "wavex": [("WAVEX", "FLOAT", 2), ("WAV", "IMA_ADPCM", 1), ("WAV", "GSM610", 1)],
    "flac": [("FLAC", "PCM_16", 1), ("FLAC", "PCM_24", 2)],
    "vorbis": [("OGG", "VORBIS", 1)],
    "opus": [("OGG", "OPUS", 1), ("OGG", "OPUS", 2)],
    "mp3": [("MP3", "MPEG_LAYER_III", 1), ("MP3", "MPEG_LAYER_III", 2)],
    "sphere": [("NIST", "PCM_16", 1), ("NIST", "ULAW", 1)],
    "aiff": [("AIFF", "PCM_16", 1), ("AIFF", "FLOAT", 1)],
    "au": [("AU", "PCM_16", 1), ("AU", "G721_32", 1)],
    "caf": [("CAF", "PCM_16", 1), ("CAF", "ALAC_16", 1)],
    "rf64": [("RF64", "PCM_16", 1), ("W64", "PCM_16", 1)],
    "htk": [("HTK", "PCM_16", 1)],
}


def written(container: str, codec: str, channels: int, seconds: float = 0.1) -> bytes:
    """A file of a falling tone and noise."""
    time = np.arange(int(seconds * RATE)) / RATE
    tone = 0.3 * np.sin(2 * np.pi * (500 - 300 * time) * time)
    noise = np.random.default_rng(0).normal(0, 0.02, len(time))
    stream = io.BytesIO()
    samples = np.stack([tone + noise] * channels, axis=1)
    soundfile.write(stream, samples, RATE, format=container, subtype=codec)
    return stream.getvalue()


def without_tag(mp3: bytes) -> bytes:
    """An MP3 whose first frame, which states the length, is cut off."""
    second = mp3.index(mp3[:2], 4)
    return mp3[second:]


def read(path: Path) -> int:
    """All ways to read a file; they agree on its length, if two of them give one."""
    found = []
    for lenient in (True, False):
        found.append(_or_error(lambda lenient=lenient: audio_info(path, lenient)))
    info = found[1]
    whole = _or_error(lambda: read_audio(path, RATE))
    parts = _or_error(lambda: _blocks(path))
    segment = _or_error(lambda: read_audio(path, RATE, 0.02, 0.05))
    assert isinstance(segment, InputError) or np.isfinite(segment).all()
    if not isinstance(whole, InputError):
        assert whole.ndim == 1 and np.isfinite(whole).all()
        assert not isinstance(parts, InputError), parts
    if isinstance(info, InputError):
        assert isinstance(whole, InputError), f"{info} but read"
        raise info
    if isinstance(parts, InputError):
        raise parts
    assert abs(info.frames - parts) <= SLACK.get(info.format, 0), (info, parts)
    return parts


def _blocks(path: Path) -> int:
    return sum(len(block) for block in audio_blocks(path, 300))


def _or_error(call):
    try:
        return call()
    except InputError as error:
        assert str(error).strip()
        return error


def cases(folder: Path) -> dict[str, Case]:
    """By container; nothing is written to the folder."""
    found = {
        name: Case(read, [written(*kind) for kind in kinds], f".{name}")
        for name, kinds in KINDS.items()
    }
    mp3 = [written("MP3", "MPEG_LAYER_III", channels, 0.3) for channels in (1, 2)]
    found[NO_TAG] = Case(read, [without_tag(one) for one in mp3], ".mp3")
    return found
