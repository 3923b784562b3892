"""DeepSpeech's `Model` over a `Recognizer`."""

from __future__ import annotations

import logging
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.compat.deepspeech.audio import checked_audio
from open_seq2seq.compat.deepspeech.errors import (
    FAIL_CREATE_MODEL,
    FAIL_ERASE_HOT_WORD,
    FAIL_INSERT_HOT_WORD,
    NO_MODEL,
    SCORER_NOT_ENABLED,
    DeepSpeechError,
)
from open_seq2seq.compat.deepspeech.metadata import Metadata, metadata_of
from open_seq2seq.compat.deepspeech.scorer import with_scorer
from open_seq2seq.compat.deepspeech.search import Search
from open_seq2seq.compat.deepspeech.stream import MOST_CANDIDATES, Stream, checked_count
from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.inference.recognizer import Recognizer

_log = logging.getLogger(__name__)
_MODEL = "the folder of an exported model, or a config file"
_THEIRS = (".pbmm", ".pb", ".tflite")


class Model:
    """A trained model behind DeepSpeech's calls, which keep their names.

    As with theirs, decoding is a beam search without a language model until
    `enableExternalScorer`; what the config or the folder says of decoding is not used.

    Args:
      model_path: the folder of an exported model, or a config file (whose checkpoint is that of
        its log directory).

    Raises:
      DeepSpeechError: there is no such model, or it cannot be loaded.
    """

    def __init__(self, model_path: str | os.PathLike[str]):
        self._use(_loaded(model_path))

    @classmethod
    def of(cls, recognizer: Recognizer) -> Model:
        """The calls over a recogniser that is there already, which stays as it is.

        Raises:
          InputError: the decoder is not built.
        """
        model = cls.__new__(cls)
        model._use(recognizer)
        return model

    def _use(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer
        # Found out when the first stream begins.
        self._streams: bool | None = None
        self._search = Search.plain(recognizer.vocabulary.symbols, recognizer.frame_shift)

    def beamWidth(self) -> int:
        """Hypotheses kept in beam search; 500 until it is set."""
        return self._search.beam_width

    def setBeamWidth(self, beam_width: int) -> int:
        """Sets it; returns 0.

        Raises:
          InputError: not a whole number above 0.
        """
        whole = isinstance(beam_width, (int, np.integer)) and not isinstance(beam_width, bool)
        if not whole or not 1 <= beam_width < 2**31:
            problem = Problem("setBeamWidth", repr(beam_width), "a whole number, at least 1")
            raise InputError("There is no such beam:", [problem])
        self._search = replace(self._search, beam_width=int(beam_width))
        return 0

    def sampleRate(self) -> int:
        """The rate of the samples that all calls take, in Hz."""
        return self._recognizer.sample_freq

    def enableExternalScorer(self, scorer_path: str | os.PathLike[str]) -> None:
        """Decodes with a scorer package from now on; also with any language model of ours.

        Args:
          scorer_path: the package, a KenLM binary with its words, or an ARPA file.

        Raises:
          DeepSpeechError: it cannot be used; what was enabled before stays.
        """
        self._search = with_scorer(self._search, os.fspath(scorer_path))

    def disableExternalScorer(self) -> int:
        """Decodes without one; returns 0, or DeepSpeech's code if there is none."""
        if not self._search.has_scorer:
            return SCORER_NOT_ENABLED
        self._search = self._search.without_scorer()
        return 0

    def setScorerAlphaBeta(self, alpha: float, beta: float) -> int:
        """Sets the scorer's weights; returns 0, or DeepSpeech's code if there is no scorer.

        Args:
          alpha: weight of the language model (natural logarithms).
          beta: bonus of each word.

        Raises:
          InputError: they are no finite numbers.
        """
        values = {"alpha": alpha, "beta": beta}
        problems = [
            Problem(f"setScorerAlphaBeta: {name}", repr(value), "a finite number")
            for name, value in values.items()
            if not _is_number(value)
        ]
        if problems:
            raise InputError("These weights cannot be used:", problems)
        if not self._search.has_scorer:
            return SCORER_NOT_ENABLED
        self._search = replace(self._search, alpha=float(alpha), beta=float(beta))
        return 0

    def addHotWord(self, word: str, boost: float) -> None:
        """Makes a word likelier (or, below 0, less likely).

        Args:
          word: one word, as the model writes it.
          boost: is added to the logarithm of its probability in the scorer.

        Raises:
          DeepSpeechError: no scorer is enabled; the word is there, has a space, or characters that
            the model lacks.
        """
        call = "AddHotWord"
        self._check_scorer(call)
        found = ""
        if not isinstance(word, str) or not word or len(word.split()) != 1 or word != word.strip():
            found, expected = repr(word), "one word, without spaces"
        elif word in self._search.hot_words:
            found, expected = f"{word!r}, which is one already", "another word"
        elif not _is_number(boost):
            found, expected = f"{word!r} with the boost {boost!r}", "a finite number"
        if found:
            raise DeepSpeechError(call, FAIL_INSERT_HOT_WORD, [Problem(call, found, expected)])
        try:
            self._search.decoder.hot_words({word: float(boost)})
        except InputError as error:
            raise DeepSpeechError(
                call, FAIL_INSERT_HOT_WORD, error.problems or [_said(call, error)]
            ) from None
        hot_words = {**self._search.hot_words, word: float(boost)}
        self._search = replace(self._search, hot_words=hot_words)

    def eraseHotWord(self, word: str) -> None:
        """Takes a hot word back.

        Raises:
          DeepSpeechError: no scorer is enabled, or it is none.
        """
        call = "EraseHotWord"
        self._check_scorer(call)
        if word not in self._search.hot_words:
            known = ", ".join(map(repr, self._search.hot_words)) or "none: there are no hot words"
            problem = Problem(call, repr(word), f"one of: {known}")
            raise DeepSpeechError(call, FAIL_ERASE_HOT_WORD, [problem])
        left = {one: boost for one, boost in self._search.hot_words.items() if one != word}
        self._search = replace(self._search, hot_words=left)

    def clearHotWords(self) -> None:
        """Takes all hot words back.

        Raises:
          DeepSpeechError: no scorer is enabled.
        """
        self._check_scorer("ClearHotWords")
        self._search = replace(self._search, hot_words={})

    def stt(self, audio_buffer: np.ndarray) -> str:
        """The text of a recording.

        Args:
          audio_buffer: `[n]` int16 at `sampleRate`.

        Raises:
          InputError: it is something else.
        """
        return self._result("stt", audio_buffer, 1).text

    def sttWithMetadata(self, audio_buffer: np.ndarray, num_results: int = 1) -> Metadata:
        """`stt` with times.

        Args:
          audio_buffer: `[n]` int16 at `sampleRate`.
          num_results: candidates, at most. Of a recording that is longer than those of training,
            and so recognised in pieces, there is one.

        Raises:
          InputError: the audio is something else.
        """
        count = checked_count("sttWithMetadata", num_results)
        result = self._result("sttWithMetadata", audio_buffer, count)
        return metadata_of(result, self._recognizer.frame_shift, count)

    def createStream(self) -> Stream:
        """Begins a stream.

        A model that needs whole recordings computes windows that overlap
        (`Recognizer.buffered_stream`).
        """
        if self._streams is None:
            self._streams = _streams(self._recognizer)
        recognizer = self._recognizer.with_decoder(replace(self._search, nbest=MOST_CANDIDATES))
        return Stream(recognizer.stream() if self._streams else recognizer.buffered_stream())

    def _check_scorer(self, call: str) -> None:
        if not self._search.has_scorer:
            raise DeepSpeechError(call, SCORER_NOT_ENABLED)

    def _result(self, call: str, audio: Any, count: int) -> DecodeResult:
        samples = checked_audio(call, audio)
        if not len(samples):
            return DecodeResult("", 0.0, ())
        recognizer = self._recognizer.with_decoder(replace(self._search, nbest=count))
        return recognizer.transcribe([samples])[0]


def _loaded(model_path: str | os.PathLike[str]) -> Recognizer:
    call, path = "CreateModel", Path(os.fspath(model_path))
    if path.suffix in _THEIRS and not path.is_dir():
        remedy = "Train a model, or export a trained one: docs/deepspeech.md."
        problem = Problem(str(path), "a file of DeepSpeech's own network", _MODEL, remedy)
        raise DeepSpeechError(call, FAIL_CREATE_MODEL, [problem])
    if not path.exists():
        raise DeepSpeechError(call, NO_MODEL, [Problem(str(path), "nothing of that name", _MODEL)])
    try:
        return Recognizer.load(path)
    except InputError as error:
        problems = error.problems or [_said(str(path), error)]
        raise DeepSpeechError(call, FAIL_CREATE_MODEL, problems) from error


def _streams(recognizer: Recognizer) -> bool:
    """Whether the network takes a recording piece by piece; where it does, it is made here."""
    try:
        return recognizer.streaming_network is not None
    except InputError:
        _log.info("Streams are computed in windows that overlap: the model needs whole recordings.")
        return False


def _said(where: str, error: InputError) -> Problem:
    """A problem of an error without any."""
    return Problem(where, error.summary.rstrip("."), "what can be used")


def _is_number(value: Any) -> bool:
    number = isinstance(value, (int, float, np.integer, np.floating))
    return number and not isinstance(value, bool) and math.isfinite(value)
