"""Beam search with language models, behind the `DecodeResult` that greedy decoding has."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ctc_decoder_with_lm import (
    PRESETS,
    BeamSearchDecoder,
    LanguageModel,
    ScorerPackage,
    Scoring,
    why_unavailable,
)
from ctc_decoder_with_lm.pronunciations import Spellings, has_spellings, read_pronunciations
from ctc_decoder_with_lm.search_options import SCORER_PACKAGE_SCORING
from open_seq2seq.config.schema import Params, closest_name
from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.decoders.alphabet import check_alphabet
from open_seq2seq.decoders.protocol import DecodingStream
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.vocabulary import PIECE_SPACE

# The parameters that name files, and what each is.
PATHS = {
    "lm_path": "a KenLM binary or an ARPA file",
    "trie_path": "OpenSeq2Seq's trie file",
    "alphabet_config_path": "a text file with the vocabulary",
    "lexicon_path": "a text file with a word in each line, or a word, a TAB and its symbols",
}
_KENLM = b"mmap lm "
_REMEDIES = {
    "lm_path": "scripts/build_lm.py makes one; without one set it to None.",
    "trie_path": "Without the file set it to None: the trie is made from the language model.",
    "alphabet_config_path": "It may be None: the data layer's vocabulary counts.",
}


# The parameters that each search takes.
_OPTIONS = (
    "alpha", "beta", "trie_weight", "beam_width", "beam_threshold", "blank_penalty", "nbest",
)  # fmt: skip


def _check_built() -> None:
    """Not before it is asked for: greedy decoding does without.

    Raises:
      InputError: the decoder's C++ part is not built.
    """
    why = why_unavailable()
    if why is not None:
        raise InputError(why)


def scoring_named(name: str, where: str) -> Scoring:
    """The scoring preset of that name.

    Args:
      where: the flag or parameter that gives it.

    Raises:
      InputError: there is none, or the decoder is not built.
    """
    _check_built()
    if name not in PRESETS:
        near = closest_name(name, PRESETS)
        remedy = f"Did you mean {near}?" if near else ""
        problem = Problem(where, repr(name), f"one of {', '.join(PRESETS)}", remedy)
        raise InputError("There is no such scoring:", [problem])
    return Scoring.preset(name)


def make_beam_search(
    symbols: Sequence[str],
    language_models: Sequence[str],
    scoring: str | Scoring,
    frame_shift: float,
    trie_path: str | None = None,
    lexicon_path: str | None = None,
) -> BeamSearchDecoder:
    """The native decoder, with what it needs from files.

    Args:
      symbols: text of each class, without the blank.
      language_models: KenLM binaries or ARPA files; none: the search goes without.
      scoring: a preset's name or a `Scoring`.
      frame_shift: seconds from one frame to the next.
      trie_path: OpenSeq2Seq's trie file, or None.
      lexicon_path: a text file with the words that may be recognised, with their spellings in
        symbols behind a TAB or without any, or None.

    Raises:
      InputError: a file is missing or not what it should be, or the decoder is not built.
    """
    _check_built()
    models = [LanguageModel(path) for path in language_models]
    return BeamSearchDecoder(
        list(symbols),
        language_model=models or None,
        scoring=scoring,
        lexicon=None if lexicon_path is None else _read_lexicon(lexicon_path, symbols),
        trie_path=trie_path,
        step_size=frame_shift,
    )


def scorer_package(paths: Sequence[str]) -> tuple[str, ScorerPackage] | None:
    """The first of these language models that is a scorer package of DeepSpeech: path, package.

    Raises:
      InputError: a file is missing or not what it should be, or the decoder is not built.
    """
    _check_built()
    for path in paths:
        package = LanguageModel(path).package
        if package is not None:
            return path, package
    return None


def scorer_defaults(
    paths: Sequence[str],
    scoring: str | None,
    alpha: float | None,
    beta: float | None,
    where: str,
) -> tuple[str, float, float] | None:
    """Scoring, alpha and beta, those that are None as the first scorer package has them.

    Its scoring is `SCORER_PACKAGE_SCORING`; in one of log10 probabilities its alpha is converted.

    Args:
      paths: language models.
      where: the flag or parameter that gives the scoring.

    Returns: None: no language model is a package.

    Raises:
      InputError: a file is missing or not what it should be, or the decoder is not built.
    """
    found = scorer_package(paths)
    if found is None:
        return None
    _, package = found
    scoring = scoring or SCORER_PACKAGE_SCORING
    if alpha is None:
        unit = scoring_named(scoring, where).unit
        alpha = package.alpha * (math.log(10.0) if unit == "log10" else 1.0)
    return scoring, alpha, package.beta if beta is None else beta


def with_scorer_defaults(given: Params, lm_path: str) -> dict[str, Any]:
    """`decoder_params` in which what is not given of lm_scoring, alpha and beta is the scorer's.

    Args:
      given: the parameters as the user gives them, not filled with defaults.
      lm_path: of the language model, as it is to be opened.

    Returns: `given`, if it lacks nothing or the file is no scorer package.

    Raises:
      InputError: it is one that cannot be used, or the decoder is not built.
    """
    names = ("lm_scoring", "alpha", "beta")
    if all(name in given for name in names) or not _is_kenlm_binary(lm_path):
        return dict(given)
    scoring, alpha, beta = (given.get(name) for name in names)
    found = scorer_defaults([lm_path], scoring, alpha, beta, "decoder_params/lm_scoring")
    return {**given, **(dict(zip(names, found)) if found else {})}


def _is_kenlm_binary(path: str) -> bool:
    """Also of scorer packages. What is no file is found later, with all others."""
    try:
        with open(path, "rb") as file:
            return file.read(len(_KENLM)) == _KENLM
    except OSError:
        return False


def lexicon_note(decoder: BeamSearchDecoder) -> str | None:
    """What the user should know of texts that beam search can never find; None: nothing."""
    notes = [
        f"{model.path} is a scorer package of DeepSpeech, made for alpha {model.package.alpha:g} "
        f"and beta {model.package.beta:g} of scoring {SCORER_PACKAGE_SCORING}."
        for model in decoder.language_models
        if model.package
    ]
    count = decoder.unspellable_words
    if count:
        total = count + decoder.lexicon_words
        examples = decoder.unspellable_examples
        words = "1 word" if count == 1 else f"{count} words"
        shown = f"{', '.join(map(repr, examples))}{', ...' if count > len(examples) else ''}"
        characters = set("".join(decoder.symbols))
        garbled = any("\ufffd" in word for word in examples)
        lower = all(set(word.lower()) <= characters for word in examples)
        notes.append(
            f"{words} (of {total}) of the language model or lexicon cannot be spelled with the "
            f"model's symbols and will never be recognised: {shown}."
            + (" In lower case they could: scripts/build_lm.py --lower_case." if lower else "")
            + (" They are not UTF-8: make the model of text in UTF-8." if garbled else "")
        )
    if decoder.unknown_words:
        count, examples = decoder.unknown_words, decoder.unknown_examples
        shown = f"{', '.join(map(repr, examples))}{', ...' if count > len(examples) else ''}"
        words = "1 word of the lexicon is" if count == 1 else f"{count} words of the lexicon are"
        notes.append(f"{words} not in the language model and count as unknown: {shown}.")
    has_space = decoder.pronounced or any(
        " " in symbol or PIECE_SPACE in symbol for symbol in decoder.symbols
    )
    if decoder.language_models and decoder.scoring.lm_unit == "word" and not has_space:
        notes.append(
            "The model's symbols have no space: with a language model of words each utterance is "
            "taken for one word."
        )
    return " ".join(notes) or None


def _read_lexicon(path: str, symbols: Sequence[str]) -> list[str] | Spellings:
    """The words of a text file, the first of each line; with their spellings behind a TAB."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(path, str(error), "a UTF-8 text file with a word in each line")
        raise InputError("The lexicon cannot be read:", [problem]) from None
    words = [line.split()[0] for line in text.split("\n") if line.strip()]
    found = "" if words else "no words"
    if "\0" in text:
        found = "a binary file"
    elif words[:1] == ["\\data\\"]:
        found = "a language model (ARPA)"
    if found:
        problem = Problem(path, found, "a word in each line")
        raise InputError("The lexicon cannot be used:", [problem])
    return read_pronunciations(path, symbols) if has_spellings(text) else words


def _check_files(params: Params) -> None:
    """All files that the parameters name and that are not there, at once."""
    problems = [
        Problem(f"decoder_params/{name}", f"no file {params[name]}", what, _REMEDIES.get(name, ""))
        for name, what in PATHS.items()
        if params[name] is not None and not os.path.isfile(params[name])
    ]
    if problems:
        raise InputError("use_language_model is True, and files of it are missing:", problems)


class BeamSearch:
    """A `Decoder`: beam search as `decoder_params` describe it. The language model is loaded here.

    Args:
      params: checked and filled, with paths as they are to be opened.
      symbols: text of each class, without the blank.
      frame_shift: seconds from one frame to the next.

    Raises:
      InputError: naming the parameters whose files are missing or unfit.
    """

    def __init__(self, params: Params, symbols: Sequence[str], frame_shift: float):
        scoring = scoring_named(params["lm_scoring"], "decoder_params/lm_scoring")
        _check_files(params)
        if params["alphabet_config_path"]:
            check_alphabet(params["alphabet_config_path"], symbols)
        self._decoder = make_beam_search(
            symbols,
            [params["lm_path"]] if params["lm_path"] else [],
            scoring,
            frame_shift,
            params["trie_path"] if scoring.partial_word == "trie" else None,
            params["lexicon_path"],
        )
        self.note: str | None = lexicon_note(self._decoder)
        self.pronounced = self._decoder.pronounced
        hot_words = params["hot_words"]
        self._threads = params["decoder_threads"]
        self._options: dict[str, Any] = {
            **{name: params[name] for name in _OPTIONS if params[name] is not None},
            "hot_words": self._decoder.hot_words(hot_words) if hot_words else None,
        }

    def with_options(
        self, options: Mapping[str, Any], hot_words: Mapping[str, float] | None = None
    ) -> BeamSearch:
        """The same search, its language model shared, with other numbers.

        Args:
          options: `alpha`, `beta`, `beam_width`, `nbest` and so on: those that change.
          hot_words: phrases and their weights, in place of its own; None: its own.

        Raises:
          InputError: a number makes no sense, or a phrase cannot be spelled.
        """
        other = copy.copy(self)
        compiled = {} if hot_words is None else {"hot_words": self._decoder.hot_words(hot_words)}
        other._options = {**self._options, **options, **compiled}
        other.stream()  # checks the numbers
        return other

    def decode(self, logits: np.ndarray, lengths: np.ndarray) -> list[DecodeResult]:
        """See `Decoder`."""
        return self._decoder.decode_batch(
            np.asarray(logits), np.asarray(lengths), threads=self._threads, **self._options
        )

    def stream(self) -> DecodingStream:
        """See `Decoder`."""
        return self._decoder.stream(**self._options)
