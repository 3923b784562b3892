"""nnet3's descriptors: what a node takes as its input, such as `Append(Offset(input, -1), input)`.

The grammar is that of Kaldi's nnet3/nnet-descriptor.h (Apache-2.0).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from open_seq2seq.interop.kaldi.fields import DEEPEST

_TOKEN = re.compile(r"\s*([A-Za-z0-9_.\-+]+|[(),])")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")
# Parts that stand for nodes, least and most; the rest are numbers or words.
_PARTS: dict[str, tuple[int, int, int, int]] = {
    # nodes least, most; others least, most
    "Append": (1, 10_000, 0, 0),
    "Sum": (1, 10_000, 0, 0),
    "Failover": (2, 2, 0, 0),
    "IfDefined": (1, 1, 0, 0),
    "Offset": (1, 1, 1, 2),
    "Switch": (1, 10_000, 0, 0),
    "Round": (1, 1, 1, 1),
    "ReplaceIndex": (1, 1, 2, 2),
    "Scale": (1, 1, 1, 1),
    "Const": (0, 0, 2, 2),
}


@dataclass(frozen=True)
class Descriptor:
    """A node by its name, or a function of other descriptors.

    Args:
      name: of the function, or of the node.
      parts: descriptors in it.
      values: numbers and letters in it.
      is_node: whether it is a node.
    """

    name: str
    parts: tuple[Descriptor, ...] = ()
    values: tuple[str, ...] = ()
    is_node: bool = False


def parse_descriptor(text: str, fail: Callable[[str], NoReturn]) -> Descriptor:
    """A descriptor of its text.

    Args:
      text: the whole of it.
      fail: raises an error that says what was found.
    """
    words, place = [], 0
    text = text.strip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if not found:
            fail(f"{text[place : place + 20]!r} in a descriptor")
        words.append(found.group(1))
        place = found.end()
    descriptor, rest = _parse(words, 0, 0, fail)
    if rest != len(words):
        fail(f"{' '.join(words[rest:])[:40]!r} behind a descriptor")
    return descriptor


def _parse(
    words: list[str], place: int, depth: int, fail: Callable[[str], NoReturn]
) -> tuple[Descriptor, int]:
    if depth > DEEPEST:
        fail(f"a descriptor of more than {DEEPEST} functions within each other")
    if place >= len(words):
        fail("a descriptor that is cut off")
    name = words[place]
    if place + 1 >= len(words) or words[place + 1] != "(":
        if not _NAME.fullmatch(name):
            fail(f"{name[:40]!r} where a node's name belongs")
        return Descriptor(name, is_node=True), place + 1
    if name not in _PARTS:
        fail(f"the function {name[:40]}")
    parts: list[Descriptor] = []
    values: list[str] = []
    place += 1
    while True:
        place += 1
        word = words[place] if place < len(words) else ""
        is_value = _is_value(name, word, len(parts), len(values))
        if is_value:
            values.append(word)
            place += 1
        else:
            part, place = _parse(words, place, depth + 1, fail)
            parts.append(part)
        if place >= len(words) or words[place] not in (",", ")"):
            fail(f"{name} without its end")
        if words[place] == ")":
            break
    least, most, fewest, largest = _PARTS[name]
    if not (least <= len(parts) <= most and fewest <= len(values) <= largest):
        fail(f"{name} of {len(parts)} nodes and {len(values)} values")
    return Descriptor(name, tuple(parts), tuple(values)), place + 1


def _is_value(name: str, word: str, parts: int, values: int) -> bool:
    """Whether a word is a number or a letter; nodes may be called t or x, too."""
    if name == "Scale":
        return values == 0
    if name == "Const":
        return True
    if name in ("Offset", "Round", "ReplaceIndex"):
        return parts == 1
    return False
