"""Makes scorer packages of DeepSpeech: a KenLM binary and the words that may be recognised."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import replaced, unwritable

_SPECIAL = ("<unk>", "<UNK>", "<s>", "</s>")
_CHUNK = 1 << 20


class Contents(NamedTuple):
    """What was put into a package.

    Args:
      words: how many.
      unspellable: words that the alphabet lacks characters of, which were left out.
      unknown: words that the language model does not know: it takes them for very improbable.
    """

    words: int
    unspellable: list[str]
    unknown: list[str]


def write_scorer(
    model: Any,
    alphabet: Sequence[str] | None,
    words: Iterable[str] | None,
    alpha: float,
    beta: float,
    output: str | os.PathLike[str],
) -> Contents:
    """Writes a package, as generate_scorer_package of DeepSpeech does.

    Args:
      model: a `ctc_decoder_with_lm.LanguageModel` of a KenLM binary, or of another package.
      alphabet: the network's characters in their order; None: UTF-8 bytes.
      words: that may be recognised; None: all that the model has.
      alpha, beta: defaults of the decoder, natural logarithms.
      output: the file.

    Raises:
      InputError: the model is no binary, its words are not known, alpha or beta is no number, the
        alphabet has no space, or spells no word.
      RunError: the file cannot be written.
    """
    from ctc_decoder_with_lm.scorer_package import package_tail

    _check(model, alphabet, alpha, beta)
    given = dict.fromkeys(_words_of(model, alphabet) if words is None else words)
    spelled, unspellable = list(given), []
    if alphabet is not None:
        characters = set(alphabet) - {" "}
        spelled = [word for word in given if word and characters >= set(word)]
        unspellable = [word for word in given if not characters >= set(word)]
    if not spelled:
        found = f"{len(unspellable)} words that the alphabet does not spell" if unspellable else ""
        shown = f" ({', '.join(map(repr, unspellable[:3]))})" if unspellable else ""
        problem = Problem("the words", f"{found or 'none'}{shown}", "words of its characters")
        raise InputError("The package would be empty:", [problem])
    scores = model.score(spelled, begin=False, end=False)
    unknown = [word for word, (_, is_new) in zip(spelled, scores) if is_new]
    tail = package_tail(spelled, alphabet, alpha, beta, model.words_offset)
    try:
        with replaced(output) as draft, open(model.path, "rb") as source, open(draft, "wb") as file:
            _copy_kenlm(source, file, model.words_offset)
            file.write(tail)
    except OSError as error:
        raise unwritable(output, error) from error
    return Contents(len(spelled), unspellable, unknown)


def read_words(path: str) -> list[str]:
    """The words of a text file, between white space.

    Raises:
      InputError: it cannot be read.
    """
    try:
        return Path(path).read_text("utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(path, str(error), "a UTF-8 text file")
        raise InputError("The words cannot be read:", [problem]) from None


def _check(model: Any, alphabet: Sequence[str] | None, alpha: float, beta: float) -> None:
    problems = [
        Problem(name, str(value), "a finite number")
        for name, value in (("alpha", alpha), ("beta", beta))
        if not math.isfinite(value)
    ]
    if not model.words_offset:
        remedy = "build_binary of KenLM makes one, and so does open-seq2seq lm build."
        problems.append(Problem(model.path, "an ARPA file", "a KenLM binary", remedy))
    if alphabet is not None and " " not in alphabet:
        problems.append(Problem("the alphabet", "no space", "a line with one space"))
    if problems:
        raise InputError("The package cannot be made:", problems)


def _words_of(model: Any, alphabet: Sequence[str] | None) -> list[str]:
    if model.package is not None:
        words: list[str] = model.package.words(alphabet or ())
        return words
    if not model.has_words:
        remedy = "Give them by --words, or build the binary without build_binary's option -v."
        problem = Problem(model.path, "a KenLM binary without its words", "the words", remedy)
        raise InputError("The package cannot be made:", [problem])
    return [word for word in model.words() if word not in _SPECIAL]


def _copy_kenlm(source: BinaryIO, target: BinaryIO, size: int) -> None:
    """The binary without the spelling of its words."""
    from ctc_decoder_with_lm.scorer_package import KENLM_START, without_words

    target.write(without_words(source.read(KENLM_START)))
    left = size - KENLM_START
    while left > 0 and (chunk := source.read(min(left, _CHUNK))):
        target.write(chunk)
        left -= len(chunk)
