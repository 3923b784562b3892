"""How large a split of a corpus shall be: `10%`, `1.5h`, `300`, `4 speakers`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SIZE = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>%|[a-z]*)", re.IGNORECASE)
_SECONDS = {"s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600}
_SPEAKERS = ("speaker", "speakers")
EXPECTED = "10% (of the hours), 90s, 30min, 1.5h, 300 (utterances) or 4speakers"


@dataclass(frozen=True)
class Size:
    """A split's size.

    Args:
      amount: seconds, a share of all seconds (0 to 1), utterances or speakers.
      unit: "seconds", "share", "utterances" or "speakers".
      written: as the user has it.
    """

    amount: float
    unit: str
    written: str


def parse_size(text: str) -> Size:
    """Reads a size.

    Raises:
      ValueError: it is none; the message says what was expected.
    """
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise ValueError(EXPECTED)
    number, unit = float(match["number"]), match["unit"].lower()
    if unit == "%" and number < 100:
        return Size(number / 100, "share", text)
    if unit in _SECONDS:
        return Size(number * _SECONDS[unit], "seconds", text)
    # 0.1 is a share, 300 are utterances.
    if not unit and number < 1:
        return Size(number, "share", text)
    if number.is_integer() and (not unit or unit in _SPEAKERS):
        return Size(number, "speakers" if unit else "utterances", text)
    raise ValueError(EXPECTED)
