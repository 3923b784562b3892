"""Rows of batches: values stay what they are, and nobody keeps the memory of others."""

import weakref

import numpy as np
import pytest

from open_seq2seq.streaming.batch_state import (
    BatchState,
    in_order_of_batches,
    joined_states,
    parted_states,
)


class Kept:
    """Arrays as a runtime keeps them, of which it is known when they are gone."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


def batch(size):
    return {"state": Kept(np.arange(size * 2.0).reshape(size, 2))}


def values(states):
    return [list(one.arrays()["state"]) for one in states]


def test_streams_that_stay_together_are_not_copied():
    arrays = batch(3)
    states = parted_states(arrays, 3)
    assert joined_states(states) is arrays
    assert values(states) == [[0, 1], [2, 3], [4, 5]]


def test_streams_of_several_batches():
    first, second = parted_states(batch(3), 3), parted_states(batch(2), 2)
    alone = BatchState({"state": np.full((1, 2), 9.0)})
    mixed = [second[1], alone, first[0]]
    expected = values(mixed)
    assert joined_states(mixed)["state"].tolist() == expected == [[2, 3], [9, 9], [0, 1]]
    assert values(first) == [[0, 1], [2, 3], [4, 5]]  # as they were, wherever they are


@pytest.mark.parametrize("come", [[0], [3, 1]])
def test_who_waits_keeps_only_its_own(come):
    arrays = batch(4)
    gone = weakref.ref(arrays["state"])
    states = parted_states(arrays, 4)
    del arrays
    waiting = [states[number] for number in range(4) if number not in come]
    after = parted_states(joined_states([states[number] for number in come]), len(come))
    assert gone() is not None  # it may be computed again, if the network fails
    del states
    assert gone() is None
    assert values(waiting) == [[2 * n, 2 * n + 1] for n in range(4) if n not in come]
    assert values(after) == [[2 * n, 2 * n + 1] for n in come]


def test_order():
    first, second = parted_states(batch(3), 3), parted_states(batch(2), 2)
    mixed = [second[1], first[2], second[0], first[0], first[1]]
    ordered = [mixed[number] for number in in_order_of_batches(mixed)]
    assert ordered == [*second, *first]
