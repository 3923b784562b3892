"""Beam search with language models over NumPy arrays."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ctc_decoder_with_lm.decode_result import DecodeResult, Partial, PartialWord, Token, Word
from ctc_decoder_with_lm.errors import InputError, Problem
from ctc_decoder_with_lm.language_model import (
    LanguageModel,
    check_words_are_known,
    shortened,
    words_of_packages,
)
from ctc_decoder_with_lm.library import core
from ctc_decoder_with_lm.pronunciations import native_pronunciations
from ctc_decoder_with_lm.scoring import Scoring
from ctc_decoder_with_lm.search_options import DEFAULT_SCORING, SearchOptions

# A hypothesis as the core gives it: text, score, acoustic score; (word, first frame, frame behind
# it, confidence) of each word; (symbol, first frame, frame behind it) of each symbol; the score of
# each language model, the words that got a bonus, the boosts of hot words.
_Hypothesis = tuple[
    str,
    float,
    float,
    Sequence[tuple[str, int, int, float]],
    Sequence[tuple[int, int, int]],
    tuple[float, ...],
    int,
    float,
]
INPUTS = ("logits", "log_probs", "probabilities")


class HotWords:
    """Words and phrases with a weight each, compiled for one decoder (`decoder.hot_words`)."""

    def __init__(self, native: Any, phrases: Mapping[str, float], model: Any):
        self._native = native
        self._model = model
        self.phrases = dict(phrases)


class BeamSearchDecoder:
    """CTC prefix beam search; language models, lexicon and hot words are optional.

    Args:
      symbols: of the network: characters, or SentencePiece pieces; the blank is the class
        after them.
      language_model: none, one, or several, whose scores are added.
      scoring: the rules, or the name of a preset.
      lexicon: the words that may be said; a mapping gives each its spellings (pronunciations) in
        symbols, and several words may share one; None: the words of the language models, where
        the rules want any. Pronunciations need rules with lexicon="constrain". A word with a
        pronunciation ends at the separator, if the symbols have one (" ", "|" or "<space>"),
        and else where another word begins.
      trie_path: a trie file of OpenSeq2Seq, for rules with partial_word="trie"; None: the
        words of the language model serve.
      step_size: seconds from one frame to the next.

    Raises:
      InputError: the parts do not fit together; says which.
      RunError: the native core is not built.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        language_model: LanguageModel | Sequence[LanguageModel] | None = None,
        scoring: str | Scoring = DEFAULT_SCORING,
        lexicon: Iterable[str] | Mapping[str, Iterable[Sequence[str]]] | None = None,
        trie_path: str | Path | None = None,
        step_size: float = 0.02,
    ):
        if isinstance(language_model, LanguageModel):
            language_model = [language_model]
        self.language_models = list(language_model or [])
        self.symbols = _checked_texts("symbols", symbols)
        self.step_size = step_size
        if lexicon is None:
            check_words_are_known(self.language_models)
        native = core()
        rules = Scoring.preset(scoring) if isinstance(scoring, str) else scoring
        spelled = None
        if isinstance(lexicon, Mapping):
            _checked_texts("lexicon", lexicon)
            _check_rules(rules, scoring)
            rules = replace(rules, lm_unit="word")
            spelled = native_pronunciations(lexicon, self.symbols)
        try:
            self.scoring = replace(rules, lm_unit=self._lm_unit(rules))
            if lexicon is None:
                found = words_of_packages(self.language_models, self.symbols)
                # Models of characters say nothing of words.
                lexicon = found if self.scoring.lm_unit == "word" else None
            words = None
            if spelled is None and lexicon is not None:
                words = _checked_texts("lexicon", lexicon)
            models = [model._native for model in self.language_models]
            trie = _checked_texts("trie_path", [os.fspath(trie_path)])[0] if trie_path else ""
            self._model = native.Model(
                self.symbols, self.scoring.as_dict(), models, words, trie, spelled
            )
        except native.Error as error:
            raise InputError(shortened(str(error))) from None
        # Whether words have pronunciations; `lexicon_words` counts those then.
        self.pronounced = spelled is not None
        self.lexicon_words: int = self._model.lexicon_words
        # Words with pronunciations that no language model knows, and some of them.
        self.unknown_words: int = self._model.unknown_words
        self.unknown_examples: list[str] = self._model.unknown_examples
        self.unspellable_words: int = self._model.unspellable
        self.unspellable_examples: list[str] = self._unspellable_examples()

    def _lm_unit(self, rules: Scoring) -> str:
        if rules.lm_unit != "auto" or not self.language_models:
            return "word" if rules.lm_unit == "auto" else rules.lm_unit
        units = {model.unit(self.symbols) for model in self.language_models}
        if len(units) > 1:
            paths = ", ".join(model.path for model in self.language_models)
            problem = Problem(paths, "models of words and of symbols", "models of one unit")
            raise InputError("These language models do not go together:", [problem])
        return units.pop()

    def _unspellable_examples(self) -> list[str]:
        try:
            return list(self._model.unspellable_examples)
        except UnicodeDecodeError:
            # Words of another encoding: no symbol spells them, and no text shows them as they are.
            words = (word for model in self.language_models for word in model.words())
            return list(islice((word for word in words if "\ufffd" in word), 3))

    def hot_words(self, phrases: Mapping[str, float]) -> HotWords:
        """Compiles words and phrases, to be used in any number of calls.

        Args:
          phrases: text -> weight in natural log, added once to a hypothesis for each time
            that it contains the text as whole words. Words that the lexicon lacks can be
            recognised nevertheless.

        Raises:
          InputError: a phrase is empty, or the symbols cannot spell it.
        """
        native = core()
        texts = _checked_texts("hot_words", phrases)
        try:
            weights = [float(phrases[text]) for text in texts]
        except (TypeError, ValueError):
            problem = Problem("hot_words", repr(phrases), "numbers as weights")
            raise InputError("Hot words have a weight each:", [problem]) from None
        pairs = list(zip(texts, weights))
        try:
            return HotWords(native.HotWords(pairs, self._model), phrases, self._model)
        except native.Error as error:
            raise InputError(shortened(str(error))) from None

    def decode(self, logits: np.ndarray, **options: Any) -> DecodeResult:
        """Decodes one utterance, [time, symbol + 1]; options as for `decode_batch`."""
        return self.decode_batch([logits], **options)[0]

    def decode_batch(
        self,
        logits: np.ndarray | Sequence[np.ndarray],
        lengths: Sequence[int] | np.ndarray | None = None,
        *,
        inputs: str = "logits",
        threads: int | None = None,
        hot_words: HotWords | Mapping[str, float] | None = None,
        **options: Any,
    ) -> list[DecodeResult]:
        """Decodes many utterances.

        Args:
          logits: [batch, time, symbol + 1], or a list of [time, symbol + 1]; float32 is used
            as it is, other types are converted.
          lengths: [batch] frames that count; None: all.
          inputs: what the numbers are: "logits", "log_probs" (natural) or "probabilities".
          threads: None: as many as the processor runs.
          hot_words: from `hot_words`, or a dictionary to compile for this call.
          options: `alpha`, `beta`, `beam_width` and so on, see `SearchOptions`.

        Returns:
          One result per utterance. Scores are natural logarithms. A word starts with the
          first frame of its first symbol in the best alignment and ends after the last
          frame of its last one; its confidence is the share of the beam's probability
          that belongs to hypotheses with the same word at an overlapping time.

        Raises:
          InputError: shapes, types or values that make no sense; says which utterance.
        """
        native = core()
        rows = _utterances(logits, lengths, len(self.symbols) + 1)
        settings = self._options(options)
        compiled = self._hot(hot_words)
        if threads is None:
            threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        try:
            found = native.decode(
                self._model, rows, settings, compiled, _inputs(inputs), max(int(threads), 1)
            )
        except native.Error as error:
            raise InputError(shortened(str(error))) from None
        return [self._result(one, settings) for one in found]

    def stream(
        self,
        *,
        inputs: str = "logits",
        hot_words: HotWords | Mapping[str, float] | None = None,
        **options: Any,
    ) -> Stream:
        """Begins an utterance whose frames come one after the other; options as above."""
        native = core()
        settings = self._options(options)
        try:
            stream = native.Stream(self._model, settings, self._hot(hot_words), _inputs(inputs))
        except native.Error as error:
            raise InputError(shortened(str(error))) from None
        return Stream(self, stream, settings)

    def _hot(self, hot_words: HotWords | Mapping[str, float] | None) -> Any:
        if not hot_words:
            return None
        if not isinstance(hot_words, HotWords):
            hot_words = self.hot_words(hot_words)
        if hot_words._model is not self._model:
            problem = Problem("hot_words", "those of another decoder", "decoder.hot_words(...)")
            raise InputError("Hot words are compiled for one decoder:", [problem])
        return hot_words._native

    def _options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        try:
            options = SearchOptions(**given)
        except TypeError as error:
            raise InputError(f"Beam search has no such option: {error}") from None
        return options.native(self.scoring.recombine and bool(self.language_models))

    def _result(self, found: Sequence[_Hypothesis], settings: Mapping[str, Any]) -> DecodeResult:
        if not found:
            return DecodeResult("", -math.inf, ())
        results = [self._one(hypothesis) for hypothesis in found]
        if settings["nbest"] == 1:
            return results[0]
        return replace(results[0], nbest=tuple(results))

    def _one(self, hypothesis: _Hypothesis) -> DecodeResult:
        text, score, acoustic, words, tokens, lm_scores, bonus_count, boost = hypothesis
        step = self.step_size
        return DecodeResult(
            text,
            score,
            tuple([Word(word, start * step, end * step, sure) for word, start, end, sure in words]),
            acoustic_score=acoustic,
            lm_score=score - acoustic,
            tokens=tuple(
                [Token(self.symbols[one], start * step, end * step) for one, start, end in tokens]
            ),
            ngram_scores=lm_scores,
            bonus_count=bonus_count,
            boost=boost,
        )


class Stream:
    """One utterance in pieces (`decoder.stream`). The result does not depend on the cuts."""

    def __init__(self, decoder: BeamSearchDecoder, native: Any, settings: Mapping[str, Any]):
        self._decoder = decoder
        self._native = native
        self._settings = settings

    @property
    def frames(self) -> int:
        """Frames accepted so far."""
        return int(self._native.frames)

    def accept(self, frames: np.ndarray) -> None:
        """Takes the next frames, [time, symbol + 1], any number of them.

        Raises:
          InputError: they make no sense; says which frame.
        """
        rows = _utterances([frames], None, len(self._decoder.symbols) + 1)
        try:
            self._native.accept(rows[0])
        except core().Error as error:
            raise InputError(shortened(str(error))) from None

    def partial(self) -> Partial:
        """The text so far, the part of it that will not change any more, and its words."""
        text, stable, words = self._native.partial()
        step = self._decoder.step_size
        timed = tuple([PartialWord(word, start * step, end * step) for word, start, end in words])
        return Partial(text, stable, timed)

    def end_cost(self) -> float:
        """How much more probable the best prefix is than the best one that may end here.

        That is one whose last word is a word of the lexicon, where the scoring asks for its words
        only (`constrain`). Natural logarithm; 0: the best one may end; infinite: none may.
        """
        return float(self._native.end_cost())

    def finish(self) -> DecodeResult:
        """The result, as if the utterance ended here. More frames may follow all the same."""
        return self._decoder._result(self._native.finish(), self._settings)

    def reset(self) -> None:
        """Begins another utterance."""
        self._native.reset()


def _inputs(inputs: str) -> str:
    if inputs not in INPUTS:
        problem = Problem("inputs", repr(inputs), "one of " + ", ".join(INPUTS))
        raise InputError("The decoder does not know such inputs:", [problem])
    return inputs


def _check_rules(rules: Scoring, scoring: str | Scoring) -> None:
    """Raises InputError for rules by which words are more than their spellings."""
    wanted = {
        "lexicon": ("constrain",),
        "partial_word": ("none", "lookahead"),
        "empty_words": (False,),
        "repeat_final_bonus": (False,),
        "empty_last_word": (False,),
        "lm_unit": ("auto", "word"),
    }
    bad = {
        name: getattr(rules, name) for name in wanted if getattr(rules, name) not in wanted[name]
    }
    if bad:
        found = ", ".join(f"{name}={value!r}" for name, value in bad.items())
        named = f"{scoring!r} ({found})" if isinstance(scoring, str) else found
        remedy = "Set the scoring to standard."
        problem = Problem("scoring", named, "rules that keep to the lexicon's words", remedy)
        raise InputError("Pronunciations do not go with this scoring:", [problem])


def _checked_texts(name: str, given: Iterable[str]) -> list[str]:
    """The texts as a list; all of them can be written as UTF-8, without zero bytes."""
    texts = list(given) if isinstance(given, Iterable) else [given]
    problems = []
    for place, text in enumerate(texts):
        try:
            good = isinstance(text, str) and b"\0" not in text.encode()
        except UnicodeEncodeError:
            good = False
        if not good:
            problems.append(Problem(f"{name}[{place}]", ascii(text), "a text"))
    if problems:
        raise InputError(f"The {name} must be texts:", problems[:10])
    return texts


def _utterances(
    logits: np.ndarray | Sequence[np.ndarray],
    lengths: Sequence[int] | np.ndarray | None,
    classes: int,
) -> list[np.ndarray]:
    """Each utterance's rows, float32, [time, symbol + 1]."""
    try:
        arrays = [np.asarray(one) for one in logits]
    except (TypeError, ValueError) as error:
        raise InputError(f"The logits are no arrays: {error}") from None
    problems = []
    if lengths is not None:
        try:
            lengths = np.asarray(lengths)
        except ValueError:  # lists of different lengths
            lengths = np.empty(0, object)
        if lengths.shape != (len(arrays),) or (arrays and lengths.dtype.kind not in "iu"):
            found = f"{lengths.dtype} of shape {list(lengths.shape)}"
            expected = f"{len(arrays)} whole numbers, one for each utterance"
            problems.append(Problem("lengths", found, expected))
            lengths = None
    for place, array in enumerate(arrays):
        where = f"logits[{place}]"
        if array.ndim != 2 or array.shape[1] != classes:
            expected = f"[time, {classes}]: {classes - 1} symbols and the blank"
            problems.append(Problem(where, f"shape {list(array.shape)}", expected))
        elif array.dtype.kind != "f":
            problems.append(Problem(where, f"type {array.dtype}", "floating-point numbers"))
        elif lengths is not None and not 0 <= int(lengths[place]) <= len(array):
            found = f"{lengths[place]} of {len(array)} frames"
            problems.append(Problem(f"lengths[{place}]", found, f"0 to {len(array)}"))
    if problems:
        raise InputError("The decoder cannot use these inputs:", problems)
    if lengths is not None:
        arrays = [array[: int(length)] for array, length in zip(arrays, lengths)]
    return [np.ascontiguousarray(array, np.float32) for array in arrays]
