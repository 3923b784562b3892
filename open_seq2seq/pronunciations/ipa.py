"""From the International Phonetic Alphabet, as eSpeak NG writes American English, to ARPAbet.

After the tables of ARPAbet in the documentation of CMUdict and the phonemes of eSpeak NG's voice
en-us; what ARPAbet has no symbol for becomes the nearest one.
"""

from __future__ import annotations

import re

from open_seq2seq.pronunciations.spelling import Spelling

_VOWELS = {
    "iː": "IY", "i": "IY", "ɪ": "IH", "ᵻ": "IH", "ɨ": "IH", "eɪ": "EY", "e": "EH", "ɛ": "EH",
    "æ": "AE", "a": "AA", "aː": "AE", "ɑː": "AA", "ɑ": "AA", "ɒ": "AA", "ɔː": "AO", "ɔ": "AO",
    "oː": "AO", "oʊ": "OW", "o": "OW", "əʊ": "OW", "ʊ": "UH", "uː": "UW", "u": "UW", "ʌ": "AH",
    "ə": "AH", "ɐ": "AH", "ɜː": "ER", "ɜ": "ER", "ɝ": "ER", "ɚ": "ER", "aɪ": "AY", "aʊ": "AW",
    "ɔɪ": "OY",
}  # fmt: skip
_CONSONANTS = {
    "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "ɡ": "G", "g": "G", "tʃ": "CH", "dʒ": "JH",
    "f": "F", "v": "V", "θ": "TH", "ð": "DH", "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "h": "HH",
    "m": "M", "n": "N", "ŋ": "NG", "l": "L", "ɫ": "L", "ɹ": "R", "r": "R", "j": "Y", "w": "W",
    "ɾ": "T", "ʔ": "T", "x": "K", "ç": "HH", "ɬ": "L",
}  # fmt: skip
# Several phonemes of ARPAbet, or two symbols whose vowel changes: "ɑːɹ" is AA R.
_SEQUENCES = {"əl": "AH L", "n̩": "AH N", "l̩": "AH L", "m̩": "AH M", "aɪɚ": "AY ER", "aɪə": "AY AH",
              "ɹɹ": "R", "ʲ": ""}  # fmt: skip
_TABLE = {**_VOWELS, **_CONSONANTS, **_SEQUENCES}
_LONGEST_FIRST = sorted(_TABLE, key=len, reverse=True)
_TOKEN = re.compile("|".join([*map(re.escape, _LONGEST_FIRST), "[ˈˌ]", "[ːˑ̃]"]))
_STRESS = {"ˈ": "1", "ˌ": "2"}
_VOWEL_SYMBOLS = frozenset(_VOWELS.values())


def arpabet(ipa: str, stress: bool = False) -> Spelling | None:
    """ARPAbet's symbols of a word; None where a sign of it is not known.

    Args:
      ipa: one word; spaces count nothing.
      stress: whether vowels get a digit: 1 after ˈ, 2 after ˌ, else 0.
    """
    text = re.sub(r"\s", "", ipa)
    symbols: list[str] = []
    place, mark = 0, "0"
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            return None
        token, place = found[0], found.end()
        mark = _STRESS.get(token, mark)
        for symbol in _TABLE.get(token, "").split():
            is_vowel = stress and symbol in _VOWEL_SYMBOLS
            symbols.append(symbol + mark if is_vowel else symbol)
            mark = "0" if is_vowel else mark
    return tuple(symbols) or None
