"""Containers of audio: whether a file holds the sound that its header promises.

libsndfile believes a header that promises less than there is, cuts one down that promises more,
and reads the first of several streams, each without a word. So each container that we accept is
looked at first: its own size, and what stands behind the sound.
"""

from __future__ import annotations

from dataclasses import dataclass

from open_seq2seq.data.containers.chunks import chunked_fault, is_chunked
from open_seq2seq.data.containers.content import Content
from open_seq2seq.data.containers.faults import Fault
from open_seq2seq.data.containers.flac import flac_fault
from open_seq2seq.data.containers.mpeg import Mpeg, behind_id3, examine_mpeg, is_mpeg
from open_seq2seq.data.containers.ogg import ogg_fault
from open_seq2seq.data.containers.plain import is_plain, plain_fault

# libsndfile's names of the containers whose length is checked (HTK's by libsndfile itself). The
# others are samplers' and programs' that nobody keeps speech in; some state no length at all.
CHECKED = frozenset(
    ("WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU", "NIST", "HTK", "FLAC", "OGG", "MP3")
)
# Codecs in these containers whose length libsndfile takes from another field.
UNCHECKED = frozenset((("AIFF", "GSM610"),))


@dataclass(frozen=True)
class Examined:
    """What a container tells of itself.

    Args:
      is_known: it is one of those that can be examined.
      fault: what is wrong with its length, if anything.
      mpeg: of an MP3, what its frames tell.
    """

    is_known: bool
    fault: Fault | None = None
    mpeg: Mpeg | None = None


def examine(content: Content, thorough: bool) -> Examined:
    """Looks at a file's container.

    Args:
      thorough: looks through the whole file where that finds more; else only at its header and its
        end, and through an MP3 whose tag does not agree with the file's size, or that has none.
    """
    head = content.at(0, 16)
    if is_chunked(head):
        return Examined(True, chunked_fault(content, head))
    if is_plain(head):
        return Examined(True, plain_fault(content, head))
    if head[:4] == b"OggS":
        return Examined(True, ogg_fault(content, thorough))
    start = 0
    while (behind := start + behind_id3(content.at(start, 10), 0)) > start:
        start = behind
    head = content.at(start, 4)
    if head == b"fLaC":
        return Examined(True, flac_fault(content, start, thorough))
    if is_mpeg(head) and not _is_utf16(content):
        mpeg = examine_mpeg(content, start, thorough)
        return Examined(True, mpeg.fault, mpeg)
    return Examined(False)


def _is_utf16(content: Content) -> bool:
    """Whether a file is a text of UTF-16, whose mark looks like a frame of MPEG audio."""
    head = content.at(0, 256)
    if head[:2] != b"\xff\xfe":
        return False
    try:
        text = head[: len(head) // 2 * 2].decode("utf-16")
    except UnicodeDecodeError:
        return False
    return bool(text) and all(c.isprintable() or c.isspace() for c in text)
