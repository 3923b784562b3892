"""One audio file, opened by libsndfile once its container has been looked at."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import soundfile

from open_seq2seq.data.containers import CHECKED, UNCHECKED, Examined, examine
from open_seq2seq.data.containers.content import Content
from open_seq2seq.data.containers.faults import CUT_REMEDY, Fault
from open_seq2seq.data.containers.mpeg import with_tag
from open_seq2seq.data.file_kinds import file_kind
from open_seq2seq.data.native_stderr import without_chatter
from open_seq2seq.data.shards.place import place_of
from open_seq2seq.data.shards.remote import local_shard
from open_seq2seq.errors import InputError, Problem

FORMATS = "WAV, FLAC, Ogg Opus or Vorbis, MP3 or AIFF"

_DAMAGED = "The file is damaged: fetch or write it again."

# libsndfile's number of samples where the file does not say it (SF_COUNT_MAX, 2^63 - 1).
_NOT_KNOWN = 1 << 62
# Samples per channel that are read at a time: more than that is not asked for before it is there.
_BLOCK = 1 << 20

# An Ogg stream without its end mark may be a live recording; half a page behind it is a cut.
# libsndfile notes the missing mark while it opens the file or when it has read the rest.
_CUT_OGG = re.compile(r"Junk after the last page")
_NO_OGG_END = re.compile(r"lacks an end-of-stream bit|without an End-Of-Stream flag")
Path = str | os.PathLike[str]


class SoundFile(soundfile.SoundFile):
    """A file that is read from its beginning, or from `go_to` on.

    soundfile's own goes to the place where it is after each read, which fails at the end of files
    of unknown length and in codecs that cannot seek. So it is told that none can.

    Args:
      path: the file.
      source: what libsndfile opens: the path as bytes, or the content.
      examined: what the container told.
    """

    def __init__(self, path: Path, source: bytes | io.BytesIO, examined: Examined):
        self.path = path
        self._examined = examined
        super().__init__(source)

    def seekable(self) -> bool:
        """Whether soundfile may seek on its own account."""
        return False

    @property
    def length(self) -> int | None:
        """Samples per channel; None: they have to be counted."""
        mpeg = self._examined.mpeg
        if mpeg and mpeg.samples is not None:
            return mpeg.samples
        return None if self.frames >= _NOT_KNOWN else self.frames

    def go_to(self, first: int) -> int:
        """Goes on to a sample, or to the end where there are fewer; returns where that is."""
        if self.length is not None:
            first = min(first, self.length)
        if first and super().seekable():
            with self._decoding():
                self.seek(first)
            return first
        place = 0
        while place < first:
            block = self.take(min(_BLOCK, first - place))
            if not len(block):
                break
            place += len(block)
        return place

    def take(self, count: int | None, always_2d: bool = False) -> np.ndarray:
        """The next samples: `count` of them, or all; fewer at the end.

        Returns:
          `[n]` or `[n, channel]` float32.

        Raises:
          InputError: they do not decode.
        """
        blocks: list[np.ndarray] = []
        rest = count
        while rest is None or rest > 0 or not blocks:
            size = min(rest if rest is not None else self._usual(), _BLOCK)
            with self._decoding():
                blocks.append(self.read(size, dtype="float32", always_2d=always_2d))
            if len(blocks[-1]) < size:
                break
            rest = None if rest is None else rest - size
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def check_complete(self, read: int) -> None:
        """Raises an InputError when the file, read to its end, gave fewer samples than it says."""
        if self._examined.fault:
            raise _fault_error(self.path, self._examined.fault)
        expected = self.length if self.length is not None else read
        slack = self._examined.mpeg.slack if self._examined.mpeg else 0
        found, remedy = "", CUT_REMEDY
        if read < expected - slack:
            found = f"{read} samples where its header says {expected}"
        elif read > expected + slack:
            # A decoder of MP3 also finds frames behind damaged ones.
            found, remedy = f"{read} samples where its headers say {expected}", _DAMAGED
        elif self.format == "OGG":
            log = self.extra_info
            if _CUT_OGG.search(log) and _NO_OGG_END.search(log):
                found = f"an Ogg stream that breaks off after {read} samples"
        if found:
            raise audio_error(self.path, found, "a complete audio file", remedy)

    def count(self) -> int:
        """Decodes the rest of the file and counts its samples."""
        read = 0
        while size := len(self.take(_BLOCK)):
            read += size
        return read

    def _usual(self) -> int:
        """One more than there should be, so that one read reaches the end."""
        return _BLOCK if self.length is None else self.length + 1

    @property
    def is_damaged(self) -> bool:
        """Whether its container tells that it is cut off or joined: reading it to its end fails."""
        return self._examined.fault is not None

    @contextmanager
    def _decoding(self) -> Iterator[None]:
        try:
            # MP3 is also found in WAV files.
            with without_chatter(self.subtype.startswith("MPEG")):
                yield
        except (soundfile.SoundFileError, OSError) as error:
            found = f"data that does not decode ({_reason(error)})"
            raise audio_error(self.path, found, "a complete audio file", _DAMAGED) from error


@contextmanager
def open_sound(path: Path, thorough: bool, is_segment: bool = False) -> Iterator[SoundFile]:
    """Opens an audio file.

    Args:
      thorough: the whole file is going to be read, and is looked through.
      is_segment: only a part is wanted, which may be whole in a file that is not: what is wrong
        with the file's length is said when it is read to its end.

    Raises:
      InputError: the file is missing, no audio, of a container whose length cannot be checked,
        cut off, joined with others, or without samples.
    """
    descriptor = _descriptor(path)
    try:
        place = place_of(path)
        content = Content(descriptor, *((place.start, place.size) if place else ()))
        if not content.size:
            raise audio_error(path, "an empty file (0 bytes)", "an audio file", "Fetch it again.")
        examined = examine(content, thorough)
        if examined.fault and not is_segment:
            raise _fault_error(path, examined.fault)
        try:
            # libmpg123 is asked about whatever is no other container.
            with without_chatter(needed=True):
                file = _open_examined(path, content, examined)
        except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
            if examined.fault:
                raise _fault_error(path, examined.fault) from error
            raise _open_error(path, content, examined, error) from error
    finally:
        os.close(descriptor)
    with file:
        if file.format not in CHECKED or (file.format, file.subtype) in UNCHECKED:
            kind = f"{file.format_info}, {file.subtype_info}"
            found = f"a file of the kind {kind}, whose length cannot be checked"
            raise audio_error(path, found, FORMATS, "Convert it: `sox IN OUT.flac`.")
        if file.length == 0:
            remedy = "The file is empty or was cut off."
            raise audio_error(path, "no samples", "audio", remedy)
        yield file


def audio_error(path: Path, found: str, expected: str, remedy: str = "") -> InputError:
    """What is wrong with one file."""
    return InputError("Cannot read audio:", [Problem(os.fspath(path), found, expected, remedy)])


def _descriptor(path: Path) -> int:
    """Opens a regular file; waits for no pipe."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    place = place_of(path)
    try:
        descriptor = os.open(path if place is None else local_shard(place.tar), flags)
    except FileNotFoundError as error:
        raise audio_error(path, "no such file", "an audio file", "Check the path.") from error
    except PermissionError as error:
        found = "a file without read permission"
        remedy = "Give yourself the right: `chmod +r FILE`."
        raise audio_error(path, found, "a readable audio file", remedy) from error
    except (OSError, ValueError) as error:
        found = getattr(error, "strerror", None) or str(error)
        raise audio_error(path, found, "an audio file", "Check the path.") from error
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise audio_error(path, "a folder", "an audio file", "Name the recordings in it.")
    remedy = "Recordings are read more than once: write it to a file first."
    raise audio_error(path, "a pipe or a device", "an audio file", remedy)


def _open_examined(path: Path, content: Content, examined: Examined) -> SoundFile:
    # libsndfile opens files by name; what is inside of one is handed over.
    source = io.BytesIO(content.at(0, content.size)) if place_of(path) else os.fsencode(path)
    file = SoundFile(path, source, examined)
    mpeg = examined.mpeg
    if mpeg is None or mpeg.samples is None or file.frames >= mpeg.samples:
        return file
    # libsndfile guesses the length of an MP3 without a tag from its first frames, and reads no
    # further: a file whose bit rate rises later would lose its end.
    file.close()
    examined = replace(examined, mpeg=replace(mpeg, samples=None))
    return SoundFile(path, io.BytesIO(with_tag(content, mpeg)), examined)


def _fault_error(path: Path, fault: Fault) -> InputError:
    return audio_error(path, fault.found, fault.expected, fault.remedy)


def _open_error(path: Path, content: Content, examined: Examined, error: Exception) -> InputError:
    """Says why a file does not open; libsndfile itself rarely does."""
    kind = None if examined.is_known else file_kind(content)
    if kind:
        return audio_error(path, str(kind), FORMATS, kind.remedy or "Name a recording.")
    remedy = "If it is audio: `ffmpeg -i IN OUT.flac`."
    if examined.is_known:
        remedy = f"{_DAMAGED} What can be saved of it: `ffmpeg -i IN OUT.flac`."
    return audio_error(path, f"a file that does not open ({_reason(error)})", FORMATS, remedy)


def _reason(error: Exception) -> str:
    """libsndfile's words without the path that it repeats."""
    text = getattr(error, "error_string", "") or str(error)
    return str(text).strip(" .:")
