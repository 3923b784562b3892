"""Apostrophes, and what is typed for them."""

from __future__ import annotations

import unicodedata

# Always an apostrophe.
_SAME = str.maketrans(dict.fromkeys("’ʼ＇‛", "'"))
# An apostrophe between two letters, else a quotation mark, an accent by itself or a prime: the
# left quotation mark, the grave and the acute accent, the prime, the Armenian apostrophe, and the
# grave accent of East Asian fonts.
_LOOK_ALIKES = frozenset("‘`´′՚｀")


def plain_apostrophes(text: str) -> str:
    """The text with every apostrophe written as '.

    People type what their keyboard has: don`t, l´été, o‘zbek. Such a sign counts where a letter
    (or its combining mark) stands before it and a letter after it; elsewhere it stays.
    """
    text = text.translate(_SAME)
    if _LOOK_ALIKES.isdisjoint(text):
        return text
    return "".join(
        "'"
        if character in _LOOK_ALIKES
        and _category(text[place - 1 : place]) in ("L", "M")
        and _category(text[place + 1 : place + 2]) == "L"
        else character
        for place, character in enumerate(text)
    )


def _category(character: str) -> str:
    """The first letter of its category in Unicode; "" of nothing."""
    return unicodedata.category(character)[0] if character else ""
