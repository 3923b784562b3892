"""The native core, `native/python_binding.cc`: what `library.core()` returns.

Arrays go in, tuples come out; the interpreter's lock is released while the core works. Numbers of a
call and rules of scoring are the dictionaries of `SearchOptions` and `Scoring`.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

_Word: TypeAlias = tuple[str, int, int, float]
"""Text, first frame, frame behind it, confidence."""

_Hypothesis: TypeAlias = tuple[
    str,
    float,
    float,
    tuple[_Word, ...],
    tuple[tuple[int, int, int], ...],
    tuple[float, ...],
    int,
    float,
]
"""Text, score, acoustic score, words, tokens, each language model's score, bonuses, boost."""

class Error(ValueError):
    """An input that the core cannot use; the text says why."""

class LanguageModel:
    """An n-gram model of KenLM, in a file."""

    def __init__(self, path: str) -> None: ...
    @property
    def path(self) -> str: ...
    @property
    def order(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def has_words(self) -> bool: ...
    @property
    def words_offset(self) -> int: ...
    def words(self) -> list[bytes]: ...
    def score(
        self, words: Sequence[str], begin: bool = True, end: bool = True
    ) -> list[tuple[float, bool]]:
        """The log10 probability of each word after those before it, and whether it is unknown."""
    def scores_symbols(self, symbols: Sequence[str], /) -> bool: ...

class Model:
    """Symbols, rules, lexicon and language models; shared by decoders and threads."""

    def __init__(
        self,
        symbols: Sequence[str],
        scoring: Mapping[str, object],
        models: Sequence[LanguageModel],
        words: Sequence[str] | None,
        trie_path: str,
        pronunciations: tuple[Sequence[str], Sequence[tuple[int, list[int]]], int] | None,
        /,
    ) -> None: ...
    @property
    def lexicon_words(self) -> int: ...
    @property
    def unspellable(self) -> int: ...
    @property
    def unspellable_examples(self) -> list[str]: ...
    @property
    def unknown_words(self) -> int: ...
    @property
    def unknown_examples(self) -> list[str]: ...

class HotWords:
    """Phrases with their weights, compiled for one model."""

    def __init__(self, phrases: Sequence[tuple[str, float]], model: Model, /) -> None: ...

class Stream:
    """One utterance, frame by frame."""

    def __init__(
        self,
        model: Model,
        options: Mapping[str, object],
        hot_words: HotWords | None,
        inputs: str,
        /,
    ) -> None: ...
    def accept(self, rows: NDArray[np.float32], /) -> None: ...
    def partial(self) -> tuple[str, str, tuple[tuple[str, int, int], ...]]: ...
    def end_cost(self) -> float: ...
    def finish(self) -> list[_Hypothesis]: ...
    def reset(self) -> None: ...
    @property
    def frames(self) -> int: ...

def default_scoring() -> dict[str, object]: ...
def default_options() -> dict[str, object]: ...
def presets() -> dict[str, dict[str, object]]: ...
def read_alphabet(path: str, /) -> list[str]: ...
def greedy(
    logits: NDArray[np.float32],
    lengths: Sequence[int],
    texts: Sequence[str],
    starts_word: Sequence[bool],
    /,
) -> list[tuple[list[int], float, tuple[_Word, ...]]]:
    """Of [batch, time, class] the symbols, the log probability and the words of each utterance."""

def decode(
    model: Model,
    arrays: Sequence[NDArray[np.float32]],
    options: Mapping[str, object],
    hot_words: HotWords | None,
    inputs: str,
    threads: int,
    /,
) -> list[list[_Hypothesis]]:
    """For each [time, class] its hypotheses, best first."""
