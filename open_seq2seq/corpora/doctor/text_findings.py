"""How transcripts are written: what to normalise."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator

from open_seq2seq.corpora.doctor.characters import is_invisible, script_of, shown
from open_seq2seq.corpora.doctor.findings import Finding, counted
from open_seq2seq.corpora.doctor.split import Split
from open_seq2seq.data.text import SentencePieceVocabulary
from open_seq2seq.vocabulary import Vocabulary

_SPACES = re.compile(r"^ | $|  ")
_DIGITS = re.compile(r"\d")
_TAGS = re.compile(r"\[[^\]]*\]|<[^>]*>|\{[^}]*\}|\([^)]*\)")
_WORD = re.compile(r"\w+")
# Marks that belong to a word's spelling when there are letters at both sides.
_INNER = "'’-‐"
_JOINERS = "\u200c\u200d"
# Marks that have several forms; a corpus should have one.
_FORMS = (("'", "’‘ʼ`´"), ('"', "“”„«»"), ("-", "‐‑–—"))
_EXAMPLES = 3  # characters that a row tells


def text_findings(split: Split) -> Iterator[Finding]:
    """Suggestions to normalise the texts. What the vocabulary has is not suggested away."""
    has = _symbols(split.vocabulary)
    lower = not any(symbol.isupper() for symbol in has)
    upper = bool(has) and not any(symbol.islower() for symbol in has)
    several = any(text.lower() != text for text in split.texts) and any(
        text.upper() != text for text in split.texts
    )
    checks: list[tuple[str, str, str, str, str, Callable[[str], str]]] = [
        (
            "warning",
            "Unicode form",
            "transcript is not in Unicode's form NFC",
            "transcripts are not in Unicode's form NFC",
            "Normalise to NFC: else one letter is two labels, or unknown.",
            _decomposed,
        ),
        (
            "warning",
            "invisible characters",
            "transcript has invisible characters",
            "transcripts have invisible characters",
            "Remove them; write a plain space for every other kind of space.",
            _invisible,
        ),
        (
            "warning",
            "look-alikes",
            "transcript has words with letters of several scripts",
            "transcripts have words with letters of several scripts",
            "Replace the letters that only look right.",
            _mixed_words,
        ),
        (
            "warning",
            "spaces",
            "transcript has needless spaces",
            "transcripts have needless spaces",
            "Remove spaces at the ends, and write one between words.",
            _needless_spaces,
        ),
        (
            "warning",
            "tags",
            "transcript has text in brackets",
            "transcripts have text in brackets",
            "Noise tags and comments are not spoken: remove them, or these rows.",
            lambda text: " ".join(_TAGS.findall(text)[:_EXAMPLES]),
        ),
        (
            "note",
            "digits",
            "transcript has digits",
            "transcripts have digits",
            "Write numbers as they are spoken: one digit has many readings.",
            lambda text: "" if has.intersection("0123456789") else " ".join(_digits(text)),
        ),
        (
            "note",
            "punctuation",
            "transcript has punctuation",
            "transcripts have punctuation",
            "text_normalization leaves it out; it is not heard.",
            lambda text: _listed(c for c in _punctuation(text) if c not in has),
        ),
        (
            "note",
            "case",
            "transcript has capital letters",
            "transcripts have capital letters",
            "Others have small ones: text_normalization writes them alike. Case is not heard.",
            lambda text: _capitals(text) if several and not upper and (lower or not has) else "",
        ),
    ]
    for level, name, one, more, remedy, look in checks:
        found = ((row, look(text)) for row, text in enumerate(split.texts))
        rows = [split.row(row, value, text=True) for row, value in found if value]
        if rows:
            yield Finding(level, name, split.name, counted(len(rows), one, more), remedy, rows)
    yield from _form_findings(split)


def _form_findings(split: Split) -> Iterator[Finding]:
    """Several forms of a mark: the apostrophe of a typewriter and a typographic one."""
    counts: Counter[str] = Counter()
    for text in split.texts:
        counts.update(text)
    for mark, others in _FORMS:
        present = [form for form in (mark, *others) if counts[form]]
        if len(present) > 1:
            told = ", ".join(f"{form} ({counts[form]})" for form in present)
            rows = [
                split.row(row, _listed(c for c in text if c in present[1:]), text=True)
                for row, text in enumerate(split.texts)
                if any(form in text for form in present[1:])
            ]
            yield Finding(
                "note", "forms of a mark", split.name, f"One mark is written as {told}",
                "Write it in one form.", rows,
            )  # fmt: skip


def _symbols(vocabulary: Vocabulary | None) -> set[str]:
    if vocabulary is None:
        return set()
    if isinstance(vocabulary, SentencePieceVocabulary):
        return {character for piece in vocabulary.symbols for character in piece}
    return set(vocabulary.symbols)


def _decomposed(text: str) -> str:
    if unicodedata.is_normalized("NFC", text):
        return ""
    composed = unicodedata.normalize("NFC", text)
    return _listed(c for c in text if c not in composed) or "another order of marks"


def _invisible(text: str) -> str:
    """Joiners between letters are spelling in Persian and Indic scripts."""
    if text.isascii() and text.isprintable():
        return ""
    return _listed(
        c
        for place, c in enumerate(text)
        if is_invisible(c) and not (c in _JOINERS and ord(text[place - 1 : place] or " ") > 0x590)
    )


def _mixed_words(text: str) -> str:
    """Words whose letters are of several scripts that look alike, and the odd letters."""
    if text.isascii():
        return ""
    found = []
    for word in _WORD.findall(text):
        scripts = Counter(filter(None, map(script_of, word)))
        if len(scripts) > 1:
            usual = scripts.most_common(1)[0][0]
            odd = [c for c in word if script_of(c) not in ("", usual)]
            found.append(f"{word}: {_listed(odd)}")
    return "; ".join(found[:_EXAMPLES])


def _needless_spaces(text: str) -> str:
    if not text.strip() or not _SPACES.search(text):
        return ""
    where = []
    if text[0] == " ":
        where.append("at the start")
    if text[-1] == " ":
        where.append("at the end")
    if "  " in text.strip(" "):
        where.append("several between words")
    return ", ".join(where)


def _digits(text: str) -> list[str]:
    return [word for word in text.split() if _DIGITS.search(word)][:_EXAMPLES]


def _punctuation(text: str) -> Iterator[str]:
    """Marks and signs, but for apostrophes and hyphens within words."""
    for place, character in enumerate(text):
        if unicodedata.category(character)[0] not in "PS":
            continue
        inner = text[place - 1 : place].isalnum() and text[place + 1 : place + 2].isalnum()
        # "the boys' room", "'tis": an apostrophe at one end of a word is spelling too.
        beside = text[place - 1 : place].isalnum() or text[place + 1 : place + 2].isalnum()
        if (inner and character in _INNER) or (beside and character in "'’"):
            continue
        yield character


def _capitals(text: str) -> str:
    return _listed(c for c in text if c.isupper()) if text.lower() != text else ""


def _listed(characters: Iterator[str] | list[str]) -> str:
    """Each character once, the first few described."""
    each = list(dict.fromkeys(characters))
    more = f" and {len(each) - _EXAMPLES} more" if len(each) > _EXAMPLES else ""
    return ", ".join(map(shown, each[:_EXAMPLES])) + more
