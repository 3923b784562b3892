"""When an utterance has ended: rules on silence, length and what the decoder thinks of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from open_seq2seq.errors import InputError, Problem

# Times are sums of frames: a frame's rounding error must not delay an endpoint by a frame.
_SLACK = 1e-6


@dataclass(frozen=True)
class EndpointRule:
    """An utterance has ended where all of this holds.

    Args:
      name: what it is called.
      trailing_silence: seconds, at least, since the last symbol.
      needs_text: whether there has to be a symbol at all.
      length: seconds, at least, since the utterance's beginning.
      max_end_cost: what was heard may be more probable, if the utterance went on, by so much
        (natural logarithm; `DecodingStream.end_cost`): 0 asks for a finished word.
    """

    name: str
    trailing_silence: float = 0.0
    needs_text: bool = True
    length: float = 0.0
    max_end_cost: float = math.inf

    def __post_init__(self) -> None:
        values = {
            "trailing_silence": self.trailing_silence,
            "length": self.length,
            "max_end_cost": self.max_end_cost,
        }
        problems = [
            Problem(f"{self.name}/{name}", repr(value), "a number, not below 0")
            for name, value in values.items()
            if not value >= 0
        ]
        if problems:
            raise InputError("The endpoint rule cannot be used:", problems)
        if not max(self.trailing_silence, self.length) > 0:
            expected = "trailing_silence or length above 0"
            problem = Problem(self.name, "a rule that holds everywhere", expected)
            raise InputError("The endpoint rule cannot be used:", [problem])


# Those of sherpa-onnx (csrc/endpoint.h): nothing said, something said, too long.
ENDPOINT_RULES = (
    EndpointRule("nothing_said", trailing_silence=2.4, needs_text=False),
    EndpointRule("after_speech", trailing_silence=1.2),
    EndpointRule("too_long", needs_text=False, length=20.0),
)


def endpoint_rules_of(
    times: Mapping[str, float], place: Callable[[str, float], str]
) -> list[EndpointRule]:
    """The rules `ENDPOINT_RULES` with other times.

    Args:
      times: seconds by the rule's name, `math.inf`: never; rules that are not there stay.
      place: how a name and its time are called in messages.

    Raises:
      InputError: a time is none.
    """
    rules, problems = [], []
    for rule in ENDPOINT_RULES:
        seconds = times.get(rule.name, rule.length or rule.trailing_silence)
        if not seconds > 0:
            expected = "seconds above 0, or inf: never"
            problems.append(Problem(place(rule.name, seconds), "no time", expected))
            continue
        if rule.length:
            rules.append(replace(rule, length=seconds))
        else:
            rules.append(replace(rule, trailing_silence=seconds))
    if problems:
        raise InputError("Where utterances end is not clear:", problems)
    return rules


@dataclass(frozen=True)
class Heard:
    """What rules look at.

    Args:
      length: seconds of the utterance so far.
      trailing_silence: of these, seconds since its last symbol.
      has_text: whether it has any.
    """

    length: float
    trailing_silence: float
    has_text: bool


@dataclass(frozen=True)
class Endpoint:
    """Where an utterance has ended.

    Args:
      rule: the name of the rule that says so.
      start, end: of the utterance, in seconds from the beginning of the stream.
      trailing_silence: seconds of it that are silence at its end.
    """

    rule: str
    start: float
    end: float
    trailing_silence: float


def first_rule(
    rules: Sequence[EndpointRule], heard: Heard, end_cost: float | None
) -> EndpointRule | None:
    """The first rule that holds.

    Args:
      rules: in order.
      heard: what is known.
      end_cost: of the decoder; None: not asked for, so that no rule that needs it holds.
    """
    for rule in rules:
        if heard.trailing_silence < rule.trailing_silence - _SLACK:
            continue
        if heard.length < rule.length - _SLACK or (rule.needs_text and not heard.has_text):
            continue
        if math.isfinite(rule.max_end_cost) and not (
            end_cost is not None and end_cost <= rule.max_end_cost
        ):
            continue
        return rule
    return None


def first_end(
    rules: Sequence[EndpointRule],
    lengths: np.ndarray,
    silences: np.ndarray,
    have_text: np.ndarray,
    holds: bool = True,
) -> int | None:
    """The first of some rows at which a rule holds; what it asks of the decoder is left aside.

    Args:
      rules: the rules.
      lengths, silences, have_text: `[row]`, what `Heard` has, of each row.
      holds: False: the first row at which no rule holds.
    """
    found = np.zeros(len(lengths), bool)
    for rule in rules:
        ends = silences >= rule.trailing_silence - _SLACK
        ends &= lengths >= rule.length - _SLACK
        found |= ends & have_text if rule.needs_text else ends
    where = np.flatnonzero(found if holds else ~found)
    return int(where[0]) if len(where) else None
