"""OpenSeq2Seq's trie files: the words that its TensorFlow operation may spell, with scores."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import write_whole

MAGIC, VERSION = 1414678853, 1


@dataclass
class _Node:
    """A prefix: how many words begin so, and the least probable of them."""

    count: int = 0
    word: int = 0
    score: float = float("inf")
    children: dict[int, _Node] = field(default_factory=dict)

    def add(self, word: int, score: float) -> None:
        self.count += 1
        if score < self.score:
            self.word, self.score = word, score


def write_trie(alphabet: Sequence[str], model: Any, words: Iterable[str], path: str) -> int:
    """Writes the trie of `words` to a file; returns how many there are.

    Args:
      alphabet: characters; their order gives the children's.
      model: a `ctc_decoder_with_lm.LanguageModel`, whose unigram log10 probabilities are used.
      words: each counts once; those that the model does not know have its <unk>.

    Raises:
      InputError: a word cannot be spelled; all such words are named, up to ten.
    """
    places = {character: place for place, character in enumerate(alphabet)}
    numbers = {word: number for number, word in enumerate(model.words())}
    root, unspellable, count = _Node(), [], 0
    for word in dict.fromkeys(words):
        if not places.keys() >= set(word):
            unspellable.append(word)
            continue
        ((score, _),) = model.score([word], begin=False, end=False)
        node, number = root, numbers.get(word, 0)
        node.add(number, score)
        for character in word:
            node = node.children.setdefault(places[character], _Node())
            node.add(number, score)
        count += 1
    if unspellable:
        problems = [
            Problem(repr(word), "characters outside the alphabet", ", ".join(map(repr, alphabet)))
            for word in unspellable[:10]
        ]
        more = f", {len(unspellable)} in all" if len(unspellable) > 10 else ""
        raise InputError(f"Words that cannot be spelled{more}:", problems)
    if not count:
        raise InputError("The trie would be empty:", [Problem("the words", "none", "words")])
    file = io.StringIO()
    file.write(f"{MAGIC}\n{VERSION}\n{len(alphabet)}\n")
    _write(file, root, len(alphabet))
    write_whole(path, file.getvalue())
    return count


def _write(file: TextIO, root: _Node, size: int) -> None:
    """Nodes before their children; -1 where there is none."""
    waiting: list[_Node | None] = [root]
    while waiting:
        node = waiting.pop()
        if node is None:
            file.write("-1\n")
            continue
        file.write(f"{node.count}\n{node.word}\n{node.score:.9g}\n")
        waiting += [node.children.get(place) for place in reversed(range(size))]
