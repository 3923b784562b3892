"""FLAC: how long it says it is, against its last frame.

Format: RFC 9639.
"""

from __future__ import annotations

from dataclasses import dataclass

from open_seq2seq.data.containers.content import Content
from open_seq2seq.data.containers.faults import CUT_REMEDY, DECODE_REMEDY, Fault, joined_fault

_MARK = b"fLaC\x00\x00\x00\x22"
_LAST_MARK = b"fLaC\x80\x00\x00\x22"
_TAIL = 1 << 16
_TAGS = 1 << 10
_BITS = {8: 1, 12: 2, 16: 4, 20: 5, 24: 6, 32: 7}


@dataclass(frozen=True)
class _Stream:
    """What STREAMINFO says; 0 stands for "not known"."""

    block: int
    largest_frame: int
    bits: int
    samples: int


def flac_fault(content: Content, start: int, thorough: bool) -> Fault | None:
    """What is wrong with the length, if anything.

    Args:
      start: where `fLaC` is: 0, or behind a tag.
      thorough: looks through the whole file for another one behind it.
    """
    info = content.at(start + 8, 34)
    if len(info) < 34:
        return None
    packed = int.from_bytes(info[10:18], "big")
    stream = _Stream(
        block=int.from_bytes(info[0:2], "big"),
        largest_frame=int.from_bytes(info[7:10], "big"),
        bits=(packed >> 36 & 0x1F) + 1,
        samples=packed & 0xFFFFFFFFF,
    )
    end = _last_sample(content, stream) if stream.samples else None
    if not thorough and end in (None, stream.samples):
        return None
    second = _second(content, start)
    if second > 0:
        return joined_fault(second, content.size - second)
    if end is None or end == stream.samples:
        return None
    found = f"{end} samples where its header says {stream.samples}"
    return Fault(found, CUT_REMEDY if end < stream.samples else DECODE_REMEDY)


def _second(content: Content, start: int) -> int:
    """Where another FLAC file begins; -1: nowhere."""
    found = [content.find(mark, start + 4) for mark in (_MARK, _LAST_MARK)]
    return min((place for place in found if place > 0), default=-1)


def _last_sample(content: Content, stream: _Stream) -> int | None:
    """How many samples there are up to the end of the last frame; None: no frame is found.

    Where several places near the end of the file look like a frame's header, the one that agrees
    with the file's header is it.
    """
    reach = min(_TAIL, stream.largest_frame or _TAIL) + _TAGS
    tail = content.at(max(0, content.size - reach), reach)
    ends = []
    position = len(tail)
    while (position := tail.rfind(b"\xff", 0, position)) >= 0:
        end = _end_of_frame(tail[position : position + 16], stream)
        if end == stream.samples:
            return end
        if end is not None:
            ends.append(end)
    return ends[0] if ends else None


def _end_of_frame(head: bytes, stream: _Stream) -> int | None:
    """The sample behind the frame whose header `head` is; None: it is none."""
    if len(head) < 6 or head[1] & 0xFE != 0xF8 or head[3] & 1:
        return None
    block_code, rate_code = head[2] >> 4, head[2] & 15
    if block_code == 0 or rate_code == 15 or head[3] >> 4 > 10:
        return None
    if (head[3] >> 1 & 7) not in (0, _BITS.get(stream.bits, 0)):
        return None
    # The number is written as UTF-8 is, with up to 36 bits.
    length = 8 - (head[4] ^ 0xFF).bit_length()
    if length in (1, 8):
        return None
    number = head[4] & 0x7F if not length else head[4] & ((1 << (7 - length)) - 1)
    more = max(0, length - 1)
    for byte in head[5 : 5 + more]:
        number = number << 6 | byte & 0x3F
    place = 5 + more
    if block_code in (6, 7):
        count = block_code - 5
        block = int.from_bytes(head[place : place + count], "big") + 1
        place += count
    else:
        block = _block_size(block_code)
    place += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if place >= len(head) or _crc8(head[:place]) != head[place]:
        return None
    return (number if head[1] & 1 else number * stream.block) + block


def _block_size(code: int) -> int:
    if code == 1:
        return 192
    return 576 << (code - 2) if code <= 5 else 256 << (code - 8)


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = _CRC8[crc ^ byte]
    return crc


def _crc8_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte << 1 ^ (0x107 if byte & 0x80 else 0)) & 0x1FF
        table.append(byte)
    return table


_CRC8 = _crc8_table()
