"""Text normalisation: from text as it is written to what is said, in the letters of a corpus.

"librispeech" is English as LibriSpeech's transcripts have it (`english_text`), in lower case;
"plain" is for any language and only takes away case and punctuation. Both give the same when they
are applied again, and both are meant for transcripts and for the text of language models alike.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from open_seq2seq.config.schema import Param
from open_seq2seq.data.english_text import librispeech_text
from open_seq2seq.errors import InputError, Problem

APOSTROPHES = dict.fromkeys(map(ord, "’ʼ＇‛"), "'")
# Marks that belong to the word that they are in: the apostrophe, Hebrew's geresh and gershayim
# (abbreviations, numbers) and Catalan's middle dot.
_INSIDE_WORDS = "'׳״·"
# They shape letters of Persian, Indic and other scripts and have no sign of their own.
_JOINERS = "\u200c\u200d"


def plain_text(text: str) -> str:
    """Text of any language in lower case, words with one space between, no punctuation.

    * NFC; lower case (not case folding: "straße" keeps its ß);
    * punctuation, symbols and control characters become spaces, hyphens too: "arc-en-ciel" is
      three words. An apostrophe between two letters stays ("l'été", "don't"), written as ';
    * letters, combining marks and digits stay: Indic and Arabic vowel signs, and joiners (U+200C,
      U+200D) between letters, are part of the spelling. Invisible characters else are removed.
    """
    text = unicodedata.normalize("NFC", text).translate(APOSTROPHES).lower()
    kept = []
    for character in text:
        category = unicodedata.category(character)
        if character in _INSIDE_WORDS or character in _JOINERS or category[0] in "LMN":
            kept.append(character)
        elif category != "Cf":
            kept.append(" ")
    joined = "".join(kept)
    if any(mark in joined for mark in _INSIDE_WORDS + _JOINERS):
        joined = _without_marks_at_ends(joined)
    return " ".join(unicodedata.normalize("NFC", joined).split())


def _without_marks_at_ends(text: str) -> str:
    """Drops apostrophes and joiners that are not between letters, marks or digits."""
    kept: list[str] = []
    for index, character in enumerate(text):
        if character not in _INSIDE_WORDS + _JOINERS:
            kept.append(character)
            continue
        following = text[index + 1 : index + 2]
        is_between = bool(kept) and _is_letter(kept[-1]) and _is_letter(following)
        if is_between:
            kept.append(character)
        elif character in _INSIDE_WORDS:
            kept.append(" ")
    return "".join(kept)


def _is_letter(character: str) -> bool:
    return bool(character) and unicodedata.category(character)[0] in "LMN"


NORMALIZERS: dict[str, Callable[[str], str]] = {
    "librispeech": librispeech_text,
    "plain": plain_text,
}


NORMALIZATION = Param(
    "text_normalization",
    str,
    "How transcripts are normalised; None: not at all. librispeech: English as LibriSpeech's, "
    "lower case, numbers and abbreviations spelled out; plain: any language, lower case, no "
    "punctuation.",
    default=None,
    choices=tuple(NORMALIZERS),
)


def normalizer(name: str | None) -> Callable[[str], str]:
    """The function that normalises text; for None the one that leaves it as it is.

    Raises:
      InputError: there is none of this name.
    """
    if name is None:
        return str
    if name not in NORMALIZERS:
        expected = " or ".join(NORMALIZERS)
        problem = Problem("text_normalization", repr(name), expected)
        raise InputError("The text cannot be normalised:", [problem])
    return NORMALIZERS[name]
