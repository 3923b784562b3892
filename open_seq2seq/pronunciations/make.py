"""The spellings of words, from several sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from open_seq2seq.pronunciations.spelling import Source, Spellings


@dataclass
class Spelled:
    """What was found.

    Args:
      spellings: of each word, in the words' order.
      by_source: how many words each source spelled, by its name.
      fallback: the words that the first source lacks and another one has.
      missing: the words that none has.
    """

    spellings: Spellings
    by_source: dict[str, int] = field(default_factory=dict)
    fallback: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def symbols(self) -> list[str]:
        """All that the spellings use, sorted."""
        return sorted(
            {symbol for given in self.spellings.values() for one in given for symbol in one}
        )


def spell(words: Sequence[str], sources: Sequence[Source]) -> Spelled:
    """Asks the sources one after the other, each for the words that those before lack.

    Args:
      words: each once.
      sources: the best one first.
    """
    found: Spellings = {}
    made = Spelled({})
    left = list(words)
    for place, source in enumerate(sources):
        its = source.spell(left) if left else {}
        found.update({word: list(given) for word, given in its.items()})
        made.by_source[source.name] = len(its)
        if place:
            made.fallback += [word for word in left if word in its]
        left = [word for word in left if word not in its]
    made.missing = left
    made.spellings = {word: found[word] for word in words if word in found}
    return made
