"""Lexicons of pronunciations: words with their spellings in symbols of the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ctc_decoder_with_lm.errors import InputError, Problem
from ctc_decoder_with_lm.separated import is_separated, without_mark

# Symbols that stand between words, where the network has one. A language model of symbols writes
# the space so, too.
SEPARATORS = (" ", "|", "<space>")
_SHOWN = 10

Spelling = tuple[str, ...]
Spellings = dict[str, list[Spelling]]


def spelling_names(symbols: Sequence[str]) -> list[str]:
    """The network's symbols as spellings have them: phonemes without the mark of the space."""
    return [without_mark(one) for one in symbols] if is_separated(symbols) else list(symbols)


def separator_of(names: Sequence[str]) -> str | None:
    """The symbol that the network puts between words; None: it has none."""
    return next((name for name in SEPARATORS if name in names), None)


def has_spellings(text: str) -> bool:
    """Whether a lexicon's text gives spellings: flashlight's format has a TAB after the word."""
    return "\t" in text


def read_pronunciations(path: str | Path, symbols: Sequence[str]) -> Spellings:
    """A lexicon in flashlight's format: word, TAB, symbols separated by spaces.

    A word has a line for each of its spellings; words may share one. A separator at the end of a
    spelling (flashlight's `|`) says what is so anyway. Lines that repeat another one count once.

    Args:
      path: the file, UTF-8.
      symbols: of the network.

    Raises:
      InputError: with the lines that cannot be used: no spelling, no word, and, together, those
        with a symbol that the network lacks.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(str(path), str(error), "a UTF-8 text file: word, TAB, symbols")
        raise InputError("The lexicon cannot be read:", [problem]) from None
    if "\0" in text:
        problem = Problem(str(path), "a binary file", "a text file: word, TAB, symbols")
        raise InputError("The lexicon cannot be used:", [problem])
    names = spelling_names(symbols)
    rows: list[tuple[int, str, Spelling]] = []
    problems = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        word, _, rest = line.partition("\t")
        spelling = _without_separator(rest.split(), names)
        if not word.strip():
            problems.append(Problem(f"{path}:{number}", "no word", "word, TAB, symbols"))
        elif len(word.split()) > 1:
            found = f"{word!r} before the TAB" if "\t" in line else f"{line.strip()!r}, no TAB"
            problems.append(Problem(f"{path}:{number}", found, "one word, TAB, symbols"))
        elif not spelling:
            found = f"{word.strip()!r} without a spelling"
            problems.append(Problem(f"{path}:{number}", found, "symbols after a TAB"))
        else:
            rows.append((number, word.strip(), spelling))
    problems += _unknown_symbols(str(path), rows, set(names))
    if problems:
        more = len(problems) - _SHOWN
        note = [Problem(str(path), f"{more} problems more", "a line for each spelling")]
        raise InputError("The lexicon cannot be used:", problems[:_SHOWN] + note * (more > 0))
    lexicon: Spellings = {}
    for _, word, spelling in rows:
        spellings = lexicon.setdefault(word, [])
        if spelling not in spellings:
            spellings.append(spelling)
    return lexicon


def _without_separator(spelling: list[str], names: Sequence[str]) -> Spelling:
    ends = {separator_of(names), *SEPARATORS[1:]} - ({*names} - {separator_of(names)})
    while spelling and spelling[-1] in ends:
        spelling = spelling[:-1]
    return tuple(spelling)


def _unknown_symbols(
    path: str, rows: Iterable[tuple[int, str, Spelling]], symbols: set[str]
) -> list[Problem]:
    """A problem for each symbol that the network lacks, with all its lines."""
    lines: dict[str, list[tuple[int, str]]] = {}
    for number, word, spelling in rows:
        for symbol in dict.fromkeys(spelling):
            if symbol not in symbols:
                lines.setdefault(symbol, []).append((number, word))
    problems: list[Problem] = []
    for symbol, places in lines.items():
        number, word = places[0]
        more = f" and in {len(places) - 1} lines more" if len(places) > 1 else ""
        remedy = "Other case, or stress marks?" if not problems else ""
        expected = "symbols of the network's vocabulary"
        found = f"{symbol!r} (in {word!r}{more}), which is no symbol of the network"
        problems.append(Problem(f"{path}:{number}", found, expected, remedy))
    return problems


def native_pronunciations(
    lexicon: Mapping[str, Iterable[Sequence[str]]], symbols: Sequence[str]
) -> tuple[list[str], list[tuple[int, list[int]]], int]:
    """As the core takes them: words, (word, symbols) of each spelling, the separator (or -1).

    Raises:
      InputError: a spelling is empty, or has a symbol that the network lacks.
    """
    names = spelling_names(symbols)
    separator = separator_of(names)
    numbers = {name: number for number, name in enumerate(names)}
    words: list[str] = []
    spellings: list[tuple[int, list[int]]] = []
    problems = []
    for word, given in lexicon.items():
        for spelling in dict.fromkeys(tuple(one) for one in given):
            if unknown := [one for one in spelling if one not in numbers or one == separator]:
                found = f"{word!r} with symbol {unknown[0]!r}"
                problems.append(Problem("lexicon", found, "symbols of the network"))
            elif not spelling:
                problems.append(Problem("lexicon", f"{word!r} with an empty spelling", "symbols"))
            else:
                spellings.append((len(words), [numbers[one] for one in spelling]))
        words.append(word)
    if problems:
        raise InputError("The pronunciations cannot be used:", problems[:_SHOWN])
    return words, spellings, -1 if separator is None else numbers[separator]
