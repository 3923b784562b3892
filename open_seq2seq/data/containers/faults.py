"""What may be wrong with the length that an audio file's container states."""

from __future__ import annotations

from dataclasses import dataclass

from open_seq2seq.data.containers.content import Content, is_unknown

CUT_REMEDY = "The file was cut off: fetch or write it again."
DECODE_REMEDY = "Convert it to its end with `ffmpeg -i IN OUT.flac`."
_LENGTH_REMEDY = "Read it to its end with `sox --ignore-length IN OUT.wav`, and listen to that."
_JOIN_REMEDY = "Join recordings with `sox A.wav B.wav OUT.wav`, not with cat."

# What may stand behind the sound without being of it: tags for music players.
_TAGS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"3DI")
# Bytes of all channels together: eight of 64 bits.
_LONGEST_SAMPLE = 64


@dataclass(frozen=True)
class Fault:
    """Why a file's samples are not those that its header promises."""

    found: str
    remedy: str
    expected: str = "a complete audio file"


@dataclass(frozen=True)
class Extent:
    """Where the sound in a file is.

    Args:
      start: the byte at which it begins.
      promised: the bytes that the header says.
      wide: the header's number has 64 bits.
    """

    start: int
    promised: int
    wide: bool = False

    def present(self, content: Content) -> int:
        """The bytes from `start` to the end of the file."""
        return max(0, content.size - self.start)

    def is_unknown(self, content: Content) -> bool:
        """Whether the header says that the length is not known."""
        return is_unknown(self.promised, self.present(content), self.wide)


def length_fault(content: Content, extent: Extent, behind: int | None = None) -> Fault | None:
    """Compares what the header promises with what is there.

    Args:
      behind: the byte from which on nothing is known any more (behind chunks that are no sound);
        None: the end of the sound.
    """
    present = extent.present(content)
    if present == extent.promised:
        return None
    if extent.is_unknown(content):
        # Whether the end of another file follows cannot be told by sizes.
        second = content.find(content.at(0, 16), extent.start)
        return joined_fault(second, content.size - second, _JOIN_REMEDY) if second > 0 else None
    if present < extent.promised:
        found = f"{present} bytes of sound where its header says {extent.promised}"
        return Fault(found, CUT_REMEDY)
    end = extent.start + extent.promised
    behind = end if behind is None else behind
    rest = content.size - behind
    # Sounds are filled up to an even number of bytes.
    if rest <= 1 or (extent.promised and is_padding(content, behind)):
        return None
    if content.at(behind, 4) == content.at(0, 4):
        return joined_fault(behind, rest, _JOIN_REMEDY)
    if not extent.promised:
        found = f"a header that says 0 bytes of sound, and {rest} bytes behind it"
        return Fault(found, f"The recorder did not close the file. {_LENGTH_REMEDY}")
    found = f"{rest} bytes behind the {extent.promised} bytes of sound that its header says"
    return Fault(found, f"They are not read. {_LENGTH_REMEDY}")


def joined_fault(where: int, rest: int, remedy: str = DECODE_REMEDY) -> Fault:
    """Another file follows the first one."""
    found = f"files that were joined: {rest} bytes behind the end of the first, at byte {where},"
    return Fault(f"{found} are not read", remedy, "one recording")


def is_padding(content: Content, start: int) -> bool:
    """Whether what stands from `start` to the end is a tag, or more zeros than a sample has."""
    is_long = content.size - start >= _LONGEST_SAMPLE
    return content.at(start, 16).startswith(_TAGS) or (is_long and content.is_zero(start))
