"""Reading audio files, against the samples that were written."""

import os

import numpy as np
import pytest
import soundfile
import soxr

from open_seq2seq.data.audio import audio_info, read_audio, resample, resampled_length
from open_seq2seq.errors import InputError

RATE = 16000


def tone(seconds=0.5, rate=RATE, frequency=440.0):
    time = np.arange(int(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def best_correlation(samples, reference, shifts):
    """Highest correlation over delays: lossy codecs shift a signal a little."""
    length = min(len(samples), len(reference)) - max(shifts)
    return max(
        np.corrcoef(samples[shift : shift + length], reference[:length])[0, 1] for shift in shifts
    )


@pytest.mark.parametrize(
    ("name", "format", "subtype", "step"),
    [
        ("a.wav", "WAV", "PCM_U8", 1 / 128),
        ("a.wav", "WAV", "PCM_16", 1 / 32768),
        ("a.wav", "WAV", "PCM_24", 1 / 2**23),
        ("a.wav", "WAV", "PCM_32", 1e-7),
        ("a.wav", "WAV", "FLOAT", 1e-9),
        ("a.wav", "WAV", "DOUBLE", 1e-9),
        ("a.wav", "WAVEX", "PCM_16", 1 / 32768),
        ("a.flac", "FLAC", "PCM_16", 1 / 32768),
        ("a.flac", "FLAC", "PCM_24", 1 / 2**23),
        ("a.aiff", "AIFF", "PCM_16", 1 / 32768),
        ("a.aiff", "AIFF", "PCM_24", 1 / 2**23),
    ],
)
def test_lossless_formats(tmp_path, name, format, subtype, step):
    path = tmp_path / name
    soundfile.write(path, tone(), RATE, format=format, subtype=subtype)
    samples = read_audio(path, RATE)
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, tone(), atol=step)


@pytest.mark.parametrize(
    ("name", "format", "subtype"),
    [("a.ogg", "OGG", "VORBIS"), ("a.opus", "OGG", "OPUS"), ("a.mp3", "MP3", "MPEG_LAYER_III")],
)
def test_lossy_formats(tmp_path, name, format, subtype):
    path = tmp_path / name
    reference = tone(1.0)
    soundfile.write(path, reference, RATE, format=format, subtype=subtype)
    samples = read_audio(path, RATE)
    assert abs(len(samples) - len(reference)) <= 2 * 1152
    assert best_correlation(samples, reference, range(2400)) > 0.99
    info = audio_info(path)
    assert (info.sample_freq, info.channels, info.format) == (RATE, 1, format)


def test_sixteen_bit_samples_are_exact(tmp_path):
    values = np.array([-32768, -1, 0, 1, 12345, 32767], np.int16)
    soundfile.write(tmp_path / "a.flac", values, RATE, subtype="PCM_16")
    np.testing.assert_array_equal(read_audio(tmp_path / "a.flac", RATE) * 32768, values)


def test_channels_are_averaged(tmp_path):
    stereo = np.stack([tone(frequency=300), tone(frequency=500)], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, RATE, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav", RATE), stereo.mean(axis=1), atol=1e-7)
    assert audio_info(tmp_path / "a.wav").channels == 2


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_other_rates_are_converted(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", tone(1.0, rate), rate, subtype="FLOAT")
    samples = read_audio(tmp_path / "a.wav", RATE)
    assert len(samples) == RATE
    # Away from the edges the same tone, at the new rate.
    np.testing.assert_allclose(samples[800:-800], tone(1.0)[800:-800], atol=2e-3)
    info = audio_info(tmp_path / "a.wav")
    assert (info.sample_freq, info.frames, info.duration) == (rate, rate, 1.0)


@pytest.mark.parametrize("count", [1, 2, 3, 99, 12345])
@pytest.mark.parametrize("target", [8000, 14400, 17233, 22050])
def test_resampled_length(count, target):
    samples = np.ones(count, np.float32)
    expected = resampled_length(count, RATE, target)
    assert len(resample(samples, RATE, target)) == expected
    assert abs(expected - count * target / RATE) <= 0.5
    # It is also what soxr gives, so that nothing is cut off or filled up.
    assert abs(len(soxr.resample(samples, RATE, target)) - expected) <= (count < 10)
    np.testing.assert_array_equal(resampled_length(np.array([count]), RATE, target), [expected])


def message(path):
    with pytest.raises(InputError) as caught:
        read_audio(path, RATE)
    (problem,) = caught.value.problems
    assert problem.where == os.fspath(path)
    return str(problem)


def test_files_that_are_no_audio(tmp_path):
    (tmp_path / "text.wav").write_text("wav_filename,transcript\n" * 20)
    (tmp_path / "empty.flac").write_bytes(b"")
    (tmp_path / "a.raw").write_bytes(b"\0" * 100)
    soundfile.write(tmp_path / "none.wav", np.zeros(0), RATE)
    assert "no such file" in message(tmp_path / "missing.wav")
    assert "a folder" in message(tmp_path)
    assert "0 bytes" in message(tmp_path / "empty.flac")
    assert "no samples" in message(tmp_path / "none.wav")
    assert "text, not audio; it begins with `wav_filename" in message(tmp_path / "text.wav")
    assert "100 bytes that are all 0" in message(tmp_path / "a.raw")
    with pytest.raises(InputError, match="no such file"):
        audio_info(tmp_path / "missing.wav")


@pytest.mark.parametrize(
    ("format", "subtype"),
    [
        ("WAV", "PCM_16"),
        ("WAV", "FLOAT"),
        ("AIFF", "PCM_16"),
        ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("MP3", "MPEG_LAYER_III"),
    ],
)
@pytest.mark.parametrize("part", [0.5, 0.8])
def test_cut_files(tmp_path, format, subtype, part):
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype(np.float32)
    soundfile.write(tmp_path / "whole", noise, RATE, format=format, subtype=subtype)
    content = (tmp_path / "whole").read_bytes()
    (tmp_path / "cut").write_bytes(content[: int(len(content) * part)])
    read_audio(tmp_path / "whole", RATE)
    # In the words of libsndfile or, where it notices nothing, in ours.
    reasons = ["where its header says", "does not decode", "no samples", "does not open"]
    assert any(reason in message(tmp_path / "cut") for reason in [*reasons, "breaks off"])


def test_wav_of_unknown_length_is_accepted(tmp_path):
    """A program that writes to a pipe cannot know the length; it writes 2^32 - 1."""
    soundfile.write(tmp_path / "a.wav", tone(), RATE, subtype="PCM_16")
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "piped.wav").write_bytes(content)
    assert len(read_audio(tmp_path / "piped.wav", RATE)) == len(tone())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite(tmp_path, value):
    samples = tone()
    samples[[3, 7]] = value
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    assert "2 NaN or infinite samples" in message(tmp_path / "a.wav")


@pytest.mark.parametrize("value", [1e11, -3e38])
def test_bytes_read_as_floats_are_no_samples(tmp_path, value):
    """Finite ones too: the mean of two channels of 3e38 is infinite."""
    samples = np.full((10, 2), 0.5, np.float32)
    samples[4, 1] = value
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    assert "1 NaN or infinite samples (or over 1e+10)" in message(tmp_path / "a.wav")


@pytest.mark.parametrize(
    "content, found",
    [
        (b"<html><head><title>404</title>", "a page of HTML, not audio; it begins with `<html>`"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html>", "not audio; it begins with `<!DOCTYPE html>`"),
        (b'<?xml version="1.0"?><Error/>', "XML, not audio; it begins with `<?xml version="),
        (b'{"error": "no such key"}', 'JSON, not audio; it begins with `{"error": "no such key"}`'),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS, not audio"),
        ("Weg, später".encode("utf-16"), "text, not audio; it begins with `Weg, später`"),
        (b"\0\0\0\x1cftypM4A \0\0", "an MP4 or M4A file, not audio"),
        (b"PK\3\4\x14\0", "a ZIP archive, not audio"),
    ],
)  # fmt: skip
def test_what_is_no_audio_is_named_with_its_beginning(tmp_path, content, found):
    (tmp_path / "a.wav").write_bytes(content)
    assert found in message(tmp_path / "a.wav")


def test_integers_as_floats_are_samples(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(9, 2.0**31, np.float32), RATE, subtype="FLOAT")
    assert read_audio(tmp_path / "a.wav", RATE).max() == 2**31


def test_mp3_behind_other_bytes_is_read_without_chatter(tmp_path, capfd):
    """libmpg123 finds frames in files that do not begin as MP3 does."""
    soundfile.write(tmp_path / "a.mp3", tone(), RATE)
    content = bytearray((tmp_path / "a.mp3").read_bytes())
    for place in np.random.default_rng(0).integers(200, len(content), 40):
        content[place] ^= 0xFF
    (tmp_path / "a.mp3").write_bytes(b"behind " + content)
    assert "samples where its header says 8000" in message(tmp_path / "a.mp3")
    assert capfd.readouterr() == ("", "")
