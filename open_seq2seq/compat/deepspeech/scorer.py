"""A scorer file for a search, and what is wrong with it by DeepSpeech's codes."""

from __future__ import annotations

import logging
import os

from ctc_decoder_with_lm import LanguageModel
from ctc_decoder_with_lm.scorer_package import (
    DAMAGED,
    NO_TRIE,
    OTHER_SYMBOLS,
    OTHER_VERSION,
    ScorerPackageError,
)
from open_seq2seq.compat.deepspeech.errors import (
    INVALID_SCORER,
    SCORER_INVALID_LM,
    SCORER_INVALID_TRIE,
    SCORER_NO_TRIE,
    SCORER_UNREADABLE,
    SCORER_VERSION,
    DeepSpeechError,
)
from open_seq2seq.compat.deepspeech.search import Search
from open_seq2seq.errors import InputError, Problem

_log = logging.getLogger(__name__)
_EXPECTED = "a scorer package of DeepSpeech, or a language model with its words"
_FAULTS = {
    NO_TRIE: SCORER_NO_TRIE,
    DAMAGED: SCORER_INVALID_TRIE,
    OTHER_VERSION: SCORER_VERSION,
    OTHER_SYMBOLS: INVALID_SCORER,
}


def with_scorer(search: Search, path: str) -> Search:
    """The search with a scorer.

    Raises:
      DeepSpeechError: the file cannot be used.
    """
    if not os.path.isfile(path) or not os.access(path, os.R_OK):
        raise _failed(SCORER_UNREADABLE, [Problem(path, "no file that can be read", _EXPECTED)])
    try:
        model = LanguageModel(path)
        if not model.has_words and model.package is None:
            problem = Problem(path, "a KenLM binary with nothing behind it", _EXPECTED)
            raise _failed(SCORER_NO_TRIE, [problem])
    except InputError as error:
        raise _with_code(error, path, SCORER_INVALID_LM) from None
    try:
        found = search.with_scorer(model)
    except InputError as error:
        raise _with_code(error, path, INVALID_SCORER) from None
    if found.note:
        _log.info(found.note)
    return found


def _with_code(error: InputError, path: str, code: int) -> DeepSpeechError:
    if isinstance(error, DeepSpeechError):
        return error
    if isinstance(error, ScorerPackageError):
        code = _FAULTS[error.fault]
    problems = error.problems or [Problem(path, error.summary.rstrip("."), _EXPECTED)]
    return _failed(code, problems)


def _failed(code: int, problems: list[Problem]) -> DeepSpeechError:
    return DeepSpeechError("EnableExternalScorer", code, problems)
