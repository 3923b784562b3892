"""Small random n-gram models as ARPA text, and what they say about a sentence."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

Ngram = tuple[str, ...]
WORDS = ("the", "cat", "sat", "on", "a", "mat", "ten", "seconds", "then", "bär", "it's", "o")


@dataclass
class ArpaModel:
    """n-grams with their log10 probability and log10 back-off (None: the line has none)."""

    order: int
    ngrams: dict[Ngram, tuple[float, float | None]] = field(default_factory=dict)

    def text(self) -> str:
        by_order = [[g for g in self.ngrams if len(g) == n + 1] for n in range(self.order)]
        lines = ["\\data\\", *(f"ngram {n + 1}={len(g)}" for n, g in enumerate(by_order)), ""]
        for n, ngrams in enumerate(by_order):
            lines.append(f"\\{n + 1}-grams:")
            for ngram in ngrams:
                probability, backoff = self.ngrams[ngram]
                end = "" if backoff is None else f"\t{backoff}"
                lines.append(f"{probability}\t{' '.join(ngram)}{end}")
            lines.append("")
        return "\n".join([*lines, "\\end\\", ""])

    def score(self, context: Ngram, word: str) -> float:
        """log10 P(word | context): the longest n-gram there is, after backing off to it."""
        word = word if (word,) in self.ngrams else "<unk>"
        known = tuple(w if (w,) in self.ngrams else "<unk>" for w in context)
        known = known[max(len(known) - self.order + 1, 0) :]
        backoff = 0.0
        while (*known, word) not in self.ngrams:
            backoff += (self.ngrams.get(known) or (0.0, 0.0))[1] or 0.0
            known = known[1:]
        return backoff + self.ngrams[(*known, word)][0]

    def sentence(self, words: list[str], begin: bool = True, end: bool = True) -> list[float]:
        """The score of each word of a sentence, and of its end."""
        context: Ngram = ("<s>",) if begin else ()
        scores = []
        for word in [*words, *(["</s>"] if end else [])]:
            scores.append(self.score(context, word))
            context = (*context, word)
        return scores


def random_model(
    order: int = 3, seed: int = 0, words: tuple[str, ...] = WORDS, sentences: int = 30
) -> ArpaModel:
    """A model whose n-grams are those of random sentences; its numbers are random, too."""
    rng = random.Random(seed)
    model = ArpaModel(order)
    found: set[Ngram] = {("<unk>",), ("<s>",), ("</s>",), *((w,) for w in words)}
    for _ in range(sentences):
        sentence = ["<s>", *rng.choices(words, k=rng.randint(1, 8)), "</s>"]
        for n in range(2, order + 1):
            found |= {tuple(sentence[i : i + n]) for i in range(len(sentence) - n + 1)}
    for ngram in sorted(found, key=lambda g: (len(g), g)):
        backoff = round(rng.uniform(-1.5, 0), 4) if len(ngram) < order else None
        if ngram[-1] in ("</s>", "<unk>"):
            backoff = None if len(ngram) == order or rng.random() < 0.5 else 0.0
        model.ngrams[ngram] = (round(rng.uniform(-3, -0.05), 4), backoff)
    return model
