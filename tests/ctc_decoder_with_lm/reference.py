"""Prefix beam search with a language model, written for clarity: dictionaries of texts.

The score of a prefix is log P(prefix) of CTC plus a function of its text alone: `text_score`.
Here both are computed from the whole text whenever a prefix is met. Covers the decoders
that sum over a prefix's alignments: standard, openseq2seq, native_op and deepspeech;
`reference_paths.py` has the two that keep alignments apart.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from .arpa import BEGIN, END, NGramModel
from .brute_force import Labels, log_add, prefix_log_probs

LN10 = math.log(10)
FLT_MIN = float(np.finfo(np.float32).tiny)
SPACE = ("\u2581", " ")


@dataclass(frozen=True)
class Rules:
    """What the decoders differ in.

    Attributes:
      unit: of what alpha multiplies, "log10" or "natural".
      end: whether `</s>` is scored after the last word.
      unknown: value of an unknown word, in `unit`; None: the model's own.
      in_window: whether a word is unknown when any of the last `order` words is.
      empty_word: whether a leading space ends an (unknown) empty word.
      last_twice: whether a final space gives the last word's contribution again.
      trie_floor: log10 contribution of a character off the trie (None: no trie term).
      skip_blank_start: leading frames with P(blank) from here on count nothing (None: all count).
      min_cutoff: whether a full beam skips extensions below its worst entry's blank.
      add_tiny: whether FLT_MIN is added to the probabilities.
      free_spaces: whether spaces may stand at the start and after spaces, for nothing.
    """

    unit: str = "natural"
    end: bool = False
    unknown: float | None = None
    in_window: bool = False
    empty_word: bool = False
    last_twice: bool = False
    trie_floor: float | None = None
    skip_blank_start: float | None = None
    min_cutoff: bool = False
    add_tiny: bool = False
    free_spaces: bool = False


PRESETS = {
    "standard": Rules(end=True, unknown=-25.0, free_spaces=True),
    "openseq2seq": Rules("log10", False, -1000.0, True, min_cutoff=True, add_tiny=True),
    "native_op": Rules("log10", False, -100.0, True, True, True, trie_floor=-100.0),
    "deepspeech": Rules(
        "natural", False, -1000.0, True, skip_blank_start=0.999, min_cutoff=True, add_tiny=True
    ),
}


@dataclass
class TextScore:
    """What a text adds: per model the n-grams' sum in the rules' unit, words, and the trie's."""

    ngrams: list[float]
    words: int = 0
    trie: float = 0.0

    def total(self, alpha: float, beta: float, weights: Sequence[float]) -> float:
        of_models = sum(weight * value for weight, value in zip(weights, self.ngrams))
        return alpha * of_models + beta * self.words + self.trie


@dataclass
class Task:
    """One decoding: vocabulary, models and settings.

    Attributes:
      symbols: characters, or pieces that begin with U+2581 where a word begins; without blank.
      rules: the decoder's.
      models: language models, scored side by side.
      lexicon: the allowed words; None allows any.
      per_symbol: whether each symbol is a word of the model.
    """

    symbols: Sequence[str]
    rules: Rules
    models: Sequence[NGramModel] = ()
    alpha: float = 0.0
    beta: float = 0.0
    trie_weight: float = 0.0
    lexicon: set[str] | None = None
    weights: Sequence[float] = field(default_factory=list)
    per_symbol: bool = False

    @functools.cached_property
    def beginnings(self) -> set[str]:
        """Of the lexicon's words."""
        assert self.lexicon is not None
        return {word[:length] for word in self.lexicon for length in range(len(word) + 1)}

    @functools.cached_property
    def worst(self) -> dict[str, float]:
        """The smallest unigram score (log10) of the words with each beginning."""
        scores: dict[str, float] = {}
        for word in self.models[0].words():
            for length in range(len(word) + 1):
                score = self.models[0].score([], word)
                scores[word[:length]] = min(score, scores.get(word[:length], score))
        return scores

    def text(self, labels: Labels) -> str:
        return "".join(self.symbols[label] for label in labels).replace("\u2581", " ")


def split(task: Task, labels: Labels) -> tuple[list[str], str]:
    """The finished words, and the one that the end of the labels leaves open."""
    done: list[str] = []
    if task.per_symbol:
        return [task.symbols[label] for label in labels], ""
    partial, before = "", None
    for label in labels:
        symbol = task.symbols[label]
        if symbol.startswith(SPACE):
            leading = before is None and symbol == " "
            if partial or (leading and task.rules.empty_word):
                done.append(partial)
            partial = symbol[1:]
        else:
            partial += symbol
        before = symbol
    return done, partial


def allowed(task: Task, labels: Labels) -> bool:
    """Whether the lexicon lets the search get here: words of it, one space after each."""
    if task.lexicon is None:
        return True
    partial = ""
    for label in labels:
        symbol = task.symbols[label]
        if symbol.startswith(SPACE):
            needed = partial or (symbol == " " and not task.rules.free_spaces)
            if needed and partial not in task.lexicon:
                return False
            partial = symbol[1:]
        else:
            partial += symbol
        if partial not in task.beginnings:
            return False
    return True


def word_value(model: NGramModel, rules: Rules, words: Sequence[str]) -> float:
    """What alpha multiplies for the last of the words, given those in front."""
    window = words[-model.order :] if rules.in_window else words[-1:]
    if rules.unknown is not None and any(word not in model for word in window):
        return rules.unknown
    value = model.score([BEGIN, *words[:-1]], words[-1])
    return value * LN10 if rules.unit == "natural" else value


def trie_value(task: Task, labels: Labels) -> float:
    """Every character's contribution: the worst word that begins so, or the floor."""
    assert task.rules.trie_floor is not None
    value, partial = 0.0, ""
    for label in labels:
        partial = "" if task.symbols[label] == " " else partial + task.symbols[label]
        if partial:
            value += task.worst.get(partial, task.rules.trie_floor)
    return task.trie_weight * value


def text_score(task: Task, labels: Labels, final: bool) -> TextScore:
    """Everything but the acoustics of a prefix; `final`: after the last frame."""
    rules = task.rules
    done, partial = split(task, labels)
    ends_in_space = bool(labels) and not partial
    if final and partial:
        done = [*done, partial]
    scored = [done[: index + 1] for index in range(len(done))]
    if final and ends_in_space and rules.last_twice and done:
        scored.append(done)
    score = TextScore(
        [sum(word_value(model, rules, words) for words in scored) for model in task.models],
        len(scored),
    )
    if final and rules.end:
        for index, model in enumerate(task.models):
            value = model.score([BEGIN, *done], END)
            score.ngrams[index] += value * LN10 if rules.unit == "natural" else value
    if rules.trie_floor is not None and task.trie_weight:
        score.trie = trie_value(task, labels)
    return score


def total(task: Task, labels: Labels, final: bool) -> float:
    weights = list(task.weights) or [1.0] * len(task.models)
    return text_score(task, labels, final).total(task.alpha, task.beta, weights)


def exhaustive(
    task: Task, log_probs: np.ndarray, merge: str = "sum"
) -> list[tuple[float, float, Labels]]:
    """Score, acoustic part and labels of every allowed text, best first, from all paths."""
    found = [
        (acoustic + total(task, labels, True), acoustic, labels)
        for labels, acoustic in prefix_log_probs(log_probs, merge).items()
        if allowed(task, labels)
    ]
    return sorted(found, reverse=True)


def prepared(task: Task, log_probs: np.ndarray) -> np.ndarray:
    """Log probabilities [time, symbol + 1] as the decoder sees them."""
    rules = task.rules
    if rules.add_tiny:
        log_probs = np.log(np.exp(log_probs) + FLT_MIN)
    if rules.skip_blank_start is not None:
        speech = np.exp(log_probs[:, -1]) < rules.skip_blank_start
        log_probs = log_probs[int(np.argmax(speech)) if speech.any() else len(log_probs) :]
    return log_probs


def candidates(row: np.ndarray, cutoff_prob: float, cutoff_top_n: int) -> list[int]:
    """The classes of a frame that may extend a prefix; the count acts only below cutoff 1."""
    if cutoff_prob >= 1:
        return list(range(len(row)))
    chosen, mass = [], 0.0
    for label in sorted(range(len(row)), key=lambda label: (-row[label], label)):
        chosen.append(label)
        mass += math.exp(row[label])
        if mass >= cutoff_prob or len(chosen) >= cutoff_top_n:
            break
    return chosen


def beam_search(
    task: Task,
    log_probs: np.ndarray,
    beam_width: int,
    cutoff_prob: float = 1.0,
    cutoff_top_n: int = 40,
) -> list[tuple[float, float, Labels]]:
    """Score, acoustic part and labels of the prefixes left at the end, best first."""
    blank = log_probs.shape[1] - 1
    beam: dict[Labels, tuple[float, float]] = {(): (0.0, -math.inf)}  # ended by blank, by symbol

    worth = functools.cache(lambda labels: total(task, labels, False))
    may_be = functools.cache(lambda labels: allowed(task, labels))

    def ranks(prefixes: dict[Labels, tuple[float, float]]) -> Callable[[Labels], float]:
        values = {labels: log_add(*parts) + worth(labels) for labels, parts in prefixes.items()}
        return values.__getitem__

    for row in prepared(task, log_probs):
        rank = ranks(beam)
        floor = -math.inf
        if task.rules.min_cutoff and task.models and len(beam) >= beam_width:
            floor = min(map(rank, beam)) + row[blank] - max(0.0, task.beta)
        after: dict[Labels, list[list[float]]] = {}
        for labels, (by_blank, by_symbol) in beam.items():
            for label in candidates(row, cutoff_prob, cutoff_top_n):
                if row[label] + rank(labels) < floor:
                    continue
                if label == blank:
                    mass = log_add(by_blank, by_symbol) + row[label]
                    after.setdefault(labels, [[], []])[0].append(mass)
                    continue
                repeated = bool(labels) and labels[-1] == label
                if repeated:
                    after.setdefault(labels, [[], []])[1].append(by_symbol + row[label])
                mass = by_blank if repeated else log_add(by_blank, by_symbol)
                longer = (*labels, label)
                if mass > -math.inf and may_be(longer):
                    after.setdefault(longer, [[], []])[1].append(mass + row[label])
        united = {labels: (log_add(*one), log_add(*two)) for labels, (one, two) in after.items()}
        rank = ranks(united)
        best = sorted(united, key=lambda labels: (-rank(labels), labels))[:beam_width]
        beam = {labels: united[labels] for labels in best}
    found = [
        (log_add(*parts) + total(task, labels, True), log_add(*parts), labels)
        for labels, parts in beam.items()
    ]
    return sorted(found, reverse=True)
