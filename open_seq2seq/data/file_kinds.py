"""What a file is that is no audio, from its first bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from open_seq2seq.data.containers.content import Content

_CONVERT = "Convert it: `ffmpeg -i IN OUT.flac`."
_FETCH = "A server sent it in place of the recording: fetch that again, and look at the address."
_SHOWN = 24
_HTML = "a page of HTML"

# First bytes, where they are, what such a file is, and what to do with it.
_SIGNATURES: tuple[tuple[bytes, int, str, str], ...] = (
    (b"version https://git-lfs", 0, "a pointer of Git LFS", "Fetch the files: `git lfs pull`."),
    (b"ftyp", 4, "an MP4 or M4A file", _CONVERT),
    (bytes.fromhex("3026b2758e66cf11"), 0, "a WMA file", _CONVERT),
    (b"#!AMR", 0, "an AMR file", _CONVERT),
    (b"\x1aE\xdf\xa3", 0, "a WebM or Matroska file", _CONVERT),
    (b"FLV\1", 0, "an FLV file", _CONVERT),
    (b"AVI ", 8, "an AVI file", _CONVERT),
    (b"ADIF", 0, "an AAC file", _CONVERT),
    (b"\x0b\x77", 0, "an AC-3 file", _CONVERT),
    (b"wvpk", 0, "a WavPack file", _CONVERT),
    (b"MAC ", 0, "a Monkey's Audio file", _CONVERT),
    (b"TTA1", 0, "a TTA file", _CONVERT),
    (b"MPCK", 0, "a Musepack file", _CONVERT),
    (b"MP+", 0, "a Musepack file", _CONVERT),
    (b"DSD ", 0, "a DSD file", _CONVERT),
    (b".RMF", 0, "a RealAudio file", _CONVERT),
    (b".ra\xfd", 0, "a RealAudio file", _CONVERT),
    (b"ajkg", 0, "a Shorten file", _CONVERT),
    (b"MThd", 0, "a MIDI file, which has notes and no sound", ""),
    (b"PK\3\4", 0, "a ZIP archive", "Unpack it: `unzip IN`."),
    (b"\x1f\x8b", 0, "a gzip file", "Unpack it: `gzip -dc IN > OUT`."),
    (b"BZh", 0, "a bzip2 file", "Unpack it: `bzip2 -dc IN > OUT`."),
    (b"\xfd7zXZ\0", 0, "an xz file", "Unpack it: `xz -dc IN > OUT`."),
    (b"\x28\xb5\x2f\xfd", 0, "a Zstandard file", "Unpack it: `zstd -dc IN > OUT`."),
    (b"7z\xbc\xaf\x27\x1c", 0, "a 7z archive", "Unpack it: `7z x IN`."),
    (b"Rar!", 0, "a RAR archive", "Unpack it: `unrar x IN`."),
    (b"ustar", 257, "a tar archive", "Unpack it: `tar xf IN`."),
    (b"%PDF", 0, "a PDF document", ""),
    (b"\x89PNG", 0, "a picture (PNG)", ""),
    (b"\xff\xd8\xff", 0, "a picture (JPEG)", ""),
    (b"GIF8", 0, "a picture (GIF)", ""),
    (b"\x93NUMPY", 0, "an array of NumPy", "Write its samples as audio: `soundfile.write`."),
    (b"\x7fELF", 0, "a program", ""),
)
_TEXTS = (
    (re.compile(rb"<(!doctype html|html|head|body|script)", re.IGNORECASE), _HTML, _FETCH),
    (re.compile(rb"<\?xml|<error|<[a-z]+[ >]", re.IGNORECASE), "XML", _FETCH),
    (re.compile(rb'\{\s*["}]|\[\s*[\[{"\d]'), "JSON", _FETCH),
)


@dataclass(frozen=True)
class FileKind:
    """What a file is.

    Args:
      name: `a ZIP archive`, `a page of HTML`.
      start: how a text begins; "" of others.
      remedy: what to do with it; may be empty.
    """

    name: str
    start: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        begins = f"; it begins with `{self.start}`" if self.start else ""
        return f"{self.name}, not audio{begins}"


def file_kind(content: Content) -> FileKind | None:
    """What a file is, if it is something that everyone knows; None: it is not."""
    head = content.at(0, 512)
    for mark, place, name, remedy in _SIGNATURES:
        if head[place : place + len(mark)] == mark:
            return FileKind(name, remedy=remedy)
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return FileKind("an AAC file", remedy=_CONVERT)
    if head and content.is_zero(0):
        remedy = "A disk was full, or a download broke off: fetch it again."
        return FileKind(f"{content.size} bytes that are all 0", remedy=remedy)
    return _text_kind(head)


def _text_kind(head: bytes) -> FileKind | None:
    text = _decoded(head)
    if text is None:
        return None
    line = text.strip().splitlines()[0] if text.strip() else ""
    start = line if len(line) <= _SHOWN else line[:_SHOWN].rstrip() + "..."
    plain = text.strip().encode()
    for pattern, name, remedy in _TEXTS:
        if match := pattern.match(plain):
            if name == _HTML:
                closing = plain.find(b">") + 1
                start = plain[: closing if 0 < closing <= 2 * _SHOWN else match.end()].decode()
            return FileKind(name, " ".join(start.split()), remedy)
    return FileKind("text", start)


def _decoded(head: bytes) -> str | None:
    """The first bytes as text; None: they are none."""
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    for cut in range(4):  # a character may be cut at the end
        try:
            text = head[: len(head) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if re.search(r"[\0-\x08\x0e-\x1f\x7f]", text) else text
    return None
