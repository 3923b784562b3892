"""Acceptors of words in OpenFST's format."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctc_decoder_with_lm.word_trie import (
    ARC,
    HEADER,
    STATE,
    TrieError,
    WordTrie,
    read_trie,
    trie_bytes,
)

LABELS = [chr(96 + label) for label in range(1, 7)]
WORDS = st.sets(st.lists(st.integers(1, 6), min_size=1, max_size=6).map(tuple), min_size=1,
                max_size=30)  # fmt: skip


def text(word):
    return "".join(LABELS[label - 1] for label in word)


def endings(words):
    """What may still come after each prefix: a minimal acceptor has a state for each such set."""
    prefixes = {word[:cut] for word in words for cut in range(len(word) + 1)}
    return {
        frozenset(word[len(prefix) :] for word in words if word[: len(prefix)] == prefix)
        for prefix in prefixes
    }


@given(WORDS, st.integers(0, 40))
def test_words_come_back_from_the_smallest_acceptor(words, offset):
    trie = read_trie(trie_bytes(words, offset), offset)
    found = list(trie.words(LABELS))
    assert found == sorted(map(text, words)) and len(trie) == len(words)
    assert len(trie.states) == len(endings(words))


@given(WORDS)
def test_what_the_header_claims_is_so(words):
    """OpenFST takes these properties as given (properties.h); bits of what holds."""
    data = trie_bytes(words, 0)
    properties = HEADER.unpack_from(data)[7]
    trie = read_trie(data, 0)
    sources = np.repeat(np.arange(len(trie.states)), trie.states["arcs"])
    targets = trie.arcs["target"]
    assert (targets > sources).all()  # so topologically sorted, without cycles
    reached = {0, *targets.tolist()}
    assert reached == set(range(len(trie.states)))
    for state in range(len(trie.states)):
        own = trie.arcs["input"][sources == state]
        assert (np.diff(own) > 0).all()
        assert len(own) or trie.states["weight"][state] == 0
    assert set(np.unique(trie.states["weight"])) <= {0, np.inf}
    assert not trie.arcs["weight"].any() and not trie.states["epsilons"].any()
    string = len(words) == 1
    named = {0, 16, 18, 20, 23, 25, 27, 28, 30, 33, 35, 37, 38, 40, 42, 44 if string else 45, 47}
    assert {bit for bit in range(64) if properties >> bit & 1} == named


@pytest.mark.parametrize("offset", range(17))
def test_states_and_arcs_are_aligned_in_the_file(offset):
    data = trie_bytes([(1, 2), (1, 3, 2)], offset)
    states, arcs = read_trie(data, offset).states, read_trie(data, offset).arcs
    place = (offset + HEADER.size + 15) // 16 * 16 - offset
    assert data[place : place + states.nbytes] == states.tobytes()
    place = (offset + place + states.nbytes + 15) // 16 * 16 - offset
    assert data[place:] == arcs.tobytes()


def test_plain_files_are_read_too():
    """Version 2, without gaps, as OpenFST writes by itself."""
    trie = read_trie(trie_bytes([(1, 2), (3,)], 0), 0)
    header = bytearray(trie_bytes([(1, 2), (3,)], 0)[: HEADER.size])
    header[25:33] = struct.pack("<ii", 2, 0)
    plain = bytes(header) + trie.states.tobytes() + trie.arcs.tobytes()
    assert list(read_trie(plain, 3).words(LABELS)) == ["ab", "c"]


def test_states_that_no_word_goes_through_are_passed_by():
    """An end without a word, as an acceptor that was not trimmed has."""
    states = np.zeros(3, STATE)
    states["weight"] = [np.inf, 0, np.inf]
    states["first"], states["arcs"] = [0, 2, 2], [2, 0, 0]
    arcs = np.array([(1, 1, 0, 1), (2, 2, 0, 2)], ARC)
    assert list(WordTrie(states, arcs, 0).words(LABELS)) == ["a"]


def changed(**fields):
    names = ["magic", "kind_length", "kind", "arc_length", "arc", "version", "flags",
             "properties", "start", "states", "arcs"]  # fmt: skip
    data = trie_bytes([(1, 2), (1, 3, 2)], 0)
    values = dict(zip(names, HEADER.unpack_from(data)))
    return HEADER.pack(*(values | fields).values()) + data[HEADER.size :]


def with_arc(number, **fields):
    data = bytearray(trie_bytes([(1, 2), (1, 3, 2)], 0))
    arcs = read_trie(bytes(data), 0).arcs.copy()
    for name, value in fields.items():
        arcs[name][number] = value
    data[-arcs.nbytes :] = arcs.tobytes()
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "ends within its header"),
        (changed()[:40], "ends within its header"),
        (changed(magic=1), "does not begin as a file of OpenFST"),
        (changed(kind=b"vectr"), "no ConstFst"),
        (changed(arc=b"logarith"), "no ConstFst"),
        (changed(version=3), "its version is 3"),
        (changed(flags=5), "with flags 5"),
        (changed(start=99), "start is state 99 of 4"),
        (changed(start=-1), "start is state -1"),
        (changed(states=10**12), "its end is missing"),
        (changed(arcs=-1), "its end is missing"),
        (changed()[:-1], "its end is missing"),
        (changed() + b"more", "4 bytes follow it"),
        (changed(arcs=3), "follow it"),
        (with_arc(0, target=77), "a state that is not there"),
        (with_arc(0, target=-2), "a state that is not there"),
        (with_arc(3, target=0), "cycles"),
        (with_arc(0, input=0, output=0), "labels are none of words"),
        (with_arc(0, output=2), "labels are none of words"),
    ],
)
def test_what_is_none(data, message):
    with pytest.raises(TrieError, match=message):
        read_trie(data, 0)


def test_a_small_file_cannot_mean_endless_words():
    """Each of 60 states leads to the next by two labels: 2 ** 60 words."""
    states, arcs = np.zeros(61, STATE), np.zeros(120, ARC)
    states["weight"][:-1] = np.inf
    states["first"] = np.minimum(np.arange(61) * 2, 120)
    states["arcs"][:-1] = 2
    arcs["input"] = arcs["output"] = np.arange(120) % 2 + 1
    arcs["target"] = np.arange(120) // 2 + 1
    with pytest.raises(TrieError, match="more words than anybody has"):
        WordTrie(states, arcs, 0)
