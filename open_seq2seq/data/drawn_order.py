"""The order of numbers that were drawn."""

from __future__ import annotations

import numpy as np

# A number's place and its leading bits are sorted together, as one integer.
_PLACE_BITS = 26


def increasing(drawn: np.ndarray) -> np.ndarray:
    """`np.argsort(drawn, kind="stable")`, in a third of the time.

    NumPy sorts integers by vector instructions, which sorting places by what they stand for cannot
    use. Numbers that agree in their leading bits, some dozens in ten millions, are sorted again.

    Args:
      drawn: [n] float64 from 0 up to, not including, 1.
    """
    if len(drawn) >> _PLACE_BITS:
        return np.argsort(drawn, kind="stable")
    leading = (drawn * 2.0 ** (63 - _PLACE_BITS)).astype(np.int64)
    keys = leading << _PLACE_BITS
    keys |= np.arange(len(drawn))
    keys.sort()
    places = keys & ((1 << _PLACE_BITS) - 1)
    keys >>= _PLACE_BITS
    alike = np.flatnonzero(keys[1:] == keys[:-1])
    for first in alike[np.diff(alike, prepend=-2) > 1].tolist():
        behind = first + 1
        while behind < len(keys) and keys[behind] == keys[first]:
            behind += 1
        some = places[first:behind]
        places[first:behind] = some[np.argsort(drawn[some], kind="stable")]
    return places
