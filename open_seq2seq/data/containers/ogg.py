"""Ogg: whether other streams follow the first one.

Format: RFC 3533. Streams behind each other ("chained") are allowed, and libsndfile reads the first.
"""

from __future__ import annotations

from open_seq2seq.data.containers.content import Content
from open_seq2seq.data.containers.faults import Fault, joined_fault

_MARK = b"OggS\0"
# A page has a header of 27 bytes, 255 lengths of segments, and 255 segments of 255 bytes.
_PAGE = 27 + 255 + 255 * 255


def ogg_fault(content: Content, thorough: bool) -> Fault | None:
    """Another stream behind the first, if there is one.

    Args:
      thorough: looks at every page, which also tells streams of one serial number apart; else
        only at the last one.
    """
    position, serials = 0, set()
    while len(head := content.at(position, 27)) == 27 and head[:5] == _MARK and head[5] & 2:
        serials.add(head[14:18])
        lengths = content.at(position + 27, head[26])
        position += 27 + len(lengths) + sum(lengths)
    tail = content.at(max(0, content.size - _PAGE), _PAGE)
    last = tail.rfind(_MARK)
    if not thorough and (last < 0 or tail[last + 14 : last + 18] in serials):
        return None
    while (position := content.find(_MARK, position)) >= 0:
        if content.number(position + 5, 1) & 2:
            return joined_fault(position, content.size - position)
        position += len(_MARK)
    return None
