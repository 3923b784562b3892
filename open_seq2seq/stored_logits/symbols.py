"""The symbols of stored logits: from the file itself, a vocabulary file or SentencePiece."""

from __future__ import annotations

from collections.abc import Sequence

from open_seq2seq.data.text import load_vocabulary
from open_seq2seq.data.vocabulary_file import describe_character
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.stored_logits.logits_file import LogitsFile
from open_seq2seq.vocabulary import SymbolTable, SymbolTexts, Vocabulary


def choose_vocabulary(file: LogitsFile, vocab: str | None, bpe_model: str | None) -> SymbolTexts:
    """The vocabulary of a file of logits: the given one, or the one the file holds.

    Args:
      vocab: a file with one character per line, or None.
      bpe_model: a SentencePiece model, or None.

    Raises:
      InputError: there is none, its size is not that of the logits, or the file of logits
        has other symbols.
    """
    if vocab and bpe_model:
        found = "--vocab and --bpe_model"
        raise InputError("Two vocabularies:", [Problem("--vocab", found, "one of them")])
    source = bpe_model or vocab
    vocabulary: Vocabulary | SymbolTable
    if source:
        vocabulary = load_vocabulary(source, bpe=bool(bpe_model))
    elif file.symbols is not None:
        vocabulary = SymbolTable(file.symbols)
    else:
        remedy = "Give --vocab (characters) or --bpe_model (SentencePiece)."
        problem = Problem(str(file.path), "no `vocab`", "the symbols of the classes", remedy)
        raise InputError("The symbols of the logits are not known:", [problem])
    problems = []
    if vocabulary.size + 1 != file.classes:
        found = f"{file.classes} classes"
        expected = f"{vocabulary.size + 1}: {vocabulary.size} symbols and the blank"
        remedy = f"The symbols are those of {source or 'the file itself'}."
        if vocabulary.size == file.classes:
            remedy += " If one of them is the blank, name its class: --blank."
        problems.append(Problem(str(file.path), found, expected, remedy))
    if source and file.symbols is not None:
        problems += _differences(file, vocabulary.symbols, source)
    if problems:
        raise InputError("The vocabulary is not that of the logits:", problems)
    return vocabulary


def _differences(file: LogitsFile, symbols: Sequence[str], source: str) -> list[Problem]:
    """The classes whose symbol differs between the file of logits and a vocabulary file."""
    return [
        Problem(f"{source}: class {index}", _shown(given), f"{_shown(own)} as {file.path} says")
        for index, (given, own) in enumerate(zip(symbols, file.symbols or []))
        if given != own
    ]


def _shown(symbol: str) -> str:
    return describe_character(symbol) if len(symbol) == 1 else repr(symbol)
