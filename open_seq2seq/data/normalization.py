"""Text normalisation: from text as it is written to what is said, in the letters of a corpus.

"librispeech" is English as LibriSpeech's transcripts have it (`english_text`), in lower case;
"plain" only takes away case and punctuation, for any language whose capital of i is I; "turkish"
is the same for those where İ and I are the capitals of i and ı. All give the same when they are
applied again, and are meant for transcripts and for the text of language models alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

from open_seq2seq.config.schema import Param
from open_seq2seq.data.apostrophes import plain_apostrophes
from open_seq2seq.data.english_text import librispeech_text
from open_seq2seq.errors import InputError, Problem

# Marks that belong to the word that they are in: the apostrophe, Hebrew's geresh and gershayim
# (abbreviations, numbers) and Catalan's middle dot.
_INSIDE_WORDS = "'׳״·"
# They shape letters of Persian, Indic and other scripts and have no sign of their own.
_JOINERS = "\u200c\u200d"
# The letters that Turkish, Azerbaijani, Tatar, Crimean Tatar and Kazakh have beside i and I.
DOTTED_AND_DOTLESS = frozenset("İı")
# In that order: an i with a dot above it is what other programs make of İ in lower case.
_TURKISH = (("i\u0307", "i"), ("İ", "i"), ("I", "ı"))


class _Kept(dict[int, int | None]):
    """What becomes of each character (`str.translate`), found out when it first comes."""

    def __missing__(self, code: int) -> int | None:
        character = chr(code)
        category = unicodedata.category(character)
        stays = character in _INSIDE_WORDS + _JOINERS or category[0] in "LMN"
        self[code] = code if stays else None if category == "Cf" else ord(" ")
        return self[code]


_KEPT = _Kept()
_APOSTROPHES = re.compile("''+")


def plain_text(text: str) -> str:
    """Text of any language in lower case, words with one space between, no punctuation.

    * NFC; lower case (not case folding: "straße" keeps its ß), where i is that of I: for
      languages with ı see `turkish_text`;
    * punctuation, symbols and control characters become spaces, hyphens too: "arc-en-ciel" is
      three words. An apostrophe between two letters stays ("l'été", "don't"), written as ',
      whichever of its look-alikes was typed (`apostrophes`);
    * letters, combining marks and digits stay: Indic and Arabic vowel signs, and joiners (U+200C,
      U+200D) between letters, are part of the spelling. Invisible characters else are removed.
    """
    if text.isascii():
        return _plain_ascii(text)
    text = plain_apostrophes(unicodedata.normalize("NFC", text)).lower()
    joined = text.translate(_KEPT)
    if any(mark in joined for mark in _INSIDE_WORDS + _JOINERS):
        joined = _without_marks_at_ends(joined)
    return " ".join(unicodedata.normalize("NFC", joined).split())


def _plain_ascii(text: str) -> str:
    """`plain_text` where the apostrophe is the only mark, ten times as fast."""
    if "`" in text:
        text = plain_apostrophes(text)
    text = text.lower().translate(_KEPT)
    if "'" in text:
        # Between two letters no other apostrophe stands beside one.
        text = _APOSTROPHES.sub(" ", text) if "''" in text else text
        text = f" {text} ".replace(" '", " ").replace("' ", " ")
    return " ".join(text.split())


def turkish_text(text: str) -> str:
    """`plain_text` for languages in which I is the capital of ı, and İ that of i.

    Turkish, Azerbaijani, Tatar, Crimean Tatar, Gagauz and Kazakh in Latin letters: "SIFIR" becomes
    "sıfır", "İKİ" "iki".
    """
    return plain_text(turkish_lower(text))


def turkish_lower(text: str) -> str:
    """`str.lower` for those languages; the text's composed form (NFC)."""
    text = unicodedata.normalize("NFC", text)
    for written, small in _TURKISH:
        text = text.replace(written, small)
    return text.lower()


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
    "turkish": turkish_text,
}


NORMALIZATION = Param(
    "text_normalization",
    str,
    "How transcripts are normalised; None: not at all. librispeech: English as LibriSpeech's, "
    "lower case, numbers and abbreviations spelled out; plain: any language, lower case, no "
    "punctuation; turkish: the same for languages with a dotless ı (I becomes ı, İ becomes i).",
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


def lower_caser(name: str | None, symbols: Iterable[str]) -> Callable[[str], str]:
    """How texts are lower-cased before they are compared, by the language that they are of.

    Args:
      name: the `text_normalization`, or None.
      symbols: of the model that writes them: one with İ or ı is of a language that has both.
    """
    is_turkish = name == "turkish" or any(DOTTED_AND_DOTLESS & set(symbol) for symbol in symbols)
    return turkish_lower if is_turkish else str.lower
