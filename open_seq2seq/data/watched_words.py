"""Lines of a text that have one of some words, found for all words of the text at once."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

# Words are compared as numbers of eight bytes, the unused ones 0.
_LONGEST = 7
_MASKS = np.array([(1 << 8 * length) - 1 for length in range(9)], np.uint64)
# 1,024 places for a few words: most have none.
_SHIFT = np.uint64(64 - 10)
_NO_WORD = np.uint64(2**64 - 1)
_SPACE, _LINE_FEED = b" \n"


class WatchedWords:
    """Some words that lines are searched for.

    Args:
      words: of ASCII, at most seven characters each.
    """

    def __init__(self, words: Iterable[str]):
        codes = np.array([_code(word) for word in words], np.uint64)
        random = np.random.default_rng(0)
        while True:
            # Multiplication spreads the words over the places; this factor gives each its own.
            self._factor = random.integers(1 << 63, dtype=np.uint64) | np.uint64(1)
            places = (codes * self._factor) >> _SHIFT
            if len(set(places.tolist())) == len(codes):
                break
        self._table = np.full(1 << 10, _NO_WORD)
        self._table[places] = codes

    def lines(self, text: bytes) -> list[int]:
        """The numbers, from 0, of the lines that have one of the words.

        Args:
          text: words with one space between, lines with a line feed between.
        """
        padded = np.frombuffer(b"\n" + text + b"\n" + bytes(8), np.uint8)
        characters = padded[:-8]
        ends = np.flatnonzero((characters == _SPACE) | (characters == _LINE_FEED))
        starts = ends[:-1] + 1
        lengths = np.minimum(np.diff(ends) - 1, 8)
        # Eight bytes from each character on: they overlap.
        numbers = np.ndarray(len(characters), "<u8", padded, strides=(1,))
        codes = numbers[starts] & _MASKS[lengths]
        found = starts[self._table[(codes * self._factor) >> _SHIFT] == codes]
        line_feeds = ends[characters[ends] == _LINE_FEED]
        return np.unique(np.searchsorted(line_feeds, found) - 1).tolist()


def _code(word: str) -> int:
    characters = word.encode("ascii")
    assert 0 < len(characters) <= _LONGEST, word
    return int.from_bytes(characters, "little")
