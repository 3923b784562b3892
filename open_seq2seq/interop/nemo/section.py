"""A part of a NeMo config, read value by value with its place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from open_seq2seq.errors import InputError
from open_seq2seq.interop.nemo.refusal import refusal


class Section:
    """A dictionary of a config.

    Values may be the text of numbers, as YAML's writers leave them.

    Args:
      values: the dictionary.
      where: its place, for messages.
    """

    def __init__(self, values: Mapping[str, Any], where: str):
        self.values, self.where = values, where
        self.asked: set[str] = set()

    @property
    def unread(self) -> list[str]:
        """The keys that nobody asked for."""
        return [str(key) for key in self.values if key not in self.asked]

    def get(self, key: str, default: Any = None) -> Any:
        """The value as it is."""
        self.asked.add(key)
        return self.values.get(key, default)

    def ignore(self, *keys: str) -> None:
        """Keys that are known and change nothing that is computed here."""
        self.asked.update(keys)

    def refused(self, key: str, expected: str, remedy: str = "") -> InputError:
        """The error of a value."""
        found = repr(self.values.get(key))
        found = found if len(found) <= 80 else found[:80] + "..."
        return refusal(f"{self.where}/{key}", found, expected, remedy)

    def number(self, key: str, default: float) -> float:
        """A finite number.

        Raises:
          InputError: it is something else.
        """
        value = self.get(key, default)
        value = default if value is None else value
        try:
            number = float(value) if not isinstance(value, bool) else math.nan
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise self.refused(key, "a number")
        return number

    def whole(self, key: str, default: int, least: int = 1, most: int = 1 << 20) -> int:
        """A whole number between two limits.

        Raises:
          InputError: it is something else.
        """
        number = self.number(key, default)
        if number != int(number) or not least <= number <= most:
            raise self.refused(key, f"a whole number from {least} to {most}")
        return int(number)

    def flag(self, key: str, default: bool) -> bool:
        """True or False.

        Raises:
          InputError: it is something else.
        """
        value = self.get(key, default)
        if value is None:
            return default
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if not isinstance(value, bool):
            raise self.refused(key, "true or false")
        return value

    def text(self, key: str, default: str = "") -> str:
        """A text; what is none, or null, is the default.

        Raises:
          InputError: it is a list or a dictionary.
        """
        value = self.get(key)
        if value is None:
            return default
        if isinstance(value, (Mapping, list)):
            raise self.refused(key, "a word")
        return str(value)

    def one_of(self, key: str, allowed: Sequence[Any], default: Any, remedy: str = "") -> Any:
        """A value that has to be among some.

        Raises:
          InputError: it is not.
        """
        value = self.get(key, default)
        if value is None:
            value = default
        if value not in allowed:
            raise self.refused(key, " or ".join(map(repr, allowed)), remedy)
        return value

    def part(self, key: str) -> Section:
        """A dictionary inside; an empty one where there is none.

        Raises:
          InputError: there is something else.
        """
        value = self.get(key)
        if value is None:
            return Section({}, f"{self.where}/{key}")
        if not isinstance(value, Mapping):
            raise self.refused(key, "a dictionary")
        return Section(value, f"{self.where}/{key}")

    def texts(self, key: str) -> list[str] | None:
        """A list of texts; None where there is none.

        Raises:
          InputError: there is something else.
        """
        value = self.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(
            isinstance(one, (str, int, float)) for one in value
        ):
            raise self.refused(key, "a list of texts")
        return [_as_text(one) for one in value]


def _as_text(value: Any) -> str:
    """What a label was before YAML took it for something else."""
    if value is True or value is False:
        return "yes" if value else "no"
    return str(value)
