"""Containers of chunks: WAV, RF64, W64, AIFF and CAF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from open_seq2seq.data.containers.content import Content
from open_seq2seq.data.containers.faults import CUT_REMEDY, Extent, Fault, length_fault

# The last 12 bytes of W64's names, which are GUIDs: of `riff`, and of all others.
_W64_RIFF = bytes.fromhex("2e91cf11a5d628db04c10000")
_W64_NAME = bytes.fromhex("f3acd3118cd100c04f8edb8a")
# Chunks that may follow the sound and be cut off without loss.
_NOTES = frozenset(
    b"LIST|list|id3 |ID3 |bext|iXML|axml|JUNK|junk|FLLR|fact|cue |smpl|inst|PEAK|PAD |DISP|"
    b"_PMX|umid|minf|afsp|ANNO|NAME|AUTH|(c) |APPL|MARK|COMT|INST|MIDI|AESD".split(b"|")
)


@dataclass(frozen=True)
class _Style:
    """How a container writes its chunks: name, size, content, and padding."""

    first: int
    name: int = 4
    number: int = 4
    order: Literal["little", "big"] = "little"
    sound: bytes = b"data"
    whole: bool = False  # the size is that of the header, too
    padding: int = 2

    @property
    def header(self) -> int:
        return self.name + self.number

    def is_name(self, name: bytes) -> bool:
        if name[:4] in _STYLES:
            return False  # another file
        if self.name == 16:
            return name.endswith(_W64_NAME)
        return len(name) == 4 and name.isascii() and name.decode().isprintable()


_STYLES = {
    b"RIFF": _Style(12),
    b"RF64": _Style(12),
    b"BW64": _Style(12),
    b"RIFX": _Style(12, order="big"),
    b"FORM": _Style(12, order="big", sound=b"SSND"),
    b"caff": _Style(8, number=8, order="big", padding=1),
    b"riff": _Style(40, name=16, number=8, sound=b"data" + _W64_NAME, whole=True, padding=8),
}
_FORMS = (b"AIFF", b"AIFC", b"WAVE")


def is_chunked(head: bytes) -> bool:
    """Whether a file is one of these, by its first bytes."""
    if head[:4] == b"riff":
        return head[4:16] == _W64_RIFF
    return head[:4] == b"caff" or (head[:4] in _STYLES and head[8:12] in _FORMS)


def chunked_fault(content: Content, head: bytes) -> Fault | None:
    """What is wrong with the length of the sound, if anything."""
    style = _STYLES[head[:4]]
    wide_size = None
    for name, start, size in _chunks(content, style, style.first):
        if name == b"ds64":
            wide_size = content.number(start + 8, 8)
        if name == style.sound:
            wide = style.number == 8
            if wide_size is not None and size == 0xFFFFFFFF:
                size, wide = wide_size, True
            if style.sound == b"SSND" and size == 0:
                return None  # ffmpeg's "not known", which libsndfile reads to the end
            if style.sound == b"SSND":
                # Two numbers of 4 bytes come first: the sound begins so many bytes later.
                skipped = min(size, 8 + content.number(start, 4, "big"))
                start, size = start + skipped, size - skipped
            end = start + size
            behind = end if end >= content.size else _behind(content, style, end)
            fault = length_fault(content, Extent(start, size, wide), behind)
            if fault and head[:4] == b"caff" and fault.remedy != CUT_REMEDY:
                return replace(fault, remedy="Write the file again.")  # sox and ffmpeg fail too
            return fault
    return None


def _chunks(content: Content, style: _Style, position: int) -> Iterator[tuple[bytes, int, int]]:
    """Yields name, start and size of each chunk from `position` on, as far as they are chunks."""
    while len(head := content.at(position, style.header)) == style.header:
        name = head[: style.name]
        size = int.from_bytes(head[style.name :], style.order)
        if style.whole:
            size = max(0, size - style.header)
        if not style.is_name(name):
            return
        start = position + style.header
        yield name, start, size
        position = start + size
        position += -position % style.padding


def _behind(content: Content, style: _Style, end: int) -> int:
    """The byte behind the chunks that follow the sound, from which on nothing is known."""
    # Some writers leave the padding out.
    for start in {end: 0, end + -end % style.padding: 0}:
        reached = start
        for name, at, size in _chunks(content, style, start):
            if at + size > content.size and name not in _NOTES:
                break
            reached = at + size
        if reached > start:
            return min(content.size, reached)
    return end
