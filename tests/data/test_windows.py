"""Epochs over shards: every utterance once, windows of neighbours, the same for all who ask."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.data.batching import BatchPlanner
from tests.data.make_epoch_plans import count_frames, samples_of

shards = st.lists(st.integers(1, 60), min_size=1, max_size=8)
options = st.fixed_dictionaries(
    {
        "batch_size": st.integers(1, 9),
        "shuffle_buffer": st.integers(1, 80),
        "seed": st.integers(0, 3),
        "shuffle": st.booleans(),
        "max_batch_frames": st.none() | st.integers(2100, 20_000),
        "sorted_epochs": st.integers(0, 1),
    }
)


def planner_of(counts: list[int], **options) -> BatchPlanner:
    ends = np.cumsum(counts)
    return BatchPlanner(samples_of(int(ends[-1]), 1), count_frames, shard_ends=ends, **options)


def batches(planner: BatchPlanner, epoch: int) -> list:
    plan = planner.epoch(epoch)
    assert len(plan) == planner.batches_per_epoch
    return [plan.batch(step) for step in range(len(plan))]


@settings(max_examples=30, deadline=None)
@given(counts=shards, options=options, workers=st.integers(1, 4), epoch=st.integers(0, 2))
def test_every_utterance_once_over_all_workers(counts, options, workers, epoch):
    planners = [planner_of(counts, rank=r, world_size=workers, **options) for r in range(workers)]
    parts = [batches(planner, epoch) for planner in planners]
    rows = [batch.rows for part in parts for batch in part if not batch.is_padding]
    assert sorted(np.concatenate(rows)) == list(range(sum(counts)))
    for step in zip(*parts):
        assert len({batch.length for batch in step}) == 1
        for batch in step:
            assert batch.frames.max() <= batch.length
            if options["max_batch_frames"]:
                assert len(batch.rows) * batch.length <= options["max_batch_frames"]
    if options["max_batch_frames"] is None:  # workers take the steps of one
        one = {**options, "batch_size": options["batch_size"] * workers}
        for whole, *step in zip(batches(planner_of(counts, **one), epoch), *parts):
            for rank, part in enumerate(step):
                if not part.is_padding:
                    assert part.rows.tolist() == whole.rows[rank::workers].tolist()


@settings(max_examples=30, deadline=None)
@given(counts=shards, options=options, epoch=st.integers(0, 2))
def test_batches_come_window_by_window(counts, options, epoch):
    """Against the windows cut from the order of the shards, which is found from the batches."""
    planner = planner_of(counts, **options)
    windows = planner._windows
    assert windows is not None
    cut = windows.rows(epoch)
    shard_of = np.repeat(np.arange(len(counts)), counts)
    # Whole shards behind each other, each in its own order.
    assert (np.diff(cut)[np.diff(shard_of[cut]) == 0] == 1).all()
    assert np.count_nonzero(np.diff(shard_of[cut])) == len(counts) - 1
    window_of = np.empty(len(cut), int)
    window_of[cut] = np.arange(len(cut)) // windows.size
    seen = [set(window_of[batch.rows]) for batch in batches(planner, epoch)]
    assert all(len(one) == 1 for one in seen)
    order = [one.pop() for one in seen]
    changes = sum(a != b for a, b in itertools.pairwise(order))
    assert changes == len(set(order)) - 1
    if options["max_batch_frames"] is None or not options["shuffle"]:
        assert order == sorted(order)


@pytest.mark.parametrize("limit", [None, 9000])
def test_epochs_differ(limit):
    planner = planner_of([200] * 10, batch_size=8, shuffle_buffer=100, max_batch_frames=limit)
    first, second = ([tuple(b.rows) for b in batches(planner, epoch)] for epoch in (0, 1))
    assert not set(first) & set(second)
    again = planner_of([200] * 10, batch_size=8, shuffle_buffer=100, max_batch_frames=limit)
    assert [tuple(b.rows) for b in batches(again, 1)] == second
