"""Each condition against what is known of it independently: levels, spectra, decays, lengths."""

import numpy as np
import pytest
import scipy.signal

from open_seq2seq.errors import InputError
from open_seq2seq.robustness import channel
from open_seq2seq.robustness.conditions import CLEAN, CONDITIONS, choose

BY_NAME = {condition.name: condition for condition in CONDITIONS}
# Those whose numbers are drawn for each utterance.
RANDOM = {"noise_floor", "noise", "reverberation"}


def apply(name, samples, freq=16000, seed=0, utterance="a.wav"):
    return BY_NAME[name](samples, freq, seed, utterance)


def sine(frequency, freq=16000, seconds=1.0, peak=0.3):
    time = np.arange(round(seconds * freq)) / freq
    return (peak * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def voice(freq=16000, seconds=2.0):
    """A buzz of 120 Hz with two formants and four syllables a second, and a little noise."""
    time = np.arange(round(seconds * freq)) / freq
    buzz = scipy.signal.sawtooth(2 * np.pi * 120 * time)
    formants = sum(
        scipy.signal.lfilter(*scipy.signal.iirpeak(peak, 5, fs=freq), buzz) for peak in (600, 1400)
    )
    syllables = np.clip(np.sin(2 * np.pi * 4 * time), 0, None)
    noise = 0.001 * np.random.default_rng(0).standard_normal(len(time))
    return (formants * syllables + noise).astype(np.float32)


def decibels(samples):
    """The level, relative to full scale."""
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)))


def band_power(samples, low, high, freq=16000):
    power = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / freq)
    return power[(frequencies >= low) & (frequencies < high)].mean()


@pytest.mark.parametrize("freq", [8000, 16000, 22050])
@pytest.mark.parametrize("name", BY_NAME)
def test_each_is_repeatable_and_leaves_its_input_alone(name, freq):
    samples = voice(freq, 0.6)
    before = samples.copy()
    first, again = apply(name, samples, freq), apply(name, samples, freq)
    np.testing.assert_array_equal(samples, before)
    np.testing.assert_array_equal(first, again)
    assert first.dtype == np.float32 and first.ndim == 1 and np.isfinite(first).all()
    assert not np.array_equal(first, before)
    other = apply(name, samples, freq, utterance="b.wav")
    other_seed = apply(name, samples, freq, seed=1)
    drawn = BY_NAME[name].group in RANDOM
    assert np.array_equal(first, other) == np.array_equal(first, other_seed) == (not drawn)


@pytest.mark.parametrize("samples", [np.zeros(800), np.full(1, 0.5)], ids=["silence", "1 sample"])
@pytest.mark.parametrize("name", BY_NAME)
def test_silence_and_a_single_sample_stay_audio(name, samples):
    changed = apply(name, samples.astype(np.float32))
    assert len(changed) and np.isfinite(changed).all()


@pytest.mark.parametrize("seconds", [0.1, 0.2, 0.5, 1, 2])
def test_silence_is_put_where_its_name_says(seconds):
    samples, count = voice(), round(seconds * 16000)
    after = apply(f"silence_after_{seconds:g}s", samples)
    np.testing.assert_array_equal(after, np.append(samples, np.zeros(count, np.float32)))
    before = apply(f"silence_before_{seconds:g}s", samples)
    np.testing.assert_array_equal(before, np.append(np.zeros(count, np.float32), samples))


def test_silence_within_is_in_the_quietest_place_of_the_middle():
    samples = np.append(sine(400, seconds=0.9), sine(400, seconds=1.1))
    samples[12000:12600] *= 0.01  # at 0.75 s
    samples[1000:1600] = 0  # quieter, but not in the middle half
    changed = apply("silence_within_0.5s", samples)
    zeros = np.flatnonzero(changed == 0)
    pause = np.flatnonzero(np.convolve(changed == 0, np.ones(8000), "valid") == 8000)
    assert zeros.size and 12000 <= pause[0] <= 12600
    np.testing.assert_array_equal(np.delete(changed, np.s_[pause[0] : pause[0] + 8000]), samples)


def test_a_word_without_a_quiet_place_has_no_silence_within():
    samples = sine(400, seconds=1)
    samples[7000:9000] *= 0.1  # 20 dB: a weak consonant is no pause
    assert apply("silence_within_0.5s", samples) is samples


@pytest.mark.parametrize("level", [-80, -60, -50, -40])
def test_noise_floors_have_their_level(level):
    samples = voice()
    changed = apply(f"noise_after_{level}dBFS", samples)
    np.testing.assert_array_equal(changed[: len(samples)], samples)
    assert len(changed) - len(samples) == 8000
    # The deviation of a mean of 8000 squares is 0.07 dB.
    assert decibels(changed[len(samples) :]) == pytest.approx(level, abs=0.3)


@pytest.mark.parametrize("kind", ["white", "speech_shaped"])
@pytest.mark.parametrize("ratio", [20, 10])
def test_noise_has_its_ratio_to_the_recording(kind, ratio):
    samples = voice()
    noise = apply(f"noise_{kind}_{ratio}dB", samples) - samples
    assert decibels(samples) - decibels(noise) == pytest.approx(ratio, abs=0.01)


def test_the_spectra_of_noises():
    samples = voice()
    white = apply("noise_white_10dB", samples) - samples
    shaped = apply("noise_speech_shaped_10dB", samples) - samples
    bands = [(100, 1000), (1000, 2000), (2000, 4000), (4000, 7900)]
    levels = [10 * np.log10(band_power(white, *band)) for band in bands]
    assert np.ptp(levels) < 1
    for band in bands:
        ratio = 10 * np.log10(band_power(samples, *band) / band_power(shaped, *band))
        assert ratio == pytest.approx(10, abs=0.1)
    # It is no copy of the recording: it goes on where the recording pauses.
    pause = slice(round(0.15 * 16000), round(0.24 * 16000))
    assert decibels(shaped[pause]) > decibels(samples[pause]) + 10


@pytest.mark.parametrize("change", [-30, -20, -10])
def test_levels_are_changed_in_steps_of_16_bits(change):
    samples = voice()
    changed = apply(f"level_{change}dB", samples)
    assert decibels(changed) - decibels(samples) == pytest.approx(change, abs=0.05)
    np.testing.assert_array_equal(changed * 32768, np.rint(changed * 32768))
    assert np.abs(changed - samples * 10 ** (change / 20)).max() <= 0.5001 / 32768


def test_what_is_too_loud_is_clipped_at_full_scale():
    samples = sine(100, peak=0.5)
    changed = apply("level_+10dB", samples)
    assert (changed.max(), changed.min()) == (32767 / 32768, -1)
    # |sin| is beyond 1 / (0.5 * 10 ** 0.5) in this share of the time.
    share = 1 - 2 / np.pi * np.arcsin(2 / 10**0.5)
    assert np.mean(np.abs(changed) >= 0.9999) == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("share", [0.01, 0.1])
def test_a_share_of_the_samples_is_clipped(share):
    samples = voice()
    changed = apply(f"clipping_{share:.0%}", samples)
    differs = changed != samples
    assert np.mean(differs) == pytest.approx(share, abs=0.001)
    assert len(np.unique(np.abs(changed[differs]))) == 1
    assert np.abs(changed).max() == np.abs(changed[differs][0])


@pytest.mark.parametrize("freq", [8000, 16000, 44100])
@pytest.mark.parametrize(
    ("frequency", "lowest", "highest"),
    [(100, -np.inf, -40), (500, -1, 0.1), (1000, -1, 0.1), (3000, -1, 0.1), (3900, -np.inf, -20)],
)
def test_a_telephone_passes_its_band(freq, frequency, lowest, highest):
    samples = sine(frequency, freq)
    change = decibels(apply("telephone_band", samples, freq)[freq // 4 :]) - decibels(samples)
    assert lowest <= change <= highest


@pytest.mark.parametrize("peak", [0.9, 0.03])
def test_mu_law_keeps_its_ratio_at_any_level(peak):
    """8 bits of mu-law have some 37 dB; evenly spaced they would have 49 and 20 dB here."""
    samples = sine(1000, 8000, peak=peak)
    plain, coded = (apply(name, samples, 8000) for name in ("telephone_band", "telephone_mu_law"))
    assert 33 < decibels(plain) - decibels(coded - plain) < 41
    assert len(np.unique(coded)) < 255


@pytest.mark.parametrize("freq", [8000, 16000, 44100])
@pytest.mark.parametrize("name", ["mp3", "opus"])
def test_codecs_keep_length_and_place(name, freq):
    samples = voice(freq)
    changed = apply(name, samples, freq)
    assert len(changed) == len(samples)
    correlation = scipy.signal.correlate(changed, samples, method="fft")
    assert abs(int(correlation.argmax()) - (len(samples) - 1)) <= freq // 4000
    likeness = correlation.max() / np.linalg.norm(changed) / np.linalg.norm(samples)
    assert 0.8 < likeness < 0.9999


@pytest.mark.parametrize(
    ("codec", "freq", "kilobits"),
    [(channel.MP3, 8000, 16), (channel.MP3, 16000, 24), (channel.MP3, 24000, 24),
     (channel.OPUS, 8000, 12), (channel.OPUS, 16000, 12), (channel.OPUS, 48000, 12)],
)  # fmt: skip
def test_bit_rates(codec, freq, kilobits):
    size = len(channel.encoded(voice(freq, 20.0), freq, codec).getvalue())
    # Opus varies its rate; its pages add a little.
    assert 8 * size / 20 / 1000 == pytest.approx(kilobits, rel=0.25)


@pytest.mark.parametrize("time", [0.3, 0.6])
def test_reverberation_decays_in_its_time(time):
    """RT60 by Schroeder's backward integration, from -5 to -25 dB (T20 of ISO 3382)."""
    impulse = np.zeros(16000, np.float32)
    impulse[0] = 1
    response = apply(f"reverberation_{time}s", impulse).astype(np.float64)
    energy = np.cumsum(np.square(response)[::-1])[::-1]
    assert energy[0] == pytest.approx(1, rel=1e-4)  # the power of the recording
    assert energy[1] / energy[0] == pytest.approx(0.5, rel=1e-3)  # half of it is direct sound
    decay = 10 * np.log10(energy[1 : round(time * 16000)] / energy[1])
    part = np.flatnonzero((decay <= -5) & (decay >= -25))
    slope = np.polyfit(part / 16000, decay[part], 1)[0]
    assert -60 / slope == pytest.approx(time, rel=0.08)


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_speed_changes_length_and_pitch(speed):
    samples = sine(500, seconds=2.0)
    changed = apply(f"speed_{speed}", samples)
    assert len(changed) == pytest.approx(len(samples) / speed, abs=2)
    spectrum = np.abs(np.fft.rfft(changed * np.hanning(len(changed))))
    peak = np.fft.rfftfreq(len(changed), 1 / 16000)[spectrum.argmax()]
    assert peak == pytest.approx(500 * speed, abs=1)


def test_clean_is_the_recording():
    samples = voice()
    assert CLEAN(samples, 16000, 0, "a.wav") is samples


def test_groups_and_names_choose_conditions():
    assert choose([]) == list(CONDITIONS)
    assert {one.group for one in choose(["silence", "level"])} == {"silence", "level"}
    assert [one.name for one in choose(["mp3", "speed"])] == ["mp3", "speed_0.9", "speed_1.1"]
    with pytest.raises(InputError) as error:
        choose(["silense", "mp3", "tape"])
    assert len(error.value.problems) == 2
    assert error.value.problems[0].remedy == "Did you mean silence?"
