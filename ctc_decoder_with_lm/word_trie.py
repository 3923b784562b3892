"""Words as a finite-state acceptor in OpenFST's file format, as scorer packages have it.

A `ConstFst` of `StdArc`: header, states and arcs, little-endian; in aligned files states and arcs
begin at multiples of 16 bytes from the beginning of the file (www.openfst.org; layout as OpenFST
1.6.7 writes it in mozilla/DeepSpeech, native_client/ctcdecode/third_party). Labels are whole
numbers from 1; each path from the start to a final state spells a word.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

MAGIC = 2125659606
# Magic; type and arc with their lengths; version, flags, properties; start, states, arcs.
HEADER = struct.Struct("<ii5si8siiQqqq")
_KIND = (5, b"const", 8, b"standard")
_ALIGNED_VERSION, _PLAIN_VERSION = 1, 2
_HAS_SYMBOLS, _IS_ALIGNED = 3, 4
_ALIGNMENT = 16
STATE = np.dtype([("weight", "<f4"), ("first", "<u4"), ("arcs", "<u4"), ("epsilons", "<u4", (2,))])
ARC = np.dtype([("input", "<i4"), ("output", "<i4"), ("weight", "<f4"), ("target", "<i4")])
# Expanded, acceptor, deterministic, without epsilons, sorted, without weights, without cycles,
# in topological order, and every state on a path.
_PROPERTIES = 0x1 | sum(
    1 << bit for bit in (16, 18, 20, 23, 25, 27, 28, 30, 33, 35, 37, 38, 40, 42, 47)
)
_IS_STRING, _NO_STRING = 1 << 44, 1 << 45
# Of a damaged file nobody waits for more.
_MOST_SYMBOLS, _MOST_FOR_EACH_ARC, _LONGEST_WORD = 20_000_000, 200, 1000
_Text = TypeVar("_Text", str, bytes)


class TrieError(ValueError):
    """The bytes are no acceptor of words; says what is wrong."""


class WordTrie:
    """An acceptor of words.

    Args:
      states: `[state]` of `STATE`; a weight of infinity: no word ends there.
      arcs: `[arc]` of `ARC`, those of each state together.
      start: the state that words begin in.

    Raises:
      TrieError: it does not hold together, has cycles, or is none of words.
    """

    def __init__(self, states: np.ndarray, arcs: np.ndarray, start: int):
        self.states, self.arcs, self.start = states, arcs, start
        self._check()
        self._final = states["weight"] != np.inf
        self._counts = self._word_counts()

    def __len__(self) -> int:
        """How many words there are."""
        return int(self._counts[self.start])

    @property
    def largest_label(self) -> int:
        """0: there is none."""
        return int(self.arcs["input"].max(initial=0))

    def words(self, texts: Sequence[_Text]) -> Iterator[_Text]:
        """The words, in the order of their labels.

        Args:
          texts: of each label, from 1; as many as `largest_label` at least.
        """
        first = self.states["first"].tolist()
        behind = (self.states["first"] + self.states["arcs"]).tolist()
        labels, targets = self.arcs["input"].tolist(), self.arcs["target"].tolist()
        final, useful = self._final.tolist(), (self._counts > 0).tolist()
        open_prefixes = [(self.start, texts[0][:0])]
        while open_prefixes:
            state, prefix = open_prefixes.pop()
            if final[state]:
                yield prefix
            for arc in range(behind[state] - 1, first[state] - 1, -1):
                if useful[targets[arc]]:
                    open_prefixes.append((targets[arc], prefix + texts[labels[arc] - 1]))

    def _check(self) -> None:
        states, arcs = self.states, self.arcs
        if not 0 <= self.start < len(states):
            raise TrieError(f"its start is state {self.start} of {len(states)}")
        ends = np.cumsum(states["arcs"], dtype=np.int64)
        if ends[-1] != len(arcs) or (states["first"] != ends - states["arcs"]).any():
            raise TrieError("its states have other arcs than there are")
        if ((arcs["target"] < 0) | (arcs["target"] >= len(states))).any():
            raise TrieError("an arc leads to a state that is not there")
        if (arcs["input"] != arcs["output"]).any() or (arcs["input"] < 1).any():
            raise TrieError("its labels are none of words")

    def _word_counts(self) -> np.ndarray:
        """How many words go on from each state: `[state]` float64."""
        counts = self._summed(self._final.astype(np.float64))
        symbols = self._summed(self._over_arcs(counts))
        if symbols[self.start] > _MOST_SYMBOLS + _MOST_FOR_EACH_ARC * len(self.arcs):
            raise TrieError("it would hold more words than anybody has")
        return counts

    def _over_arcs(self, values: np.ndarray) -> np.ndarray:
        """Of each state the sum over its arcs of their targets' values."""
        sources = np.repeat(np.arange(len(self.states)), self.states["arcs"])
        targets = self.arcs["target"]
        return np.bincount(sources, weights=values[targets], minlength=len(values))

    def _summed(self, own: np.ndarray) -> np.ndarray:
        """Of each state the sum of its own value and of the values of all paths from it."""
        values = own
        for _ in range(_LONGEST_WORD + 2):
            after = own + self._over_arcs(values)
            if (after == values).all():
                return values
            values = after
        raise TrieError(f"it has cycles, or a word of more than {_LONGEST_WORD} symbols")


def read_trie(data: bytes, offset: int) -> WordTrie:
    """The acceptor at the end of a file.

    Args:
      data: the file from the acceptor's header on.
      offset: where in the file that is.

    Raises:
      TrieError: it is none, damaged, or not of the kind that packages have.
    """
    if len(data) < HEADER.size:
        raise TrieError("it ends within its header")
    magic, *kind, version, flags, _, start, states, arcs = HEADER.unpack_from(data)
    if magic != MAGIC:
        raise TrieError("it does not begin as a file of OpenFST")
    if tuple(kind) != _KIND:
        raise TrieError("it is no ConstFst with standard arcs")
    if version not in (_ALIGNED_VERSION, _PLAIN_VERSION) or flags & _HAS_SYMBOLS:
        raise TrieError(f"its version is {version} with flags {flags}, which are not read")
    aligned = version == _ALIGNED_VERSION or flags & _IS_ALIGNED
    place = HEADER.size
    parts: list[np.ndarray] = []
    for count, kind_of in ((states, STATE), (arcs, ARC)):
        if aligned:
            place += -(offset + place) % _ALIGNMENT
        if count < 0 or place + count * kind_of.itemsize > len(data):
            raise TrieError("its end is missing")
        parts.append(np.frombuffer(data, kind_of, count, place))
        place += count * kind_of.itemsize
    if place != len(data):
        raise TrieError(f"{len(data) - place} bytes follow it")
    return WordTrie(parts[0], parts[1], start)


def trie_bytes(words: Iterable[Sequence[int]], offset: int) -> bytes:
    """The smallest acceptor of words, as a file of OpenFST, aligned.

    Args:
      words: the labels of each, from 1.
      offset: bytes of the file before it.
    """
    nodes = _minimal(sorted({tuple(word) for word in words}))
    # Children come first there, and behind their parents here.
    last = len(nodes) - 1
    states = np.zeros(len(nodes), STATE)
    arcs = np.zeros(sum(len(children) for _, children in nodes), ARC)
    first = 0
    for number, (final, children) in enumerate(reversed(nodes)):
        states[number] = (0.0 if final else np.inf, first, len(children), (0, 0))
        for label, child in children:
            arcs[first] = (label, label, 0.0, last - child)
            first += 1
    single = len(arcs) == last and (states["weight"] == 0).sum() == 1
    properties = _PROPERTIES | (_IS_STRING if single else _NO_STRING)
    header = HEADER.pack(
        MAGIC, *_KIND, _ALIGNED_VERSION, _IS_ALIGNED, properties, 0, len(states), len(arcs)
    )
    written = bytearray(header)
    for part in (states, arcs):
        written += bytes(-(offset + len(written)) % _ALIGNMENT)
        written += part.tobytes()
    return bytes(written)


# Whether a word ends in a state, and its arcs: label and number of the target.
_Node = tuple[bool, tuple[tuple[int, int], ...]]


@dataclass
class _Open:
    """A state of the last word, to which later words may add."""

    final: bool = False
    arcs: list[tuple[int, int]] = field(default_factory=list)

    def node(self) -> _Node:
        return self.final, tuple(self.arcs)


def _minimal(words: Sequence[tuple[int, ...]]) -> list[_Node]:
    """The states of the minimal acceptor of sorted words, targets first, the start last.

    States are joined with equal ones as soon as no later word can change them (Daciuk et al.,
    Computational Linguistics 26(1), 2000, algorithm for sorted words).
    """
    numbers: dict[_Node, int] = {}
    path = [_Open()]
    before: tuple[int, ...] = ()

    def finish(depth: int) -> None:
        while len(path) > depth + 1:
            number = numbers.setdefault(path.pop().node(), len(numbers))
            path[-1].arcs.append((before[len(path) - 1], number))

    for word in words:
        pairs = enumerate(zip(before, word))
        shared = next((at for at, (old, new) in pairs if old != new), len(before))
        finish(shared)
        path += [_Open() for _ in word[shared:]]
        path[-1].final = True
        before = word
    finish(0)
    return [*numbers, path[0].node()]
