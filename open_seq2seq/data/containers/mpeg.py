"""MP3: the frames that a file has, against those that its tag states.

Frames are ISO/IEC 11172-3's and 13818-3's; the tag is that of Xing (`Xing`, or `Info` where the
bit rate is constant) or Fraunhofer's `VBRI`.
"""

from __future__ import annotations

from dataclasses import dataclass

from open_seq2seq.data.containers.content import Content
from open_seq2seq.data.containers.faults import CUT_REMEDY, Fault, joined_fault

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
# kbit/s, by version (MPEG-1, others) and layer.
_BIT_RATES = {
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_HEADERS: dict[int, _Frame | None] = {}


@dataclass(frozen=True)
class _Frame:
    """What the four bytes in front of a frame say."""

    bytes: int
    samples: int
    side: int  # bytes of side information, behind which a tag stands
    same: tuple[int, int, int]  # what all frames of a stream agree in


@dataclass(frozen=True)
class Mpeg:
    """What the frames of a file tell.

    Args:
      fault: what is wrong with its length, if anything.
      samples: of all frames, where no tag states them: libsndfile only estimates them then.
      start: where the first frame is.
      slack: samples that may come less than libsndfile expects: less than a frame.
    """

    fault: Fault | None = None
    samples: int | None = None
    start: int = 0
    slack: int = 0


def is_mpeg(head: bytes) -> bool:
    """Whether a file, or what follows its ID3 tag, begins with a frame of MPEG audio."""
    return _frame(int.from_bytes(head[:4], "big")) is not None


def examine_mpeg(content: Content, start: int, thorough: bool) -> Mpeg:
    """Compares the frames with the tag; without a tag, counts them.

    Args:
      start: where the first frame is.
      thorough: walks through the frames also where a tag and the file's size agree.
    """
    head = content.at(start, 256)
    first = _frame(int.from_bytes(head[:4], "big"))
    if first is None:
        return Mpeg()
    slack = first.samples - 1
    tag = _tag(head, first)
    end = start + tag[1] if tag and tag[1] else 0
    music = _end_of_music(content)
    if end and end == music and not thorough:
        return Mpeg(slack=slack)
    walk = _walk(content.at(0, content.size), start, first)
    if tag is None:
        samples = walk.frames * first.samples
        fault = None
        if walk.second:
            fault = joined_fault(walk.second, content.size - walk.second)
        elif walk.cut:
            found = f"an MP3 that breaks off in its frame {walk.frames + 1}"
            fault = Fault(found, CUT_REMEDY)
        return Mpeg(fault, samples, start, slack)
    frames = walk.frames - 1  # the tag has a frame of its own, which some encoders count
    if frames < tag[0] - 1 or (frames < tag[0] and (walk.cut or music < end)):
        found = f"{frames} frames of MP3 where its header says {tag[0]}"
        return Mpeg(Fault(found, CUT_REMEDY))
    if frames > tag[0] + 1 or walk.second:
        where = walk.second or walk.end
        return Mpeg(joined_fault(where, content.size - where))
    return Mpeg(slack=slack + (frames < tag[0]) * first.samples)


def with_tag(content: Content, mpeg: Mpeg) -> bytes:
    """The file with a tag in front that states its length, so that it is read to its end."""
    data = content.at(0, content.size)[mpeg.start :]
    frame = _frame(int.from_bytes(data[:4], "big"))
    if frame is None or mpeg.samples is None:
        return data
    tag = data[:4] + bytes(frame.side) + b"Xing" + (1).to_bytes(4, "big")
    tag += (mpeg.samples // frame.samples).to_bytes(4, "big")
    return tag.ljust(frame.bytes, b"\0") + data


@dataclass
class _Walk:
    frames: int = 0
    end: int = 0
    cut: bool = False
    second: int = 0  # where another file's tag is


def _walk(data: bytes, position: int, first: _Frame) -> _Walk:
    """Goes from frame to frame to the end of the file, over tags between them."""
    walk = _Walk()
    begin = position
    while position < len(data):
        frame = _frame(int.from_bytes(data[position : position + 4], "big"))
        if frame is None or frame.same != first.same:
            behind = behind_id3(data, position)
            if behind == position:
                # What is damaged or no frame is passed over, as decoders do.
                behind = data.find(b"\xff", position + 1)
                if behind < 0:
                    break
            position = behind
            continue
        if position > begin and _tag(data[position : position + 256], frame):
            walk.second = walk.second or position
        walk.cut = position + frame.bytes > len(data)
        if walk.cut:
            break
        walk.frames += 1
        position += frame.bytes
        walk.end = position
    return walk


def behind_id3(data: bytes, position: int) -> int:
    """The byte behind an ID3v2 tag at `position`; `position` itself where there is none."""
    head = data[position : position + 10]
    if len(head) < 10 or head[:3] != b"ID3" or max(head[6:10]) > 127:
        return position
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte
    return position + 10 + size + (10 if head[5] & 0x10 else 0)


def _end_of_music(content: Content) -> int:
    """The end of the file without tags for music players."""
    end = content.size
    if content.at(end - 128, 3) == b"TAG":
        end -= 128
    if content.at(end - 32, 8) == b"APETAGEX":
        footer = content.number(end - 20, 4)
        has_header = content.number(end - 12, 4) >> 31
        end -= footer + 32 * has_header
    return end


def _tag(head: bytes, frame: _Frame) -> tuple[int, int] | None:
    """Frames and bytes (0: not stated) that a tag states; None: the frame holds none."""
    for place in (4 + frame.side, 6 + frame.side):  # with CRC or without
        if head[place : place + 4] in (b"Xing", b"Info"):
            flags = int.from_bytes(head[place + 4 : place + 8], "big")
            if not flags & 1:
                return None
            frames = int.from_bytes(head[place + 8 : place + 12], "big")
            size = int.from_bytes(head[place + 12 : place + 16], "big") if flags & 2 else 0
            return frames, size
    if head[36:40] == b"VBRI":
        return int.from_bytes(head[50:54], "big"), int.from_bytes(head[46:50], "big")
    return None


def _frame(head: int) -> _Frame | None:
    """A frame by the number that its first four bytes are; None: it is none."""
    key = head & 0xFFFFFEC0  # all that matters of it
    if key not in _HEADERS:
        if len(_HEADERS) > 4096:
            _HEADERS.clear()
        _HEADERS[key] = _parsed(head)
    return _HEADERS[key]


def _parsed(head: int) -> _Frame | None:
    version, layer = head >> 19 & 3, 4 - (head >> 17 & 3)
    bit_rate, rate, padding = head >> 12 & 15, head >> 10 & 3, head >> 9 & 1
    if head >> 21 != 0x7FF or version == 1 or layer == 4 or rate == 3 or bit_rate in (0, 15):
        return None
    generation = 1 if version == 3 else 2
    frequency = _RATES[version][rate]
    bits = _BIT_RATES[generation, layer][bit_rate] * 1000
    samples = 384 if layer == 1 else 576 if layer == 3 and generation == 2 else 1152
    if layer == 1:
        size = (12 * bits // frequency + padding) * 4
    else:
        size = samples // 8 * bits // frequency + padding
    mono = head >> 6 & 3 == 3
    side = (17 if mono else 32) if generation == 1 else (9 if mono else 17)
    return _Frame(size, samples, side, (version, layer, rate))
