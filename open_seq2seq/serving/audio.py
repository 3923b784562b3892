"""An uploaded file, looked at before anything of it is computed: what it is, how long, how much.

A small file may hold much: hours of silence as FLAC, a thousand channels, a rate of a megahertz.
So the header is read first, and a file that does not say its length is counted only as far as is
allowed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from open_seq2seq.data.sound_file import open_sound
from open_seq2seq.errors import InputError
from open_seq2seq.serving.browser_audio import decode_browser_audio, is_browser_audio
from open_seq2seq.serving.limits import Limits
from open_seq2seq.serving.refusal import Refused, refusal_of

_BLOCK = 1 << 20
_HEAD = 64
_AUDIO = "WAV, FLAC, Ogg (Opus, Vorbis), MP3, AIFF; WebM and MP4 where PyAV or ffmpeg is installed"
# How the files begin that libsndfile reads: one of these that does not open is damaged.
_BEGINNINGS = (b"RIFF", b"RIFX", b"RF64", b"fLaC", b"OggS", b"ID3", b"FORM", b".snd", b"caff",
               b"NIST", b"riff")  # fmt: skip


@contextmanager
def readable_audio(file: IO[bytes], limits: Limits) -> Iterator[tuple[str, float]]:
    """The name of a file that the recogniser reads, and its length in seconds; for threads.

    The file has no name in any folder: nothing is left of it, even after a crash.

    Args:
      file: the upload, on a disk or in memory.
      limits: of its length and kind.

    Raises:
      Refused: it is no audio, damaged, of a kind that is not read, or beyond the limits.
    """
    head = file.read(_HEAD)
    file.seek(0)
    with tempfile.TemporaryFile() as wave:
        if is_browser_audio(head):
            decode_browser_audio(file, wave, limits.upload_seconds)
            file = wave
        path = f"/dev/fd/{file.fileno()}"
        try:
            yield path, _seconds(path, limits)
        except InputError as error:
            raise _refusal(error, head) from error


def _seconds(path: str, limits: Limits) -> float:
    with open_sound(path, thorough=False) as sound:
        rate, channels = sound.samplerate, sound.channels
        if channels > limits.channels or rate > limits.sample_freq:
            most_allowed = f"{limits.channels} at {limits.sample_freq}"
            text = f"Found {channels} channels at {rate} Hz, expected at most {most_allowed}."
            raise Refused(400, text, "invalid_audio", "file")
        most = int(limits.upload_seconds * rate)
        frames = sound.length
        if frames is None:
            frames = 0
            while frames <= most and (size := len(sound.take(_BLOCK))):
                frames += size
        if frames > most:
            text = f"The recording is longer than {limits.upload_seconds:g} seconds."
            raise Refused(413, text, "audio_too_long", "file")
        return frames / rate


def _refusal(error: InputError, head: bytes) -> Refused:
    told = refusal_of(error, "file", name="file").message
    mpeg = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
    if head.startswith(_BEGINNINGS) or mpeg:
        return Refused(400, told, "invalid_audio", "file")
    return Refused(415, f"{told} What is read: {_AUDIO}.", "unsupported_format", "file")


def upload_file(given: Any) -> IO[bytes]:
    """The file of a form's field, on the disk, where it can be opened a second time.

    Raises:
      Refused: the field is missing, or is text.
    """
    if given is None or isinstance(given, str):
        text = "The field `file` is needed: the recording, as multipart/form-data."
        raise Refused(400, text, "missing_file", "file")
    spooled = given.file
    spooled.rollover()
    spooled.seek(0)
    file: IO[bytes] = spooled
    return file
