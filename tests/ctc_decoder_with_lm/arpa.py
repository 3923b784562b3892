"""N-gram language models in plain Python: ARPA files read, written, scored with backoff."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

UNKNOWN, BEGIN, END = "<unk>", "<s>", "</s>"
NGram = tuple[str, ...]


class NGramModel:
    """log10 probabilities and backoffs of n-grams, scored as KenLM does.

    Attributes:
      order: of the longest n-grams.
      ngrams: each n-gram's (log10 probability, log10 backoff).
    """

    def __init__(self, ngrams: dict[NGram, tuple[float, float]]) -> None:
        self.ngrams = ngrams
        self.order = max(map(len, ngrams))
        self._words = {words[0] for words in ngrams if len(words) == 1 and words[0][0] != "<"}

    @classmethod
    def read(cls, path: Path) -> NGramModel:
        ngrams = {}
        length = 0
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("\\") and line.endswith("-grams:"):
                length = int(line[1:].partition("-")[0])
            elif length and line and not line.startswith("\\"):
                columns = line.split()
                words = tuple(columns[1 : 1 + length])
                backoff = float(columns[1 + length]) if len(columns) > 1 + length else 0.0
                ngrams[words] = (float(columns[0]), backoff)
        return cls(ngrams)

    def write(self, path: Path) -> Path:
        """As an ARPA file, with six decimals (`rounded` gives the model that is read again)."""
        lines = ["\\data\\"]
        for length in range(1, self.order + 1):
            lines.append(f"ngram {length}={sum(len(words) == length for words in self.ngrams)}")
        for length in range(1, self.order + 1):
            lines.append(f"\n\\{length}-grams:")
            for words, (probability, backoff) in self.ngrams.items():
                if len(words) == length:
                    end = "" if length == self.order else f"\t{backoff:.6f}"
                    lines.append(f"{probability:.6f}\t{' '.join(words)}{end}")
        path.write_text("\n".join([*lines, "\n\\end\\\n"]), encoding="utf-8")
        return path

    def words(self) -> set[str]:
        """Those that can be spoken."""
        return self._words

    def __contains__(self, word: str) -> bool:
        return (word,) in self.ngrams and word != UNKNOWN

    def score(self, context: Sequence[str], word: str) -> float:
        """log10 P(word | context): of the longest known n-gram, plus the backoffs above it.

        Args:
          context: the words in front, `<s>` among them where a sentence starts there.
          word: unknown ones count as `<unk>`.
        """
        known = [entry if (entry,) in self.ngrams else UNKNOWN for entry in (*context, word)]
        history, word = tuple(known[:-1][max(0, len(known) - self.order) :]), known[-1]
        backoff = 0.0
        while (*history, word) not in self.ngrams:
            backoff += self.ngrams.get(history, (0.0, 0.0))[1]
            history = history[1:]
        return backoff + self.ngrams[(*history, word)][0]

    def sentence(self, words: Sequence[str], begin: bool = True, end: bool = True) -> float:
        """log10 of a sentence's words, one after the other."""
        tokens = [BEGIN] * begin + list(words) + [END] * end
        return sum(self.score(tokens[:index], tokens[index]) for index in range(begin, len(tokens)))


def random_model(
    rng: np.random.Generator, words: Sequence[str], order: int = 3, share: float = 0.5
) -> NGramModel:
    """Random values for a random choice of n-grams; not normalised, as no rule needs that.

    Each n-gram's first and last n-1 words are n-grams too, without which KenLM would refuse it
    or add them.

    Args:
      rng: of all values.
      words: the vocabulary.
      order: of the model.
      share: of the possible longer n-grams that are in it.
    """

    def values() -> tuple[float, float]:
        return round(float(rng.uniform(-3, -0.2)), 6), round(float(rng.uniform(-1, 0)), 6)

    ngrams: dict[NGram, tuple[float, float]] = {(UNKNOWN,): (-4.5, 0.0), (BEGIN,): (-99.0, -0.25)}
    ngrams |= {(word,): values() for word in (*words, END)}
    ngrams[(END,)] = (ngrams[(END,)][0], 0.0)
    for length in range(2, order + 1):
        for candidate in list(_longer(ngrams, length)):
            if rng.random() < share:
                ngrams[candidate] = values()
    return NGramModel(ngrams)


def _longer(ngrams: dict[NGram, tuple[float, float]], length: int) -> Iterator[NGram]:
    shorter = [words for words in ngrams if len(words) == length - 1 and words != (UNKNOWN,)]
    for first in shorter:
        for last in shorter:
            inside = END not in first and BEGIN not in last
            if inside and first[1:] == last[:-1]:
                yield (*first, last[-1])
