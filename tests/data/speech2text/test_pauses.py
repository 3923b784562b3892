"""Pauses: how many and how long, where they go, what they hold, and that a seed repeats them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.data.speech2text.augmentation import Augmenter
from open_seq2seq.data.speech2text.pauses import Pauses, quiet_place
from open_seq2seq.errors import InputError

RATE = 8000


def words(gap: float = 0.3) -> np.ndarray:
    """Two tones of 0.4 s with a gap of nearly nothing between them."""
    tone = np.sin(2 * np.pi * 440 * np.arange(int(0.4 * RATE)) / RATE)
    rng = np.random.default_rng(3)
    quiet = 1e-3 * rng.standard_normal(int(gap * RATE))
    return np.concatenate([tone, quiet, tone]).astype(np.float32)


def test_how_many_and_how_long():
    pauses = Pauses({"probability": 0.3, "max_duration": 2.0}, RATE)
    drawn = pauses.draw(np.random.default_rng(0), 20_000)
    assert drawn.shape == (20_000, 3) and drawn.dtype == np.int64
    # Three standard deviations of a share of 20,000.
    there = (drawn > 0).mean(axis=0)
    np.testing.assert_allclose(there, 0.3, atol=3 * np.sqrt(0.3 * 0.7 / 20_000) + 0.003)
    # The mean of the square of a uniform number is 1/3, its deviation sqrt(4/45).
    seconds = drawn[drawn > 0] / RATE
    assert seconds.mean() == pytest.approx(2 / 3, abs=3 * 2 * np.sqrt(4 / 45 / len(seconds)) + 0.01)
    assert 1.9 < seconds.max() <= 2.0
    assert drawn.sum(axis=1).max() <= pauses.longest == 3 * 2 * RATE
    np.testing.assert_array_equal(drawn, pauses.draw(np.random.default_rng(0), 20_000))


@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(1, 4000),
    pauses=st.tuples(*[st.integers(0, 900)] * 3),
    digital=st.sampled_from([0.0, 1.0]),
    seed=st.integers(0, 1000),
)
def test_what_was_recorded_stays(count, pauses, digital, seed):
    """Taking the pauses out again gives the recording, sample for sample."""
    rng = np.random.default_rng(seed)
    samples = rng.uniform(0.1, 1, count).astype(np.float32)
    inserter = Pauses({"digital_share": digital}, RATE)
    result = inserter.insert(samples, np.array(pauses), np.random.default_rng(seed))
    before, within, after = pauses
    assert len(result) == count + sum(pauses) and result.dtype == np.float32
    middle = result[before : len(result) - after]
    # The place is the only one that gives the recording.
    cuts = [
        np.concatenate([middle[:place], middle[place + within :]]) for place in range(count + 1)
    ]
    assert any(np.array_equal(cut, samples) for cut in cuts)
    if digital:
        silence = np.concatenate([result[:before], result[len(result) - after :]])
        assert not silence.any()
        assert np.count_nonzero(middle == 0) == within


def test_within_means_between_words():
    samples = words()
    for seed in range(50):
        place = quiet_place(samples, RATE, np.random.default_rng(seed)) / RATE
        assert 0.4 <= place <= 0.7
    places = {quiet_place(samples, RATE, np.random.default_rng(seed)) for seed in range(50)}
    assert len(places) > 5


def test_within_a_word_it_goes_into_the_closure_of_a_consonant():
    """40 ms between two sounds; the silence before and behind the word is no place within."""
    edge = np.zeros(RATE // 4, np.float32)
    samples = np.concatenate([edge, words(gap=0.04), edge])
    for seed in range(50):
        place = quiet_place(samples, RATE, np.random.default_rng(seed)) / RATE
        assert 0.25 + 0.4 <= place <= 0.25 + 0.44
    assert quiet_place(edge, RATE, np.random.default_rng(0)) == len(edge)


def test_without_a_gap_it_goes_behind():
    tone = words(gap=0.0)
    assert quiet_place(tone, RATE, np.random.default_rng(0)) == len(tone)
    assert quiet_place(tone[:100], RATE, np.random.default_rng(0)) == 100
    result = Pauses({"digital_share": 1.0}, RATE).insert(
        tone, np.array([0, 500, 0]), np.random.default_rng(0)
    )
    np.testing.assert_array_equal(result[: len(tone)], tone)
    assert not result[len(tone) :].any()


def test_level_of_the_noise():
    """Relative to the recording's peak, in dB; uniform between the two levels."""
    levels = []
    params = {"digital_share": 0.0, "noise_level_min": -60.0, "noise_level_max": -40.0}
    inserter = Pauses(params, RATE)
    for seed in range(200):
        result = inserter.insert(
            0.25 * words(), np.array([0, 0, RATE]), np.random.default_rng(seed)
        )
        noise = result[-RATE:].astype(np.float64)
        levels.append(20 * np.log10(noise.std() / 0.25))
    assert -60.3 < min(levels) < -58 and -42 < max(levels) < -39.7
    assert np.mean(levels) == pytest.approx(-50, abs=3 * 20 / np.sqrt(12 * 200))


def test_share_of_digital_silence():
    inserter = Pauses({"digital_share": 0.25}, RATE)
    digital = [
        not inserter.insert(words(), np.array([0, 0, 50]), np.random.default_rng(seed))[-50:].any()
        for seed in range(1000)
    ]
    assert np.mean(digital) == pytest.approx(0.25, abs=3 * np.sqrt(0.25 * 0.75 / 1000))


def test_off():
    pauses = Pauses(None, RATE)
    assert pauses.longest == 0
    assert not pauses.draw(np.random.default_rng(0), 100).any()
    samples = words()
    assert pauses.insert(samples, np.zeros(3, np.int64), np.random.default_rng(0)) is samples


def test_after_the_speed_before_the_noise():
    """The pauses have the length that was drawn at any speed, and get the recording's noise."""
    params = {
        "speed_perturbation_ratio": [1.1],
        "pauses": {"probability": 1.0, "digital_share": 1.0},
        "noise_level_min": -20,
        "noise_level_max": -20,
    }
    augmenter = Augmenter(params, RATE)
    pauses = np.array([100, 0, 300])
    changed = augmenter.waveform(words(), 1.1, np.random.default_rng(0), pauses)
    assert len(changed) == augmenter.output_samples(len(words()), 1.1) + 400
    assert changed[:100].std() == pytest.approx(0.1, rel=0.3)


def test_level_and_clipping():
    samples = np.array([0.5, -0.25, 0.125], np.float32)
    louder = Augmenter({"level_min": 12.0, "level_max": 12.0}, RATE)
    assert not louder.cacheable
    np.testing.assert_allclose(
        louder.waveform(samples, 1.0, np.random.default_rng(0)),
        [1.0, -0.25 * 10**0.6, 0.125 * 10**0.6],
        rtol=1e-6,
    )
    quieter = Augmenter({"level_min": -30.0}, RATE)
    levels = [
        20 * np.log10(quieter.waveform(samples, 1.0, np.random.default_rng(seed))[0] / 0.5)
        for seed in range(300)
    ]
    assert -30 <= min(levels) < -28 and -2 < max(levels) <= 0


def test_share_of_noisy_recordings():
    params = {"noise_level_min": -30, "noise_level_max": -30, "noise_probability": 0.3}
    augmenter = Augmenter(params, RATE)
    changed = [
        augmenter.waveform(words(), 1.0, np.random.default_rng(seed)) is not None
        and not np.array_equal(
            augmenter.waveform(words(), 1.0, np.random.default_rng(seed)), words()
        )
        for seed in range(600)
    ]
    assert np.mean(changed) == pytest.approx(0.3, abs=3 * np.sqrt(0.3 * 0.7 / 600))


@pytest.mark.parametrize(
    ("params", "message", "mended"),
    [
        (
            {"pauses": {"noise_level_min": -40.0}},
            "augmentation/pauses/noise_level_min: found -40, expected at most noise_level_max, -50",
            {"pauses": {"noise_level_min": -50.0}},
        ),
        (
            {"level_min": 3.0},
            "augmentation/level_min: found 3, expected at most level_max, 0",
            {"level_min": 0.0},
        ),
    ],
)
def test_levels_in_the_wrong_order(params, message, mended):
    from open_seq2seq.data.speech2text.augmentation import AUGMENTATION

    with pytest.raises(InputError) as error:
        AUGMENTATION.parse(params, "augmentation")
    assert message in str(error.value)
    AUGMENTATION.parse(mended, "augmentation")
