"""English text as LibriSpeech's transcripts have it: words of a-z and ', as they are spoken.

What is known of how LibriSpeech was made, and done alike here:

* the Kaldi recipe that its authors published (egs/librispeech/s5/local/lm) decomposes (NFKD),
  keeps ASCII, reads "Chapter IV" as a number, lets Festival expand what is no word, and keeps
  words of letters and apostrophes;
* its transcripts write MISTER, MISSUS, DOCTOR, SAINT, SEMI BARBARITY, A M, EIGHTEEN SIXTY EIGHT,
  and TWO HUNDRED FIFTEEN, without an AND, for the number of a paragraph;
* no word begins with an apostrophe, and of 9,403,555 in the training data 199 end in one, most
  of them leftovers of quotes (github.com/k2-fsa/libriheavy/issues/13): here neither end keeps any.

What Festival does with amounts of money, fractions and other signs isn't known to us; here they
are read as num2words does. LibriSpeech is in upper case, this is in lower case.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from open_seq2seq.data.apostrophes import plain_apostrophes

# Letters that NFKD leaves whole; Kaldi's recipe loses them.
_LETTERS = str.maketrans({"æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O",
                          "ß": "ss", "ẞ": "SS", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
                          "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "ı": "i"})  # fmt: skip
# What is no apostrophe (`plain_apostrophes`) is an opening quotation mark or an accent by itself.
_MARKS = str.maketrans({**dict.fromkeys("’ʼ＇‛", "'"), **dict.fromkeys("‘`´", " "),
                        "ʻ": "", "⁄": "/", "№": "No."})  # fmt: skip
_FRACTION_SIGN = re.compile("(?=[¼-¾⅐-⅞])")

# Wherever they stand alone, with or without a full stop.
_WORDS = {"mr": "mister", "mrs": "missus", "dr": "doctor", "st": "saint", "messrs": "messieurs",
          "mme": "madame", "mlle": "mademoiselle", "jr": "junior", "etc": "et cetera",
          "vs": "versus"}  # fmt: skip
# With a full stop only: without it they are words, names or something else.
_DOTTED = {"prof": "professor", "capt": "captain", "lieut": "lieutenant", "lt": "lieutenant",
           "col": "colonel", "gen": "general", "maj": "major", "sgt": "sergeant", "rev": "reverend",
           "hon": "honorable", "gov": "governor", "sen": "senator", "sr": "senior",
           "esq": "esquire", "co": "company", "bros": "brothers", "inc": "incorporated",
           "ltd": "limited", "vol": "volume", "ave": "avenue", "mt": "mount"}  # fmt: skip
_MONTHS = {"jan": "january", "feb": "february", "mar": "march", "apr": "april", "jun": "june",
           "jul": "july", "aug": "august", "sep": "september", "sept": "september",
           "oct": "october", "nov": "november", "dec": "december"}  # fmt: skip
_SIGNS = {"&": " and ", "%": " percent ", "+": " plus ", "@": " at ", "°": " degrees "}
_CURRENCIES = {"$": ("dollar", "dollars", "cent", "cents"),
               "£": ("pound", "pounds", "penny", "pence"),
               "€": ("euro", "euros", "cent", "cents")}  # fmt: skip
_UNITS = ["", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"]
_ROMAN = {
    tens + unit: 10 * ten + one
    for ten, tens in enumerate(["", "x", "xx", "xxx", "xl", "l", "lx", "lxx", "lxxx", "xc"])
    for one, unit in enumerate(_UNITS)
    if tens + unit not in ("", "i")  # "i" is a word
}

_DIGITS = r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+"
_SCALES = "hundred|thousand|million|billion|trillion"
_MONEY = re.compile(
    rf"([$£€]) ?({_DIGITS})(\.[0-9]+)?(?:[ -]?({_SCALES})(?![a-z]))?", re.IGNORECASE
)
_CENTS = re.compile(rf"({_DIGITS}) ?¢")
_FRACTION = re.compile(r"(?<![0-9/.,])(?:([0-9]+)[ -]+)?([0-9])/([2-9]|10)(?![0-9/])")
_PLURAL = re.compile(r"(?<![0-9.,])([0-9]+)'?s(?![a-z])", re.IGNORECASE)
_ORDINAL = re.compile(rf"({_DIGITS})(?:st|nd|rd|th)(?![a-z])", re.IGNORECASE)
_DECIMAL = re.compile(rf"({_DIGITS})?\.([0-9]+)")
_CARDINAL = re.compile(_DIGITS)
_MINUS = re.compile(r"(?<!\S)[-−](?=[$£€.]?[0-9])")
_NUMBER_SIGN = re.compile(r"(?<![a-z])(?:no\. ?|#)(?=[0-9])", re.IGNORECASE)
_MONTH = re.compile(rf"(?<![a-z])({'|'.join(_MONTHS)})\.(?= ?[0-9])", re.IGNORECASE)
_STREET = re.compile(r"\b([A-Z][a-z]+|[0-9]+(?:st|nd|rd|th)) +St\b\.?(?![. ]*[A-Z])")
_DOTTED_WORD = re.compile(rf"(?<![a-z'])({'|'.join(_DOTTED)})\.(?![a-z])", re.IGNORECASE)
_AND_SO_ON = re.compile(r"&c(?![a-z])", re.IGNORECASE)
_WORDS_ALREADY = re.compile("[a-z ]*")
# Words of a text without punctuation that `spelled` looks at.
SPELLED_OUT = frozenset(("chapter", *_WORDS))
# Words that may have been abbreviations with a full stop.
ABBREVIATIONS = frozenset(_DOTTED)
_DIGIT = re.compile(r"\d")


class _LettersAlone(dict[int, int]):
    """Letters and apostrophes, and spaces for the rest (`str.translate`), as they come."""

    def __missing__(self, code: int) -> int:
        stays = code == ord("'") or unicodedata.category(chr(code))[0] == "L"
        self[code] = code if stays else ord(" ")
        return self[code]


_LETTERS_ALONE = _LettersAlone()


def librispeech_text(text: str) -> str:
    """English text as LibriSpeech would have it, in lower case.

    "Mr. O'Neil's 2nd café-bar cost $1,250 in 1868" becomes "mister o'neil's second cafe bar cost
    one thousand two hundred fifty dollars in eighteen sixty eight". Letters of other scripts stay,
    so that the check of a vocabulary finds them.
    """
    if not _WORDS_ALREADY.fullmatch(text):
        text = _expanded(_latin(text)).lower()
    words = text.split()
    return " ".join(words) if SPELLED_OUT.isdisjoint(words) else spelled(words)


def spelled(words: Sequence[str]) -> str:
    """Words in lower case, with abbreviations and numbers of chapters spelled out."""
    return " ".join(_word(before, word) for before, word in zip(["", *words], words))


def _word(before: str, word: str) -> str:
    """A word, spelled out if it is an abbreviation or the number of a chapter."""
    if before == "chapter" and word in _ROMAN:
        return _cardinal(str(_ROMAN[word]))
    return _WORDS.get(word, word)


def _latin(text: str) -> str:
    """Without accents; what looks like an apostrophe or a digit is one."""
    if text.isascii() and "`" not in text:
        return text
    text = _FRACTION_SIGN.sub(" ", plain_apostrophes(text)).translate(_MARKS).translate(_LETTERS)
    text = unicodedata.normalize("NFKD", text).translate(_MARKS).translate(_LETTERS)
    return "".join(_ascii_digit(c) for c in text if not unicodedata.combining(c))


def _ascii_digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def _expanded(text: str) -> str:
    """With abbreviations, numbers and signs spelled out, and without punctuation."""
    if "St" in text:
        text = _STREET.sub(r"\1 street ", text)
    if _DIGIT.search(text):
        text = _with_number_words(text)
    if "." in text:
        text = _DOTTED_WORD.sub(lambda match: f" {_DOTTED[match[1].lower()]} ", text)
    if "&" in text:
        text = _AND_SO_ON.sub(" et cetera ", text)
    for sign, spoken in _SIGNS.items():
        text = text.replace(sign, spoken)
    text = text.translate(_LETTERS_ALONE)
    words = text.split()
    if "'" in text:
        words = [re.sub("'+", "'", word).strip("'") if "'" in word else word for word in words]
    return " ".join(words)


def _with_number_words(text: str) -> str:
    text = _NUMBER_SIGN.sub(" number ", text)
    text = _MONTH.sub(lambda match: f" {_MONTHS[match[1].lower()]} ", text)
    text = _MINUS.sub(" minus ", text)
    text = _MONEY.sub(lambda match: f" {_money(*match.groups())} ", text)
    text = _CENTS.sub(lambda match: f" {_counted(match[1], 'cent', 'cents')} ", text)
    text = _FRACTION.sub(lambda match: f" {_fraction(*match.groups())} ", text)
    text = _ORDINAL.sub(lambda match: f" {_ordinal(match[1])} ", text)
    text = _PLURAL.sub(lambda match: f" {_plural(_year_or_number(match[1]))} ", text)
    text = _DECIMAL.sub(lambda match: f" {_decimal(match[1], match[2])} ", text)
    return _CARDINAL.sub(lambda match: f" {_year_or_number(match[0])} ", text)


@lru_cache(1 << 16)
def _spoken(number: int, kind: str = "cardinal") -> str:
    """A number's words as LibriSpeech has them: no hyphens and no "and"."""
    from num2words import num2words  # here, as its import takes time and few texts need it

    words = re.split("[ ,-]+", num2words(number, to=kind))
    return " ".join(word for word in words if word != "and")


def _cardinal(digits: str) -> str:
    digits = digits.replace(",", "")
    if digits.startswith("0") and len(digits) > 1:
        return _one_by_one(digits, "oh")
    if len(digits) > 15:
        return _one_by_one(digits, "zero")
    return _spoken(int(digits))


def _one_by_one(digits: str, zero: str) -> str:
    return " ".join(zero if digit == "0" else _spoken(int(digit)) for digit in digits)


def _year_or_number(digits: str) -> str:
    """Four digits from 1100 to 2099 are read as a year: "eighteen hundred", "twenty ten"."""
    if len(digits) == 4 and "1100" <= digits <= "2099":
        return _spoken(int(digits), "year")
    return _cardinal(digits)


def _ordinal(digits: str) -> str:
    return _spoken(int(digits.replace(",", "")), "ordinal")


def _decimal(whole: str | None, digits: str) -> str:
    parts = [_cardinal(whole)] if whole else []
    return " ".join([*parts, "point", _one_by_one(digits, "zero")])


def _plural(words: str) -> str:
    if words.endswith("y"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith("x") else "s")


def _counted(digits: str, one: str, many: str) -> str:
    return f"{_cardinal(digits)} {one if digits == '1' else many}"


def _money(sign: str, whole: str, decimals: str | None, scale: str | None) -> str:
    one, many, cent, cents = _CURRENCIES[sign]
    if scale:
        number = _decimal(whole, decimals[1:]) if decimals else _cardinal(whole)
        return f"{number} {scale} {many}"
    if not decimals or not decimals.strip(".0"):
        return _counted(whole, one, many)
    if len(decimals) > 3:
        return f"{_decimal(whole, decimals[1:])} {many}"
    fraction = _counted(str(int(decimals[1:].ljust(2, "0"))), cent, cents)
    return fraction if whole == "0" else f"{_counted(whole, one, many)} {fraction}"


def _fraction(whole: str | None, over: str, under: str) -> str:
    """ "three quarters", "two and a half"; what is no proper fraction is two numbers."""
    if not 0 < int(over) < int(under):
        return " ".join(map(_cardinal, filter(None, (whole, over, under))))
    name = {"2": "half", "4": "quarter"}.get(under) or _ordinal(under)
    if over != "1":
        name = "halves" if name == "half" else name + "s"
    count = "a" if whole and over == "1" else _cardinal(over)
    return f"{_cardinal(whole)} and {count} {name}" if whole else f"{count} {name}"
