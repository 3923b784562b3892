"""Lists of the command line, as OpenVINO's speech sample had them: `a,b` and `name=a,name=b`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from open_seq2seq.errors import InputError, Problem

# Kaldi's "ark,t" and "ark,scp" before their colon.
_OPEN_SPECIFIER = re.compile(r"(?:[^=]*=)?(?:ark|scp)(?:,[a-z]+)*$")
_TWO_FILES = re.compile(r"(?:[^=]*=)?(?:ark,(?:[a-z]+,)*scp|scp,(?:[a-z]+,)*ark)[,a-z]*:[^,]*$")


class Named(NamedTuple):
    """An element of a list.

    Args:
      name: of a model's input or output, `layer` or `layer:port`; None: the place in the list says.
      value: a file, or a number as text.
    """

    name: str | None
    value: str


def parse_list(text: str | None, flag: str, colon: bool = False) -> list[Named]:
    """The elements of `a,b` or `name=a,name2=b`; one that is a file with a comma or "=" is one.

    Args:
      text: what was given; None: nothing.
      flag: for messages.
      colon: whether `name:a` is the same as `name=a`.

    Raises:
      InputError: an element is empty, or only some have names.
    """
    if not text:
        return []
    if os.path.exists(text):
        return [Named(None, text)]
    elements = [_named(one.strip(), colon) for one in _split(text)]
    if any(not one.value or one.name == "" for one in elements):
        problem = Problem(flag, text, "a,b or name=a,name2=b without empty places")
        raise InputError("A list cannot be read:", [problem])
    if len({one.name is None for one in elements}) > 1:
        found = f"{text}: some with names, some without"
        raise InputError("A list cannot be read:", [Problem(flag, found, "names for all or none")])
    names = [one.name for one in elements if one.name is not None]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        problem = Problem(flag, f"{', '.join(twice)} twice", "each name once")
        raise InputError("A list cannot be read:", [problem])
    return elements


def _named(element: str, colon: bool) -> Named:
    name, separator, value = element.partition("=")
    if not separator and colon:
        name, separator, value = element.rpartition(":")
    # A path with "=" in a folder's name is no pair.
    if not separator or ("/" in name and not os.path.exists(value)):
        return Named(None, element)
    return Named(name.strip(), value.strip())


def _split(text: str) -> list[str]:
    """At commas, but not at those of Kaldi's specifiers."""
    parts: list[str] = []
    for piece in text.split(","):
        if parts and (_OPEN_SPECIFIER.fullmatch(parts[-1]) or _TWO_FILES.fullmatch(parts[-1])):
            parts[-1] += f",{piece}"
        else:
            parts.append(piece)
    return parts


def assigned(elements: Sequence[Named], names: Sequence[str], flag: str) -> dict[str, str]:
    """The elements by the names of a model's inputs or outputs.

    Args:
      elements: of a list; those without names stand for `names` in their order.
      names: as the model has them, or as `-iname` and `-oname` order them.
      flag: for messages.

    Raises:
      InputError: a name is not among them, or there are more elements than names.
    """
    if elements and elements[0].name is not None:
        return {match_name(one.name or "", names, flag): one.value for one in elements}
    if len(elements) > len(names):
        found = f"{len(elements)} for {len(names)}: {', '.join(names)}"
        raise InputError("A list is too long:", [Problem(flag, found, "one for each")])
    return {name: one.value for name, one in zip(names, elements)}


def match_name(name: str, names: Sequence[str], flag: str) -> str:
    """A model's name that is meant: the same one, or the same without or with the port 0.

    Raises:
      InputError: there is none.
    """
    candidates = (name, f"{name}:0", name.removesuffix(":0"))
    found = next((one for one in candidates if one in names), None)
    if found is None:
        problem = Problem(flag, name, f"one of {', '.join(names)}")
        raise InputError("The model has no such name:", [problem])
    return found
