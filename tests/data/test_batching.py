"""The plan of an epoch: every utterance once, little padding, same for all who ask."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.data.batching import BatchPlanner
from open_seq2seq.data.bucket_lengths import optimal_lengths
from open_seq2seq.data.draws import Drawn
from open_seq2seq.data.epoch_plan import EpochPlan, PlannedBatch
from open_seq2seq.errors import InputError

HOP = 160
LONGEST_PAUSE = 1000


def count_frames(samples: np.ndarray, factors: np.ndarray, pauses: np.ndarray) -> np.ndarray:
    return 1 + ((samples * factors).astype(np.int64) + pauses) // HOP


def uniform_factors(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.uniform(0.9, 1.1, n)


def short_pauses(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.integers(0, LONGEST_PAUSE + 1, (n, 3))


def speech_like_samples(n: int, seed: int = 0) -> np.ndarray:
    """[n, 1] lengths from 2 to 17 s, most of them long, as read sentences are."""
    seconds = 17.0 - 15.0 * np.random.default_rng(seed).beta(1.2, 3.0, n)
    return (seconds * 16000).astype(np.int64)[:, None]


def make(samples: np.ndarray, **options) -> BatchPlanner:
    return BatchPlanner(samples, count_frames, **{"batch_size": 16, **options})


# One recording of each utterance, or a choice of two.
corpora = st.builds(
    lambda samples, choices: np.array(samples, np.int64)[:, None] // np.arange(1, choices + 1) + 1,
    st.lists(st.integers(1, 300_000), min_size=1, max_size=80),
    st.integers(1, 2),
)
options = st.fixed_dictionaries(
    {
        "batch_size": st.integers(1, 20),
        "num_buckets": st.integers(1, 10),
        "pad_to": st.sampled_from([0, 1, 8, 16]),
        "seed": st.integers(-5, 5),
        "shuffle": st.booleans(),
        "max_batch_frames": st.none() | st.integers(2100, 20_000),
        "sorted_epochs": st.integers(0, 2),
        "draw_speed_factors": st.none() | st.just(uniform_factors),
        "draw_pauses": st.none() | st.just(short_pauses),
        "num_forms": st.integers(0, 3),
    }
).map(
    lambda o: (
        o
        | {"longest_factor": 1.1 if o["draw_speed_factors"] else 1.0}
        | {"longest_pauses": 3 * LONGEST_PAUSE if o["draw_pauses"] else 0}
    )
)


def batches_of(planner: BatchPlanner, epoch: int = 0) -> list[PlannedBatch]:
    plan = planner.epoch(epoch)
    assert len(plan) == planner.batches_per_epoch
    return [plan.batch(step) for step in range(len(plan))]


def drawn(plan: EpochPlan) -> Drawn:
    return plan.draws.of(slice(None))


def of_workers(samples: np.ndarray, workers: int, epoch: int, **options) -> list:
    """[worker][step] batches."""
    return [
        batches_of(make(samples, rank=rank, world_size=workers, **options), epoch)
        for rank in range(workers)
    ]


@settings(max_examples=150, deadline=None)
@given(
    samples=corpora,
    options=options,
    workers=st.integers(1, 6),
    devices=st.integers(1, 3),
    epoch=st.integers(0, 3),
)
def test_every_utterance_once_over_all_workers(samples, options, workers, devices, epoch):
    """The plan of any number of workers and devices, checked without another plan."""
    plans = of_workers(samples, workers, epoch, devices=devices, **options)
    planner = make(samples, world_size=workers, devices=devices, **options)
    assert {len(plan) for plan in plans} == {planner.batches_per_epoch}
    rows = [batch.rows for plan in plans for batch in plan if not batch.is_padding]
    assert sorted(np.concatenate(rows)) == list(range(len(samples)))
    multiple = max(options["pad_to"], 1)
    for step in zip(*plans):
        counts = [0 if batch.is_padding else len(batch.rows) for batch in step]
        assert counts == sorted(counts, reverse=True)
        assert counts[0] > 0 and counts[0] - counts[-1] <= 1
        assert len({batch.length for batch in step}) == 1
        for batch in step:
            recorded = samples[batch.rows, batch.voices]
            expected = count_frames(recorded, batch.speed_factors, batch.pauses.sum(axis=1))
            np.testing.assert_array_equal(batch.frames, expected)
            assert batch.frames.max() <= batch.length
            assert batch.length in planner.bucket_lengths
            assert batch.length % multiple == 0
            largest_share = -(-len(batch.rows) // devices)
            assert largest_share <= options["batch_size"]
            if options["max_batch_frames"] is not None:
                assert largest_share * batch.length <= options["max_batch_frames"]
    assert len(planner.bucket_lengths) <= options["num_buckets"]


@settings(max_examples=150, deadline=None)
@given(
    samples=corpora,
    options=options,
    workers=st.integers(2, 6),
    devices=st.integers(1, 3),
    epoch=st.integers(0, 3),
)
def test_workers_take_the_steps_of_one_worker(samples, options, workers, devices, epoch):
    """N devices of batch size B, against one of batch size N * B."""
    number = workers * devices
    plans = of_workers(samples, workers, epoch, devices=devices, **options)
    if options["max_batch_frames"] is None:
        one = {**options, "batch_size": options["batch_size"] * number}
    else:  # the limit is each device's
        one = {**options, "devices": number}
    whole = batches_of(make(samples, **one), epoch)
    assert {len(plan) for plan in plans} == {len(whole)}
    for expected, *parts in zip(whole, *plans):
        assert all(part.length == expected.length for part in parts)
        for index, row in enumerate(expected.rows):
            part, place = parts[index % workers], index // workers
            assert part.rows[place] == row and not part.is_padding
            assert part.speed_factors[place] == expected.speed_factors[index]
            assert part.voices[place] == expected.voices[index]
            assert part.forms[place] == expected.forms[index]
            assert part.pauses[place].tolist() == expected.pauses[index].tolist()
        dealt = sum(len(part.rows) for part in parts if not part.is_padding)
        assert dealt == len(expected.rows)
        for part in parts[len(expected.rows) :]:
            assert part.is_padding
            assert part.rows.tolist() == [expected.rows[0]]
            assert part.speed_factors.tolist() == [expected.speed_factors[0]]


@settings(max_examples=100, deadline=None)
@given(
    samples=corpora,
    options=options,
    workers=st.integers(1, 6),
    shares=st.integers(1, 6),
    epoch=st.integers(0, 3),
)
def test_limit_of_a_share_against_adding_one_by_one(samples, options, workers, shares, epoch):
    """The sizes of the batches, against utterances that are added while there is room."""
    limit = options["max_batch_frames"] or 5000
    options |= {"max_batch_frames": limit, "world_size": workers, "devices": shares}
    planner = make(samples, **options)
    factors = np.full(len(samples), options["longest_factor"])
    pauses = np.full(len(samples), options["longest_pauses"])
    longest = count_frames(samples.max(axis=1), factors, pauses)
    padded = sorted(planner.padded_length(int(frames)) for frames in longest)
    sizes = [0]
    for length in padded:
        share = -(-(sizes[-1] + 1) // (workers * shares))
        if share > options["batch_size"] or share * length > limit:
            sizes.append(0)
        sizes[-1] += 1
    assert planner.sizes.tolist() == sizes


@settings(max_examples=100, deadline=None)
@given(samples=corpora, options=options, workers=st.integers(1, 6), devices=st.integers(1, 3))
def test_whole_batches_are_taken_in_turn(samples, options, workers, devices):
    """Evaluation: every batch is one worker's, as one worker would have it."""
    whole = batches_of(make(samples, takes_whole_batches=True, **options))
    shared = {"takes_whole_batches": True, "devices": devices}
    plans = of_workers(samples, workers, 0, **shared, **options)
    assert sum(map(len, plans)) == len(whole)
    for step, expected in enumerate(whole):
        batch = plans[step % workers][step // workers]
        np.testing.assert_array_equal(batch.rows, expected.rows)
        assert batch.length == expected.length and not batch.is_padding


def test_fewer_utterances_than_workers():
    samples = speech_like_samples(3)
    plans = of_workers(samples, 5, 0, batch_size=2)
    assert [[batch.is_padding for batch in plan] for plan in plans] == [[False]] * 3 + [[True]] * 2
    assert plans[3][0].rows.tolist() == plans[0][0].rows.tolist()
    evaluated = of_workers(samples, 5, 0, batch_size=2, takes_whole_batches=True)
    assert [len(plan) for plan in evaluated] == [1, 1, 0, 0, 0]


def test_no_utterances():
    with pytest.raises(InputError, match="dataset_files: found no utterances"):
        make(np.zeros((0, 1), np.int64))


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


def test_number_of_batches():
    assert make(speech_like_samples(100), batch_size=32).batches_per_epoch == 4
    assert make(speech_like_samples(96), batch_size=32).batches_per_epoch == 3
    assert make(speech_like_samples(97), batch_size=16, world_size=2).batches_per_epoch == 4
    assert make(speech_like_samples(97), batch_size=8, devices=2).batches_per_epoch == 7
    assert make(speech_like_samples(7), batch_size=1, world_size=2).batches_per_epoch == 4


def test_epochs_differ_in_batches_order_and_speed():
    planner = make(speech_like_samples(200), draw_speed_factors=uniform_factors, longest_factor=1.1)
    first, second = planner.epoch(0), planner.epoch(1)
    assert set(first.batch(0).rows) != set(second.batch(0).rows)
    assert (drawn(first).factors != drawn(second).factors).all()
    other_seed = make(speech_like_samples(200), seed=1).epoch(0)
    same_seed = make(speech_like_samples(200), seed=0).epoch(0)
    assert (other_seed.order != same_seed.order).any()


def test_batches_do_not_come_by_length():
    plan = make(speech_like_samples(2000)).epoch(0)
    lengths = [plan.batch(step).length for step in range(len(plan))]
    correlation = np.corrcoef(lengths, np.arange(len(lengths)))[0, 1]
    assert abs(correlation) < 0.3


@pytest.mark.parametrize("workers", [1, 2])
def test_first_epochs_from_the_shortest_to_the_longest(workers):
    planner = make(speech_like_samples(300), sorted_epochs=2, world_size=workers)
    plain = make(speech_like_samples(300), world_size=workers)
    for epoch in range(4):
        lengths = [batch.length for batch in batches_of(planner, epoch)]
        assert (lengths == sorted(lengths)) == (epoch < 2)
        # Only the order differs: the batches are those of any other epoch.
        rows, expected = (
            sorted(batch.rows.tolist() for batch in batches_of(one, epoch))
            for one in (planner, plain)
        )
        assert rows == expected


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


def test_forms_have_pauses_of_their_own():
    """A new form in every epoch, or one of a few, whose pauses are the same in all epochs."""
    samples = speech_like_samples(300)
    pauses = {"draw_pauses": short_pauses, "longest_pauses": 3 * LONGEST_PAUSE}
    new = [drawn(make(samples, **pauses).epoch(epoch)) for epoch in range(3)]
    assert [set(plan.forms) for plan in new] == [{0}, {1}, {2}]
    assert (new[0].pauses != new[1].pauses).mean() > 0.9
    few = [drawn(make(samples, num_forms=2, **pauses).epoch(epoch)) for epoch in range(6)]
    of_form: list[dict[int, list[int]]] = [{}, {}]
    for plan in few:
        assert 100 < plan.forms.sum() < 200
        for row, (form, pause) in enumerate(zip(plan.forms, plan.pauses)):
            assert of_form[form].setdefault(row, pause.tolist()) == pause.tolist()
    assert of_form[0] != of_form[1]


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


def test_synthetic_voices_are_drawn_for_each_epoch():
    samples = np.tile(speech_like_samples(400), (1, 3))
    planner = make(samples)
    first, second = drawn(planner.epoch(0)).voices, drawn(planner.epoch(1)).voices
    assert (first != second).any()
    assert np.bincount(first).min() > 80
    assert len(np.bincount(first)) == 3
