"""Numbers in text: whole ones, floats, and rows of a matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from open_seq2seq.kaldi_io.source import Source, shown

_INT32 = 1 << 31


def integers(source: Source, words: Sequence[bytes], what: str, at: int) -> np.ndarray:
    """`[n]` int32 of words; an `InputError` names the first that is none."""
    numbers = np.zeros(len(words), np.int32)
    for place, word in enumerate(words):
        # Without what Python takes besides: 1_000, and 4301 digits, which it refuses.
        plain = word.isascii() and word.lstrip(b"+-").isdigit() and len(word) < 20
        try:
            number = int(word) if plain else _INT32
        except ValueError:  # --1
            number = _INT32
        if not -_INT32 <= number < _INT32:
            source.fail(shown(word[:40]), f"{what}: a whole number of 32 bits", at=at)
        numbers[place] = number
    return numbers


def reals(
    source: Source, words: Sequence[bytes], what: str, at: int, dtype: type = np.float32
) -> np.ndarray:
    """`[n]` float32 of words; an `InputError` names the first that is none."""
    try:
        if any(b"_" in word for word in words):
            raise ValueError
        # Numbers beyond float32 are infinite there, as they are for Kaldi.
        with np.errstate(over="ignore"):
            return np.array([float(word) for word in words], np.float64).astype(dtype)
    except ValueError:
        bad = next(word for word in words if not _is_real(word))
        source.fail(shown(bad[:40]), f"{what}: a number", at=at)


def _is_real(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return b"_" not in word


def matrix_rows(source: Source, text: bytes, what: str, at: int) -> np.ndarray:
    """`[rows, columns]` float32 of what stands between the brackets."""
    rows = [words for line in text.replace(b";", b"\n").split(b"\n") if (words := line.split())]
    if not rows:
        return np.zeros((0, 0), np.float32)
    columns = len(rows[0])
    for number, row in enumerate(rows):
        if len(row) != columns:
            found = f"{len(row)} numbers in row {number} of a matrix, {columns} in the first"
            source.fail(found, f"{what}: as many in each row", at=at)
    return reals(source, [word for row in rows for word in row], what, at).reshape(-1, columns)
