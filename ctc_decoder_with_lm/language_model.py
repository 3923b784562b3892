"""N-gram models for the search, and the words that they and scorer packages have."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from ctc_decoder_with_lm.errors import InputError, Problem
from ctc_decoder_with_lm.library import core
from ctc_decoder_with_lm.scorer_package import (
    OTHER_SYMBOLS,
    ScorerPackage,
    ScorerPackageError,
    read_package,
)

_LONGEST = 2000
# Of a package's words so many are looked up in its language model.
_TRIED_WORDS = 1000
_SPECIAL = ("<unk>", "<UNK>", "<s>", "</s>")


class LanguageModel:
    """An n-gram model of KenLM: a binary of any type, or an ARPA file, plain or gzipped.

    Binaries are memory-mapped; one object serves any number of decoders and threads. `package` is
    what a scorer package of DeepSpeech has besides: alpha, beta and the words.

    Args:
      path: the file.

    Raises:
      InputError: it cannot be used; says why.
      RunError: the native core is not built.
    """

    def __init__(self, path: str | Path):
        native = core()
        try:
            self._native = native.LanguageModel(os.fspath(path))
        except native.Error as error:
            raise InputError(shortened(str(error))) from None
        self.path: str = self._native.path
        self.order: int = self._native.order
        self.size: int = self._native.size
        self.has_words: bool = self._native.has_words
        # In a binary, the bytes before the words' spelling and all that follows; else 0.
        self.words_offset: int = self._native.words_offset
        # Behind the words' spelling there is nothing.
        self.package: ScorerPackage | None = (
            None if self.has_words else read_package(self.path, self.words_offset)
        )

    def unit(self, symbols: Sequence[str]) -> str:
        """What it scores with a network of these symbols, as `Scoring.lm_unit` has it."""
        if self.package is not None:
            return "token" if self.package.is_bytes else "word"
        return "token" if self.has_words and self._native.scores_symbols(symbols) else "word"

    def words(self) -> list[str]:
        """The vocabulary, `<unk>`, `<s>` and `</s>` included."""
        try:
            return [word.decode(errors="replace") for word in self._native.words()]
        except core().Error as error:
            raise InputError(shortened(str(error))) from None

    def score(
        self, words: Sequence[str], begin: bool = True, end: bool = True
    ) -> list[tuple[float, bool]]:
        """log10 of each word's probability, and whether the model does not know it.

        Args:
          words: of one sentence.
          begin: after `<s>`; False: without any context.
          end: one entry more, of `</s>`.
        """
        scores: list[tuple[float, bool]] = self._native.score(list(words), begin, end)
        return scores

    def __repr__(self) -> str:
        return f"LanguageModel({self.path!r}, order {self.order}, {self.size} words)"


def check_words_are_known(models: Iterable[LanguageModel]) -> None:
    """Raises InputError for binaries that hold the spelling of no words.

    Args:
      models: whose words are to be the lexicon.
    """
    remedy = (
        "Build it again without build_binary's option -v, or give its words as the lexicon: a file "
        "with one in each line (vocab-*.txt)."
    )
    problems = [
        Problem(model.path, "a KenLM binary without its words", "the words", remedy)
        for model in models
        if not model.has_words and not model.package
    ]
    if problems:
        raise InputError("The language model's words are not known:", problems)


def words_of_packages(models: Sequence[LanguageModel], symbols: Sequence[str]) -> list[str] | None:
    """The lexicon where a model is a scorer package; None: the core knows all words."""
    if not any(model.package for model in models):
        return None
    words: dict[str, None] = {}
    for model in models:
        if model.package is None:
            own = [word for word in model.words() if word not in _SPECIAL]
        else:
            own = model.package.words(symbols)
            _check_alphabet(model, own, symbols)
        words.update(dict.fromkeys(own))
    return list(words)


def _check_alphabet(model: LanguageModel, words: Sequence[str], symbols: Sequence[str]) -> None:
    """Words of a package that its language model does not know were spelled otherwise.

    Of a package of bytes the words are characters, of which the network has some.
    """
    tried = words[:: len(words) // _TRIED_WORDS + 1]
    scores = model.score(tried, begin=False, end=False)
    unknown = [word for word, (_, is_new) in zip(tried, scores) if is_new]
    found = ""
    if 2 * len(unknown) > len(tried):
        found = f"words that its language model does not know ({', '.join(map(repr, unknown[:3]))})"
    elif model.package and model.package.is_bytes and not set(words) & set(symbols):
        found = f"characters ({', '.join(map(repr, words[:3]))}), none of which the network has"
    if found:
        remedy = (
            "Was it made for another alphabet? Make it with the network's (open-seq2seq lm "
            "package), or give its words as the lexicon."
        )
        problem = Problem(model.path, found, "words of the language model and network", remedy)
        raise ScorerPackageError(OTHER_SYMBOLS, problem)


def shortened(text: str) -> str:
    """What the core says; a damaged file may have a word of a megabyte."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"
