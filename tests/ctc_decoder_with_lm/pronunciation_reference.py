"""Words with pronunciations, decoded in plain Python: by all paths, and by a prefix search."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .arpa import BEGIN, END, NGramModel
from .brute_force import Labels, log_add, prefix_log_probs

LN10 = math.log(10)
Spelling = tuple[str, ...]


@dataclass
class SpelledTask:
    """A vocabulary, a lexicon and a model, scored like the preset standard.

    Attributes:
      symbols: of the network, without the blank.
      lexicon: each word's spellings.
      separator: the symbol between words, or None.
      model: of the words; None: none.
    """

    symbols: Sequence[str]
    lexicon: Mapping[str, Sequence[Spelling]]
    separator: str | None
    model: NGramModel | None
    alpha: float
    beta: float

    def spelled(self) -> list[tuple[str, Spelling]]:
        return [(word, tuple(one)) for word, given in self.lexicon.items() for one in given]

    def word_score(self, words: Sequence[str]) -> float:
        """alpha * ln P(last word | words in front) + beta; an unknown word counts -25."""
        if self.model is None:
            return self.beta
        value = -25.0
        if words[-1] in self.model:
            value = LN10 * self.model.score([BEGIN, *words[:-1]], words[-1])
        return self.alpha * value + self.beta

    def end_score(self, words: Sequence[str]) -> float:
        if self.model is None:
            return 0.0
        return self.alpha * LN10 * self.model.score([BEGIN, *words], END)

    def sentence_score(self, words: Sequence[str]) -> float:
        parts = [self.word_score(words[: place + 1]) for place in range(len(words))]
        return sum(parts) + self.end_score(words)

    def lookahead(self, opened: Spelling) -> float:
        if self.model is None or not opened:
            return 0.0
        begun = [word for word, one in self.spelled() if one[: len(opened)] == opened]
        return self.alpha * LN10 * max(self.model.score([], word) for word in begun)


def by_all_paths(task: SpelledTask, log_probs: np.ndarray) -> dict[str, float]:
    """Score of each text: all its spellings' paths, summed, and its words."""
    separator = task.separator
    acoustic: dict[Spelling, list[float]] = {}
    for labels, value in prefix_log_probs(log_probs).items():
        acoustic.setdefault(_bare(task, labels), []).append(value)
    masses = {spelling: log_add(*values) for spelling, values in acoustic.items()}
    texts: dict[tuple[str, ...], list[float]] = {(): [masses[()]]}
    for length in range(1, len(log_probs) + 1):
        for chosen in itertools.product(task.spelled(), repeat=length):
            joined: list[str] = []
            for _, spelling in chosen:
                joined += [separator] * bool(separator and joined) + list(spelling)
            if tuple(joined) in masses:
                words = tuple(word for word, _ in chosen)
                texts.setdefault(words, []).append(masses[tuple(joined)])
    return {
        " ".join(words): log_add(*values) + task.sentence_score(words)
        for words, values in texts.items()
    }


def _bare(task: SpelledTask, labels: Labels) -> Spelling:
    """The symbols without separators at the ends and after separators."""
    bare: list[str] = []
    for label in labels:
        symbol = task.symbols[label]
        if symbol != task.separator or (bare and bare[-1] != symbol):
            bare.append(symbol)
    if bare and bare[-1] == task.separator:
        bare.pop()
    return tuple(bare)


class Prefix(NamedTuple):
    """The words that have ended, with their spellings, and the symbols of the open one."""

    ended: tuple[tuple[str, Spelling], ...] = ()
    opened: Spelling = ()

    def words(self) -> list[str]:
        return [word for word, _ in self.ended]


def _longer(task: SpelledTask, prefix: Prefix, symbol: str) -> Iterator[Prefix]:
    """What a prefix may become by one more symbol."""
    spelled = task.spelled()
    begun = {one[:length] for _, one in spelled for length in range(1, len(one) + 1)}
    endings = [one for one in spelled if one[1] == prefix.opened]
    if symbol == task.separator:
        for ending in endings:
            yield Prefix((*prefix.ended, ending), ())
        return
    if (*prefix.opened, symbol) in begun:
        yield Prefix(prefix.ended, (*prefix.opened, symbol))
    if task.separator is None and (symbol,) in begun:
        for ending in endings:
            yield Prefix((*prefix.ended, ending), (symbol,))


def by_prefix_search(task: SpelledTask, log_probs: np.ndarray, width: int) -> dict[str, float]:
    """Score of each complete text that a beam search of this width finds."""
    blank = len(task.symbols)
    beam: dict[Prefix, tuple[float, float]] = {Prefix(): (0.0, -math.inf)}

    def rank(prefix: Prefix, parts: tuple[float, float]) -> float:
        words = prefix.words()
        known = sum(task.word_score(words[: place + 1]) for place in range(len(words)))
        return log_add(*parts) + known + task.lookahead(prefix.opened)

    for row in log_probs:
        after: dict[Prefix, list[list[float]]] = {}
        for prefix, (by_blank, by_symbol) in beam.items():
            both = log_add(by_blank, by_symbol)
            last = prefix.opened[-1] if prefix.opened else task.separator
            after.setdefault(prefix, [[], []])[0].append(both + row[blank])
            for label, symbol in enumerate(task.symbols):
                again = symbol == last
                if again:
                    stays = both if symbol == task.separator else by_symbol
                    after[prefix][1].append(stays + row[label])
                for longer in _longer(task, prefix, symbol):
                    mass = (by_blank if again else both) + row[label]
                    after.setdefault(longer, [[], []])[1].append(mass)
        united = {prefix: (log_add(*one), log_add(*two)) for prefix, (one, two) in after.items()}
        united = {key: parts for key, parts in united.items() if max(parts) > -math.inf}
        best = sorted(united, key=lambda prefix: -rank(prefix, united[prefix]))[:width]
        beam = {prefix: united[prefix] for prefix in best}
    texts: dict[str, list[float]] = {}
    for prefix, parts in beam.items():
        endings = [word for word, one in task.spelled() if one == prefix.opened]
        for words in (
            [[*prefix.words(), word] for word in endings] if prefix.opened else [prefix.words()]
        ):
            value = log_add(*parts) + task.sentence_score(words)
            texts.setdefault(" ".join(words), []).append(value)
    return {text: log_add(*values) for text, values in texts.items()}
