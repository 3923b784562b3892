"""States of streams that are computed together: rows of arrays `[batch, ...]`.

Streams that stay together are handed on as they are; those that part are copied. A batch that has
come apart is kept by none of its streams: one that waits, for a minute perhaps, would hold the
memory of all that were computed with it.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Arrays = Mapping[str, Any]


class _Place(NamedTuple):
    """Where a state is: a row of a batch."""

    batch: _Batch
    row: int


class _Batch:
    """Arrays `[batch, ...]`, and the states that were made of their rows."""

    def __init__(self, arrays: Arrays, size: int):
        self.arrays, self.size = arrays, size
        self.states: Sequence[weakref.ref[BatchState]] = ()


class BatchState:
    """A stream's state: a row of what a batch of streams left. Its values never change.

    Args:
      arrays: `[1, ...]` each, by name.
    """

    __slots__ = ("__weakref__", "_place")

    def __init__(self, arrays: Arrays):
        self._place = _Place(_Batch(arrays, 1), 0)

    def arrays(self) -> dict[str, np.ndarray]:
        """A copy of it, without the axis of the batch."""
        batch, row = self._place
        return {name: np.array(np.asarray(value)[row]) for name, value in batch.arrays.items()}

    def _leave(self, batch: _Batch) -> None:
        """Moves to arrays of its own, if it is in a batch.

        Another thread that looks meanwhile finds the one place or the other, with the same values.
        """
        if self._place.batch is batch:
            own = {name: value[None] for name, value in self.arrays().items()}
            self._place = _Place(_Batch(own, 1), 0)


def in_order_of_batches(states: Sequence[BatchState]) -> list[int]:
    """The order of states in which fewest are copied to be joined: those of a batch, by row."""
    places = [one._place for one in states]
    seen: dict[int, int] = {}
    for place in places:
        seen.setdefault(id(place.batch), len(seen))
    return sorted(range(len(states)), key=lambda n: (seen[id(places[n].batch)], places[n].row))


def joined_states(states: Sequence[BatchState]) -> Arrays:
    """The arrays `[batch, ...]` of streams that are computed together now."""
    places = [one._place for one in states]
    whole = places[0].batch
    together = all(one.batch is whole for one in places)
    if together and [one.row for one in places] == list(range(whole.size)):
        return whole.arrays
    joined = {
        name: np.stack([np.asarray(batch.arrays[name])[row] for batch, row in places])
        for name in whole.arrays
    }
    ours = set(map(id, states))
    for batch in {id(one.batch): one.batch for one in places if one.batch.size > 1}.values():
        for reference in batch.states:
            state = reference()
            if state is not None and id(state) not in ours:
                state._leave(batch)
    return joined


def parted_states(arrays: Arrays, size: int) -> list[BatchState]:
    """The state of each stream of a batch of so many."""
    batch, states = _Batch(arrays, size), []
    for row in range(size):
        state = BatchState.__new__(BatchState)
        state._place = _Place(batch, row)
        states.append(state)
    batch.states = [weakref.ref(one) for one in states]
    return states
