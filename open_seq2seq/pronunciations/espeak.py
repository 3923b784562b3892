"""Pronunciations by rule: eSpeak NG, through the package phonemizer."""

from __future__ import annotations

from collections.abc import Sequence

from open_seq2seq.pronunciations.ipa import arpabet
from open_seq2seq.pronunciations.spelling import Spelling


def is_installed() -> bool:
    """Whether phonemizer and eSpeak NG are there."""
    try:
        from phonemizer.backend import EspeakBackend
    except ImportError:
        return False
    return bool(EspeakBackend.is_available())


class Espeak:
    """A `Source` that knows how every word of English letters may be said.

    Args:
      stress: whether vowels have a digit of stress.
    """

    name = "eSpeak NG"

    def __init__(self, stress: bool = False):
        from phonemizer.backend import EspeakBackend

        self._stress = stress
        self._backend = EspeakBackend(
            "en-us", with_stress=stress, language_switch="remove-flags", preserve_punctuation=False
        )

    def spell(self, words: Sequence[str]) -> dict[str, list[Spelling]]:
        """See `Source`; words of which it makes no phonemes of ARPAbet are left out."""
        said = self._backend.phonemize(list(words), strip=True)
        found = zip(words, (arpabet(one, self._stress) for one in said), strict=True)
        return {word: [spelling] for word, spelling in found if spelling}
