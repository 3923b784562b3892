"""What a request may change of the search: hot words, alpha, beta, the beam, the n-best list."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from open_seq2seq.serving.limits import Limits
from open_seq2seq.serving.refusal import Refused

# What a hot word without a weight adds, natural logarithm.
HOT_WORD_WEIGHT = 5.0
_LARGEST = 100.0
_LONGEST_PHRASE = 200
_FLOATS = ("alpha", "beta")
_PARTING = str.maketrans(dict.fromkeys(",;.!?\n", "\n"))


@dataclass(frozen=True)
class Search:
    """What is to be changed.

    Args:
      options: `alpha`, `beta`, `beam_width` and `nbest`, those that are given.
      hot_words: phrases and their weights.
    """

    options: Mapping[str, float] = field(default_factory=dict)
    hot_words: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.options or self.hot_words)


def search_of(given: Mapping[str, Any], limits: Limits) -> Search:
    """What a request asks for; its values may be text, as those of forms are.

    Args:
      given: `alpha`, `beta`, `beam_width`, `nbest`; `hot_words`, an object of weights, a list of
        phrases, or one of them as JSON. What is None or "" is not given.

    Raises:
      Refused: a value makes no sense, or is beyond the limits.
    """
    options: dict[str, float] = {}
    for name in _FLOATS:
        value = _number(name, given.get(name))
        if value is not None:
            options[name] = value
    for name, most in (("beam_width", limits.beam_width), ("nbest", limits.nbest)):
        value = _number(name, given.get(name))
        if value is None:
            continue
        if value != int(value) or not 1 <= value <= most:
            raise _wrong(name, value, f"a whole number from 1 to {most}")
        options[name] = int(value)
    return Search(options, _hot_words(given.get("hot_words"), limits))


def prompt_words(prompt: str, limits: Limits) -> dict[str, float]:
    """The phrases of a prompt as hot words: what commas, full stops and lines part.

    Raises:
      Refused: there are too many.
    """
    phrases = [" ".join(part.split()) for part in prompt.translate(_PARTING).split("\n")]
    return _checked({part: HOT_WORD_WEIGHT for part in phrases if part}, "prompt", limits)


def _hot_words(given: Any, limits: Limits) -> dict[str, float]:
    if given is None or given == "":
        return {}
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            raise _wrong("hot_words", given, "a list of phrases, or an object of weights") from None
    if isinstance(given, list):
        given = dict.fromkeys(given, HOT_WORD_WEIGHT) if _all_text(given) else None
    if not isinstance(given, dict):
        raise _wrong("hot_words", given, "a list of phrases, or an object of weights")
    return _checked(given, "hot_words", limits)


def _checked(words: Mapping[str, Any], param: str, limits: Limits) -> dict[str, float]:
    if len(words) > limits.hot_words:
        raise _wrong(param, f"{len(words)} phrases", f"at most {limits.hot_words}")
    found = {}
    for phrase, weight in words.items():
        if not phrase.strip() or len(phrase) > _LONGEST_PHRASE:
            raise _wrong(param, phrase, f"phrases of 1 to {_LONGEST_PHRASE} characters")
        found[phrase.strip()] = _number(param, weight) or 0.0
    return found


def _number(name: str, given: Any) -> float | None:
    if given is None or given == "":
        return None
    try:
        value = math.nan if isinstance(given, bool) else float(given)
    except (TypeError, ValueError):
        value = math.nan
    if name not in ("beam_width", "nbest") and not abs(value) <= _LARGEST:
        raise _wrong(name, given, f"a number from -{_LARGEST:g} to {_LARGEST:g}")
    if not math.isfinite(value):
        raise _wrong(name, given, "a number")
    return value


def _all_text(given: list[Any]) -> bool:
    return all(isinstance(one, str) for one in given)


def _wrong(param: str, found: Any, expected: str) -> Refused:
    text = f"{param}: found {str(found)[:100]!r}, expected {expected}."
    return Refused(400, text, "invalid_value", param)
