"""The plan of an epoch: every utterance once, little padding, same for all who ask."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.data.speech2text.batching import BatchPlanner, optimal_lengths
from open_seq2seq.errors import InputError

HOP = 160


def count_frames(samples: np.ndarray, factors: np.ndarray) -> np.ndarray:
    return 1 + (samples * factors).astype(np.int64) // HOP


def uniform_factors(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.uniform(0.9, 1.1, n)


def speech_like_samples(n: int, seed: int = 0) -> np.ndarray:
    """[n, 1] lengths from 2 to 17 s, most of them long, as read sentences are."""
    seconds = 17.0 - 15.0 * np.random.default_rng(seed).beta(1.2, 3.0, n)
    return (seconds * 16000).astype(np.int64)[:, None]


def make(samples: np.ndarray, **options) -> BatchPlanner:
    return BatchPlanner(samples, count_frames, **{"batch_size": 16, **options})


corpora = st.lists(st.integers(1, 300_000), min_size=1, max_size=80).map(
    lambda samples: np.array(samples, np.int64)[:, None]
)
options = st.fixed_dictionaries(
    {
        "batch_size": st.integers(1, 20),
        "num_buckets": st.integers(1, 10),
        "pad_to": st.sampled_from([0, 1, 8, 16]),
        "seed": st.integers(-5, 5),
        "shuffle": st.booleans(),
        "max_batch_frames": st.none() | st.integers(2100, 20_000),
        "draw_speed_factors": st.none() | st.just(uniform_factors),
    }
).map(lambda o: o | {"longest_factor": 1.1 if o["draw_speed_factors"] else 1.0})


@settings(max_examples=150, deadline=None)
@given(samples=corpora, options=options, workers=st.integers(1, 6), epoch=st.integers(0, 3))
def test_every_utterance_once_over_all_workers(samples, options, workers, epoch):
    if len(samples) < workers:
        with pytest.raises(InputError, match="at least one for each worker"):
            make(samples, num_workers=workers, **options)
        return
    plans = [
        make(samples, num_workers=workers, rank=rank, **options).epoch(epoch)
        for rank in range(workers)
    ]
    planner = make(samples, num_workers=workers, **options)
    assert {len(plan) for plan in plans} == {planner.batches_per_epoch}
    batches = [plan.batch(step) for plan in plans for step in range(len(plan))]
    rows = np.concatenate([batch.rows for batch in batches])
    assert sorted(rows) == list(range(len(samples)))
    multiple = max(options["pad_to"], 1)
    lone = all(len(batch.rows) <= 2 for batch in batches)
    for batch in batches:
        assert len(batch.rows) > 0
        expected = count_frames(samples[batch.rows, 0], batch.speed_factors)
        np.testing.assert_array_equal(batch.frames, expected)
        assert batch.frames.max() <= batch.length
        assert batch.length in planner.bucket_lengths
        assert batch.length % multiple == 0
        if lone and len(samples) % workers:
            continue  # Here two utterances may have to share a batch, see below.
        assert len(batch.rows) <= options["batch_size"]
        if options["max_batch_frames"] is not None:
            assert len(batch.rows) * batch.length <= options["max_batch_frames"]
    assert len(planner.bucket_lengths) <= options["num_buckets"]


@settings(max_examples=50, deadline=None)
@given(samples=corpora, options=options, epoch=st.integers(0, 3))
def test_same_plan_for_everybody(samples, options, epoch):
    first, second = make(samples, **options), make(samples, **options)
    second.epoch(epoch + 1)  # what was asked before changes nothing
    for step, batch in enumerate(map(first.epoch(epoch).batch, range(first.batches_per_epoch))):
        again = second.epoch(epoch).batch(step)
        np.testing.assert_array_equal(batch.rows, again.rows)
        np.testing.assert_array_equal(batch.speed_factors, again.speed_factors)
        assert batch.length == again.length


def test_single_utterances_that_do_not_divide_by_the_workers():
    samples = speech_like_samples(11)
    plans = [make(samples, batch_size=1, num_workers=4, rank=rank).epoch(0) for rank in range(4)]
    batches = [plan.batch(step) for plan in plans for step in range(len(plan))]
    pairs = [batch.rows for batch in batches if len(batch.rows) == 2]
    assert [len(batch.rows) for batch in batches].count(1) == 5
    shortest = set(np.argsort(samples[:, 0])[:6])
    assert len(pairs) == 3
    # Batches are random within a bucket, so pairs are of the shortest bucket, not the shortest.
    limit = plans[0].frames[list(shortest)].max()
    bucket = make(samples, batch_size=1).padded_length(int(limit))
    assert all(plans[0].frames[rows].max() <= bucket for rows in pairs)


def test_number_of_batches():
    assert make(speech_like_samples(100), batch_size=32).batches_per_epoch == 4
    assert make(speech_like_samples(96), batch_size=32).batches_per_epoch == 3
    assert make(speech_like_samples(97), batch_size=32, num_workers=2).batches_per_epoch == 2
    assert make(speech_like_samples(7), batch_size=1, num_workers=2).batches_per_epoch == 3


def test_epochs_differ_in_batches_order_and_speed():
    planner = make(speech_like_samples(200), draw_speed_factors=uniform_factors, longest_factor=1.1)
    first, second = planner.epoch(0), planner.epoch(1)
    assert set(first.batch(0).rows) != set(second.batch(0).rows)
    assert (first.speed_factors != second.speed_factors).all()
    other_seed = make(speech_like_samples(200), seed=1).epoch(0)
    same_seed = make(speech_like_samples(200), seed=0).epoch(0)
    assert (other_seed.order != same_seed.order).any()


def test_batches_do_not_come_by_length():
    plan = make(speech_like_samples(2000)).epoch(0)
    lengths = [plan.batch(step).length for step in range(len(plan))]
    correlation = np.corrcoef(lengths, np.arange(len(lengths)))[0, 1]
    assert abs(correlation) < 0.3


def test_the_smaller_batch_is_not_always_of_the_longest():
    planner = make(speech_like_samples(100), batch_size=16)
    found = set()
    for epoch in range(12):
        plan = planner.epoch(epoch)
        batches = [plan.batch(step) for step in range(len(plan))]
        found.add(next(batch.length for batch in batches if len(batch.rows) == 4))
    assert len(found) > 2


def test_unshuffled_batches_follow_the_manifest():
    plan = make(speech_like_samples(300), shuffle=False).epoch(0)
    first_rows = [plan.batch(step).rows.min() for step in range(len(plan))]
    assert first_rows == sorted(first_rows)


def test_workers_get_like_lengths_at_each_step():
    samples = speech_like_samples(3200)
    plans = [make(samples, num_workers=4, rank=rank).epoch(0) for rank in range(4)]
    unequal = sum(
        len({plan.batch(step).length for plan in plans}) > 1 for step in range(len(plans[0]))
    )
    # Only where a step's batches lie on both sides of a bucket's end.
    assert unequal <= 7


@pytest.mark.parametrize("batch_size", [16, 32])
@pytest.mark.parametrize("speed", [None, uniform_factors])
def test_padding_share(batch_size, speed):
    planner = make(
        speech_like_samples(1400),
        batch_size=batch_size,
        draw_speed_factors=speed,
        longest_factor=1.1 if speed else 1.0,
    )
    for epoch in range(3):
        plan = planner.epoch(epoch)
        batches = [plan.batch(step) for step in range(len(plan))]
        real = sum(batch.frames.sum() for batch in batches)
        padded = sum(batch.length * len(batch.rows) for batch in batches)
        assert plan.padding_share == pytest.approx(1 - real / padded)
        assert plan.padding_share < 0.1


def test_padding_of_few_fixed_batches():
    """With no more batches than buckets, each is padded to its own longest utterance."""
    plan = make(speech_like_samples(136), batch_size=32, shuffle=False).epoch(0)
    for step in range(len(plan)):
        assert 0 <= plan.batch(step).length - plan.batch(step).frames.max() < 8


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=30),
    number=st.integers(1, 4),
    multiple=st.sampled_from([1, 8]),
)
def test_bucket_lengths_are_optimal(lengths, number, multiple):
    """Against every choice of lengths there is."""
    chosen = optimal_lengths(np.array(lengths), number, multiple)
    rounded = sorted({-(-length // multiple) * multiple for length in lengths})

    def padded(ends) -> int:
        return sum(min(end for end in ends if end >= length) for length in lengths)

    choices = itertools.combinations(rounded, min(number, len(rounded)))
    best = min(padded(ends) for ends in choices if ends[-1] == rounded[-1])
    assert padded(chosen.tolist()) == best
    assert len(chosen) <= number


def test_long_recordings_keep_the_search_small():
    lengths = np.random.default_rng(0).integers(1, 1_000_000, 5000)
    chosen = optimal_lengths(lengths, 8, 8)
    assert chosen[-1] >= lengths.max()
    assert (chosen % 8 == 0).all()


def test_buckets_hold_the_longest_utterance_at_its_longest():
    """The factors drawn to fit the buckets may all be shorter than an epoch's."""
    samples = speech_like_samples(50)

    def longest_only_in_epochs(rng: np.random.Generator, n: int) -> np.ndarray:
        return np.full(n, 1.0 if n > 50 else 1.1)

    planner = make(samples, draw_speed_factors=longest_only_in_epochs, longest_factor=1.1)
    plan = planner.epoch(0)
    for step in range(len(plan)):
        batch = plan.batch(step)
        assert batch.frames.max() <= batch.length


def test_batches_are_halved_for_the_workers():
    sizes = make(speech_like_samples(100), num_workers=5).sizes
    assert len(sizes) == 10 and sizes.sum() == 100
    assert sorted(sizes) == [4, 8, 8, 8, 8, 8, 8, 16, 16, 16]


def test_limit_below_the_longest_utterance():
    with pytest.raises(InputError, match="max_batch_duration: found room for 1000 frames"):
        make(speech_like_samples(100), max_batch_frames=1000)


def test_limit_on_duration_is_used_well():
    """Batches of short utterances are larger; few seconds of the limit are left unused."""
    plan = make(speech_like_samples(2000), batch_size=500, max_batch_frames=40_000).epoch(0)
    batches = [plan.batch(step) for step in range(len(plan))]
    cost = np.array([batch.length * len(batch.rows) for batch in batches])
    assert cost.max() <= 40_000
    assert np.median(cost) > 0.9 * 40_000
    assert len({len(batch.rows) for batch in batches}) > 3


def test_synthetic_variants_are_drawn_for_each_epoch():
    samples = np.tile(speech_like_samples(400), (1, 3))
    planner = make(samples)
    first, second = planner.epoch(0).variants, planner.epoch(1).variants
    assert (first != second).any()
    assert np.bincount(first).min() > 80
    assert len(np.bincount(first)) == 3
