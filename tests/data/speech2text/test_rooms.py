"""Simulated rooms: the image-source model against its formula, and what it does to recordings."""

import itertools
import math

import numpy as np
import pytest

from open_seq2seq.data.speech2text.augmentation import Augmenter
from open_seq2seq.data.speech2text.image_source import SPEED_OF_SOUND, Room, reverberation_time
from open_seq2seq.data.speech2text.rooms import Rooms, convolved
from open_seq2seq.errors import InputError

RATE = 8000
SIZE, SOURCE, RECEIVER = np.array([[4.0, 3.0, 2.5], [1.0, 2.0, 1.5], [2.5, 1.2, 1.1]])


def transfer_by_formula(frequencies, reflection, seconds):
    """Allen and Berkley's sum over images, of pressure at these frequencies: loops over all."""
    reach = seconds * SPEED_OF_SOUND
    total = np.zeros(len(frequencies), complex)
    orders = range(-6, 7)
    for mirrored in itertools.product((0, 1), repeat=3):
        for order in itertools.product(orders, repeat=3):
            place = [
                (1 - 2 * p) * s + 2 * m * size - r
                for p, m, s, size, r in zip(mirrored, order, SOURCE, SIZE, RECEIVER)
            ]
            distance = math.hypot(*place)
            walls = sum(abs(m - p) + abs(m) for p, m in zip(mirrored, order))
            if distance < reach:
                delay = distance / SPEED_OF_SOUND
                amplitude = reflection**walls / (4 * math.pi * distance)
                total += amplitude * np.exp(-2j * np.pi * frequencies * delay)
    return total


def test_the_response_is_the_sum_over_images():
    seconds, reflection = 0.05, 0.7
    found = Room(SIZE, SOURCE, RECEIVER).response(reflection, seconds, RATE)
    assert len(found) == 400
    frequencies = np.fft.rfftfreq(400, 1 / RATE)
    low = (frequencies > 200) & (frequencies < 0.8 * RATE / 2)  # lower ones ring beyond the end
    s = 1j * frequencies[low] / 50  # Butterworth's high-pass of second order
    expected = transfer_by_formula(frequencies[low], reflection, seconds)
    expected *= s**2 / (s**2 + np.sqrt(2) * s + 1)
    error = np.abs(np.fft.rfft(found)[low] - expected).max()
    assert error < 0.05 * np.abs(expected).max()  # what rings beyond the end is cut off


def test_the_reverberation_time_is_that_of_the_decay():
    noise = np.random.default_rng(0).standard_normal(RATE)
    decay = 10 ** (-3 * np.arange(RATE) / (0.4 * RATE))  # 60 dB in 0.4 s
    assert reverberation_time(noise * decay, RATE) == pytest.approx(0.4, rel=0.05)


@pytest.mark.parametrize("t60", [0.2, 0.5])
def test_rooms_have_the_reverberation_time(t60):
    rooms = Rooms({"t60_min": t60, "t60_max": t60}, RATE)
    found = np.mean([reverberation_time(rooms.response(number), RATE) for number in range(3)])
    assert found == pytest.approx(t60, rel=0.15)


def test_a_recording_keeps_its_level_length_and_place():
    samples = np.zeros(4000, np.float32)
    samples[1000:1100] = np.random.default_rng(0).standard_normal(100)
    rooms = Rooms({"probability": 1.0, "num_rooms": 3}, RATE)
    heard = rooms.apply(samples, np.random.default_rng(1))
    assert heard.dtype == np.float32 and heard.shape == samples.shape
    assert np.square(heard).sum() == pytest.approx(np.square(samples).sum(), rel=1e-4)
    late = np.abs(np.correlate(heard, samples[1000:1100])).argmax()
    assert abs(int(late) - 1000) <= 1
    assert np.abs(heard[1200:]).max() > 1e-3 > np.abs(heard[:900]).max()


def test_convolution_against_its_sum():
    rng = np.random.default_rng(2)
    samples, response = rng.standard_normal(50).astype(np.float32), rng.standard_normal(20)
    expected = np.convolve(samples, response)[:50]
    expected *= np.sqrt(np.square(samples).sum() / np.square(expected).sum())
    np.testing.assert_allclose(convolved(samples, response), expected, atol=1e-5)
    assert convolved(np.zeros(5, np.float32), response).tolist() == [0.0] * 5
    assert len(convolved(np.zeros(0, np.float32), response)) == 0


def test_the_same_seed_gives_the_same_room_and_rooms_are_kept():
    given = {"probability": 0.5, "num_rooms": 2}
    samples = np.random.default_rng(0).standard_normal(500).astype(np.float32)
    one, other = Rooms(given, RATE), Rooms(given, RATE)
    changed = 0
    for seed in range(12):
        heard = one.apply(samples, np.random.default_rng(seed))
        np.testing.assert_array_equal(heard, other.apply(samples, np.random.default_rng(seed)))
        changed += heard is not samples
    assert 0 < changed < 12
    assert one.response(1) is one.response(1)
    assert not np.array_equal(one.response(0)[:100], one.response(1)[:100])


def test_it_is_part_of_the_augmentation():
    samples = np.random.default_rng(0).standard_normal(500).astype(np.float32)
    plain = Augmenter({}, RATE).waveform(samples, 1.0, np.random.default_rng(0))
    np.testing.assert_array_equal(plain, samples)
    augmenter = Augmenter({"rooms": {"probability": 1.0, "num_rooms": 1}}, RATE)
    heard = augmenter.waveform(samples, 1.0, np.random.default_rng(0))
    np.testing.assert_allclose(heard, convolved(samples, augmenter.rooms.response(0)), atol=1e-6)
    assert not augmenter.cacheable and augmenter.form_key
    forms = Augmenter({"rooms": {"num_rooms": 1}, "num_forms": 2}, RATE)
    assert forms.cacheable and forms.form_key != augmenter.form_key


@pytest.mark.parametrize(
    ("rooms", "message"),
    [
        ({"t60_min": 0.8}, "rooms/t60_min: found 0.8, expected at most t60_max, 0.6"),
        ({"distance_max": 5.0}, "rooms/distance_max: found 5, expected at most 2.175"),
        ({"reverb": 1}, "reverb"),
    ],
)
def test_wrong_parameters_are_refused(rooms, message):
    with pytest.raises(InputError, match=message):
        Augmenter({"rooms": rooms}, RATE)
