"""Containers of a header and samples: AU and NIST SPHERE."""

from __future__ import annotations

import re
from typing import Literal

from open_seq2seq.data.containers.content import Content
from open_seq2seq.data.containers.faults import Extent, Fault, length_fault

_AU: dict[bytes, Literal["little", "big"]] = {b".snd": "big", b"dns.": "little"}
_NIST_FIELD = re.compile(
    rb"^(sample_count|sample_n_bytes|channel_count) -(?:i|s\d+) (\d{1,15})\s*$", re.M
)
_NIST_CODING = re.compile(rb"^sample_coding -s\d+ \S*?(shorten|wavpack|shortpack)", re.M)
_NIST_REMEDY = "Convert it with `sph2pipe -f wav -p IN.sph OUT.wav`."
_LONGEST_HEADER = 1 << 16


def is_plain(head: bytes) -> bool:
    """Whether a file is one of these, by its first bytes."""
    return head[:4] in _AU or head[:7] == b"NIST_1A"


def plain_fault(content: Content, head: bytes) -> Fault | None:
    """What is wrong with the length of the sound, if anything."""
    if head[:4] in _AU:
        start, size = (content.number(at, 4, _AU[head[:4]]) for at in (4, 8))
        return length_fault(content, Extent(start, size))
    size = int(head[8:16]) if head[8:16].strip().isdigit() else 0
    header = content.at(0, min(size, _LONGEST_HEADER))
    fields = {key: int(value) for key, value in _NIST_FIELD.findall(header)}
    coding = _NIST_CODING.search(header)
    if coding:
        found = f"a SPHERE file that is compressed ({coding[1].decode()})"
        return Fault(found, _NIST_REMEDY, "one that is not")
    if b"sample_count" not in fields:
        return None
    width = fields.get(b"sample_n_bytes", 2) * fields.get(b"channel_count", 1)
    return length_fault(content, Extent(size, fields[b"sample_count"] * width))
