"""eSpeak NG's phonemes of American English, beside what CMUdict has."""

import pytest

from open_seq2seq.pronunciations.cmudict import PHONEMES
from open_seq2seq.pronunciations.ipa import _TABLE, arpabet

# As eSpeak NG 1.52 writes them.
WORDS = {
    "wɜːld": "W ER L D",
    "wɔːɾɚ": "W AO T ER",
    "bɑːɾəl": "B AA T AH L",
    "bʌʔn̩": "B AH T AH N",
    "faɪɚ": "F AY ER",
    "θɔːt": "TH AO T",
    "tʃɜːtʃ": "CH ER CH",
    "dʒʌdʒ": "JH AH JH",
    "vɪʒən": "V IH ZH AH N",
    "sɪŋɪŋ": "S IH NG IH NG",
    "mjuːzɪk": "M Y UW Z IH K",
    "kjʊɹɹiəs": "K Y UH R IY AH S",
    "təmeɪɾoʊ": "T AH M EY T OW",
}


@pytest.mark.parametrize(("ipa", "expected"), WORDS.items())
def test_words(ipa, expected):
    assert arpabet(ipa) == tuple(expected.split())


def test_stress_marks_become_digits():
    assert arpabet("ɐbˈaʊt", stress=True) == ("AH0", "B", "AW1", "T")
    expected = "AH2 N D ER0 S T AE1 N D"
    assert " ".join(arpabet("ˌʌndɚstˈænd", stress=True) or ()) == expected
    assert arpabet("ɐbˈaʊt") == ("AH", "B", "AW", "T")


def test_unknown_signs_have_no_symbols():
    assert arpabet("kʘ") is None
    assert arpabet("") is None


def test_the_table_gives_phonemes_of_cmudict():
    assert {symbol for value in _TABLE.values() for symbol in value.split()} == {*PHONEMES}
