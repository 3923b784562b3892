"""Which of NeMo's front-ends a model was trained with: it changed twice."""

from __future__ import annotations

import re
from typing import NamedTuple

from open_seq2seq.interop.nemo.refusal import refusal


class Era(NamedTuple):
    """The versions of NeMo that compute features alike.

    Args:
      name: what `--front_end_era` takes.
      edges, frame_count: parameters of the front-end.
    """

    name: str
    edges: str
    frame_count: str


ERAS = (
    Era("2.5", "zeros", "whole_hops"),
    Era("1.0-2.4", "reflected", "centred"),
    Era("0.x", "reflected", "begun_hops"),
)
NEWEST, MIDDLE, OLDEST = ERAS
_VERSION = re.compile(r"(\d+)(?:\.(\d+|x))?(?:\.(\d+|x))?(rc|[ab])?")


class ChosenEra(NamedTuple):
    """An era and why it is taken."""

    era: Era
    reason: str


def era_of_version(text: str) -> Era | None:
    """The era of a version like `2.4.1`, `>=2.5`, `1.0-2.4` or `0.x`; None: it is no version."""
    found = _VERSION.search(text)
    if found is None:
        return None
    major, minor = int(found[1][:4]), int(found[2][:4]) if (found[2] or "x") != "x" else 0
    if major == 0:
        return OLDEST
    # The last one before 1.0.0 that counted frames as before is its first release candidate.
    is_beta = (major, minor) == (1, 0) and found[4] in ("a", "b")
    if is_beta:
        return OLDEST
    return NEWEST if (major, minor) >= (2, 5) else MIDDLE


def named_era(name: str) -> Era:
    """The era that a user names, by its name or by a version in it.

    Raises:
      InputError: there is none.
    """
    era = era_of_version(name)
    if era is None:
        expected = f"one of {', '.join(one.name for one in ERAS)}, or a version of NeMo"
        raise refusal("--front_end_era", repr(name), expected)
    return era


def chosen_era(given: str | None, nemo_version: object) -> ChosenEra:
    """The era of a model.

    Args:
      given: what the user says; None: nothing.
      nemo_version: what the file says; None: nothing.
    """
    if given is not None:
        return ChosenEra(named_era(given), "--front_end_era says so")
    if nemo_version is None:
        reason = "the file names no version, as before 1.7"
        return ChosenEra(MIDDLE, reason)
    era = era_of_version(str(nemo_version)) or MIDDLE
    return ChosenEra(era, f"nemo_version is {str(nemo_version)[:40]}")
