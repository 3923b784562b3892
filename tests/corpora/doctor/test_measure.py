"""The measurements of a recording, against what it was made of."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.corpora.doctor.measure import NO_LEVEL, block_multiple, measure
from open_seq2seq.corpora.doctor.scan import measure_all
from open_seq2seq.corpora.doctor.split import Recording
from open_seq2seq.corpora.doctor.thresholds import Thresholds
from open_seq2seq.errors import Problem
from tests.corpora.doctor.speech import RATE, make_speech


def of(samples, rate=RATE):
    """The measurement of an array in one block."""
    samples = np.asarray(samples, np.float32)
    return measure([samples if samples.ndim == 2 else samples[:, None]], rate)


def test_a_tone():
    time = np.arange(RATE) / RATE
    m = of(0.5 * np.sin(2 * np.pi * 1000 * time) + 0.1)
    assert (m.sample_freq, m.channels, m.frames, m.duration) == (RATE, 1, RATE, 1.0)
    assert m.peak == pytest.approx(0.6, abs=1e-3)
    assert m.mean == pytest.approx(0.1, abs=1e-6)
    assert m.rms == pytest.approx(np.sqrt(0.125 + 0.01), rel=1e-4)
    assert m.level == m.loud == pytest.approx(10 * np.log10(0.135), abs=1e-3)
    assert m.quiet == pytest.approx(m.loud, abs=1e-3)
    assert (m.silence_share, m.leading, m.trailing, m.clipped) == (0, 0, 0, 0)
    assert m.bandwidth <= 1250 and not m.constant


def test_silence_at_the_ends():
    rng = np.random.default_rng(0)
    sound = np.concatenate([np.zeros(8000), rng.normal(0, 0.1, 16000), np.zeros(4800)])
    m = of(sound)
    assert (m.leading, m.trailing) == (pytest.approx(0.5), pytest.approx(0.3))
    assert m.silence_share == pytest.approx(0.8 / 1.8, abs=0.01)
    assert m.level == pytest.approx(-20, abs=0.2)


@pytest.mark.parametrize("samples", [np.zeros(1), np.zeros(700), np.full(16000, 0.3)])
def test_nothing_to_hear(samples):
    m = of(samples)
    assert m.constant and m.frames == len(samples)
    assert m.level == pytest.approx(10 * np.log10(0.09) if samples[0] else NO_LEVEL, abs=0.01)


@settings(max_examples=40)
@given(st.data())
def test_clipped_runs(data):
    """Runs of three and more at full scale, wherever the blocks end."""
    lengths = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=12))
    samples, expected = [0.0], []
    for length in lengths:
        samples += [data.draw(st.sampled_from([1.0, -1.0]))] * length + [0.2]
        expected.append(length)
    samples += [1.0] * 4
    block = data.draw(st.integers(1, len(samples)))
    array = np.array(samples, np.float32)[:, None]
    m = measure([array[at : at + block] for at in range(0, len(array), block)], RATE)
    long = [length for length in [*expected, 4] if length >= 3]
    assert (m.clipped, m.longest_clip) == (sum(long), max(long))


@pytest.mark.parametrize("channels", [1, 2])
def test_blocks_change_nothing(channels):
    rng = np.random.default_rng(1)
    samples = np.stack([make_speech(3.3, rng) for _ in range(channels)], 1)
    whole = measure([samples], RATE)
    size = 3 * block_multiple(RATE)
    parts = measure([samples[at : at + size] for at in range(0, len(samples), size)], RATE)
    for name in ("digest", "frames", "clipped", "bandwidth", "constant"):
        assert getattr(whole, name) == getattr(parts, name)
    for name in ("peak", "rms", "mean", "level", "loud", "quiet", "leading", "channel_loss"):
        assert getattr(whole, name) == pytest.approx(getattr(parts, name), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_bandwidth(rate, share):
    """Noise whose spectrum ends at a share of the band, at 16 bits."""
    rng = np.random.default_rng(2)
    spectrum = np.fft.rfft(rng.standard_normal(2 * rate))
    spectrum[int(share * len(spectrum)) :] = 0
    samples = np.fft.irfft(spectrum, 2 * rate)
    m = of(np.round(samples * 0.1 / samples.std() * 32768) / 32768, rate)
    assert m.bandwidth == pytest.approx(share * rate / 2, abs=260)


def test_channels():
    rng = np.random.default_rng(3)
    left, right = make_speech(1, rng), make_speech(1, rng)
    assert of(np.stack([left, left], 1)).channel_loss == pytest.approx(0, abs=0.01)
    assert of(np.stack([left, right], 1)).channel_loss == pytest.approx(3, abs=0.3)
    assert of(np.stack([left, -left], 1)).channel_loss > 100
    assert of(np.stack([left, left], 1)).digest == of(left).digest


def test_the_same_samples_have_one_digest(tmp_path):
    samples = np.round(make_speech(0.5, np.random.default_rng(4)) * 32767) / 32768
    files = [("a.wav", "PCM_16"), ("a.flac", "PCM_24"), ("b.wav", "FLOAT"), ("c.wav", "PCM_32")]
    paths = []
    for name, subtype in files:
        soundfile.write(tmp_path / name, samples, RATE, subtype)
        paths.append(Recording(0, str(tmp_path / name), name))
    # A segment of a longer file is that recording too.
    soundfile.write(tmp_path / "long.wav", np.concatenate([samples[::-1], samples]), RATE)
    paths.append(Recording(0, str(tmp_path / "long.wav"), "long.wav", 0.5, 0.5))
    measured = measure_all(paths, Thresholds(), workers=3)
    assert len({m.digest for m in measured}) == 1
    assert [m.codec for m in measured][:2] == ["WAV PCM_16", "FLAC PCM_24"]
    assert of(samples[:-1]).digest != measured[0].digest


def test_order_progress_and_damage(tmp_path):
    recordings = []
    for number in range(20):
        name = tmp_path / f"{number}.wav"
        soundfile.write(name, np.full(100 + number, 0.1), RATE)
        recordings.append(Recording(number, str(name), name.name))
    recordings[7] = Recording(7, str(tmp_path / "no.wav"), "no.wav")
    done = []
    measured = measure_all(recordings, Thresholds(), 2, done.append)
    assert isinstance(measured[7], Problem) and measured[7].found == "no such file"
    frames = [m.frames for number, m in enumerate(measured) if number != 7]
    assert frames == [100 + number for number in range(20) if number != 7]
    assert sum(done) == 20


def test_long_files_need_little_memory(tmp_path):
    """Ten minutes are 38 MB of samples as floats; a few MB of them are there at a time."""
    block = (make_speech(10, np.random.default_rng(5)) * 32767).astype(np.int16)
    with soundfile.SoundFile(tmp_path / "long.wav", "w", RATE, 1) as file:
        for _ in range(60):
            file.write(block)
    tracemalloc.start()
    measured = measure_all([Recording(0, str(tmp_path / "long.wav"), "")], Thresholds(), 1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert measured[0].duration == 600
    assert peak < 16e6
