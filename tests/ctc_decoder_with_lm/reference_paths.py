"""The decoders whose beam holds alignments' ends apart: pyctcdecode and flashlight.

Written from a reading of pyctcdecode 0.5.0 and flashlight-text 0.0.7 and checked against their
results (`test_references.py`), so that core and goldens can be told apart when they differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .arpa import BEGIN, END, NGramModel
from .brute_force import log_add

LN10 = math.log(10)
LONG_PARTIAL = 6  # pyctcdecode: characters from which a part of no word costs more
Words = tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """A final hypothesis."""

    text: str
    score: float
    acoustic: float


@dataclass(frozen=True)
class PathTask:
    """One decoding. The symbols are characters, a space among them."""

    symbols: Sequence[str]
    model: NGramModel
    alpha: float
    beta: float
    beam_width: int = 100


@dataclass(frozen=True)
class Pyctcdecode(PathTask):
    beam_threshold: float = 10.0
    token_threshold: float = -5.0
    prune_history: bool = False
    unknown: float = -10.0

    def word(self, before: Words, word: str, last: bool) -> float:
        """A word's weighted value, with `</s>` when it is the last one."""
        value = self.model.score([BEGIN, *before], word)
        if word not in self.model.words():
            value += self.unknown
        if last:
            value += self.model.score([BEGIN, *before, word], END)
        return self.alpha * LN10 * value + self.beta

    def finished(self, words: Words) -> float:
        return sum(self.word(words[:index], word, False) for index, word in enumerate(words))

    def penalty(self, partial: str) -> float:
        if any(word.startswith(partial) for word in self.model.words()):
            return 0.0
        return self.unknown * max(1.0, len(partial) / LONG_PARTIAL)

    def decode(self, log_probs: np.ndarray) -> list[Found]:
        """All that is left after the last pruning, best first."""
        log_probs = np.clip(log_probs, math.log(1e-15), 0)
        symbols = [*self.symbols, ""]
        # (finished words, open word, last symbol or "" for the blank): log mass; best first.
        beam: dict[tuple[Words, str, str | None], float] = {((), "", None): 0.0}
        for row in log_probs:
            masses: dict[tuple[Words, str, str | None], list[float]] = {}
            for label, symbol in enumerate(symbols):
                if row[label] < self.token_threshold and label != int(np.argmax(row)):
                    continue
                for (words, partial, last), mass in beam.items():
                    if symbol not in ("", last):
                        key = (words, partial + symbol, symbol)
                        if symbol == " ":
                            key = ((*words, partial) if partial else words, "", symbol)
                    else:
                        key = (words, partial, symbol)
                    masses.setdefault(key, []).append(mass + row[label])
            united = {key: log_add(*values) for key, values in masses.items()}
            ranks = {
                key: mass + self.finished(key[0]) + self.penalty(key[1])
                for key, mass in united.items()
            }
            kept = self.pruned(ranks)
            if self.prune_history:
                kept = self.without_equal_history(kept)
            beam = {key: united[key] for key in kept}
        return self.ends(beam)

    def pruned(self, ranks: dict) -> list:
        floor = max(ranks.values()) - self.beam_threshold
        near = [key for key in ranks if ranks[key] >= floor]
        return sorted(near, key=lambda key: -ranks[key])[: self.beam_width]

    def without_equal_history(self, kept: list) -> list:
        seen: set = set()
        left = []
        for words, partial, last in kept:
            history = (words[-max(1, self.model.order - 1) :], partial, last)
            if history not in seen:
                left.append((words, partial, last))
            seen.add(history)
        return left

    def ends(self, beam: dict[tuple[Words, str, str | None], float]) -> list[Found]:
        masses: dict[Words, list[float]] = {}
        scores: dict[Words, float] = {}
        for (words, partial, _), mass in beam.items():
            text = (*words, partial) if partial else words
            masses.setdefault(text, []).append(mass)
            # The entry that ranks lowest decides; one without an open word pays for the word "".
            scores[text] = self.finished(words) + self.word(words, partial, True)
        ranks = {text: log_add(*masses[text]) + scores[text] for text in masses}
        return [
            Found(" ".join(text), ranks[text], log_add(*masses[text]))
            for text in self.pruned(ranks)
        ]


@dataclass(frozen=True)
class Flashlight(PathTask):
    """The lexicon decoder over all words of the model, each spelled with a space at its end."""

    beam_threshold: float = 50.0
    tokens: int = 1000

    def smears(self) -> dict[str, float]:
        """The best first word of a sentence below each node of the trie; nothing at the root."""
        best: dict[str, float] = {}
        for word in self.model.words():
            for length in range(1, len(word) + 1):
                value = self.model.score([BEGIN], word)
                best[word[:length]] = max(value, best.get(word[:length], value))
        return {**best, "": 0.0}

    def decode(self, log_probs: np.ndarray) -> list[Found]:
        """Best first, each text once."""
        blank = log_probs.shape[1] - 1
        space = list(self.symbols).index(" ")
        smear = self.smears()
        # (words, node, last label, after a blank): (score, acoustic part) of the best path.
        beam = {((), "", space, False): (0.0, 0.0)}
        for row in log_probs:
            tried = sorted(range(len(row)), key=lambda label: -row[label])[: self.tokens]
            found: dict[tuple[Words, str, int, bool], tuple[float, float]] = {}

            def add(key: tuple, old: tuple[float, float], value: float, lm: float = 0.0) -> None:
                new = (old[0] + value + lm, old[1] + value)
                found[key] = max(found.get(key, new), new)  # noqa: B023

            for (words, node, last, after_blank), old in beam.items():
                add((words, node, blank, True), old, row[blank])
                if not node:
                    add((words, node, space, False), old, row[space])
                elif not after_blank:
                    add((words, node, last, False), old, row[last])
                for label in tried:
                    if label in (blank, space) or (label == last and not after_blank):
                        continue
                    longer = node + self.symbols[label]
                    if longer in smear:
                        lm = self.alpha * (smear[longer] - smear[node])
                        add((words, longer, label, False), old, row[label], lm)
                if space in tried and node in self.model.words():
                    value = self.model.score([BEGIN, *words], node) - smear[node]
                    key = ((*words, node), "", space, False)
                    add(key, old, row[space], self.alpha * value + self.beta)
            beam = self.pruned(found, lambda value: value[0])
        return self.ends(beam)

    def pruned(self, found: dict, score: Callable) -> dict:
        floor = max(map(score, found.values())) - self.beam_threshold
        near = [key for key in found if score(found[key]) >= floor]
        return {
            key: found[key]
            for key in sorted(near, key=lambda key: -score(found[key]))[: self.beam_width]
        }

    def ends(self, beam: dict[tuple[Words, str, int, bool], tuple[float, float]]) -> list[Found]:
        at_root = any(not node for _, node, _, _ in beam)
        finals: dict[tuple[Words, str], tuple[float, float]] = {}
        for (words, node, _, _), (score, acoustic) in beam.items():
            if at_root and node:
                continue
            new = (score + self.alpha * self.model.score([BEGIN, *words], END), acoustic)
            finals[words, node] = max(finals.get((words, node), new), new)
        texts: dict[str, Found] = {}
        for (words, _), (score, acoustic) in self.pruned(finals, lambda value: value[0]).items():
            text = " ".join(words)
            texts.setdefault(text, Found(text, score, acoustic))
        return list(texts.values())
