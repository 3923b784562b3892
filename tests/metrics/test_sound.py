"""Pictures and players in a page: read back as a browser would."""

import base64
import io
import re

import numpy as np
import soundfile
from matplotlib.image import imread

from open_seq2seq.metrics.analysis import EvaluatedUtterance, analyse
from open_seq2seq.metrics.html_report import render_html
from open_seq2seq.metrics.sound import Sound, TimedWord, sound_figure, spectrogram


def tone(hertz, seconds, sample_freq=16000):
    times = np.arange(round(seconds * sample_freq)) / sample_freq
    return (0.5 * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def embedded(page, kind):
    """The data of the page's elements of one kind."""
    return [base64.b64decode(one) for one in re.findall(rf'src="data:{kind};base64,([^"]+)"', page)]


def test_a_tone_is_at_its_frequency_and_time():
    level = spectrogram(np.concatenate([tone(1000, 0.5), tone(4000, 0.5)]), 16000)
    assert level.shape == (201, 100) and level.max() == 0 and level.min() >= -70
    hertz = level.argmax(axis=0) * 40
    assert set(hertz[5:45]) == {1000} and set(hertz[55:95]) == {4000}


def test_silence_and_very_short_recordings_have_a_picture():
    for samples in (np.zeros(1600, np.float32), np.zeros(1, np.float32)):
        assert np.isfinite(spectrogram(samples, 8000)).all()
        assert embedded(sound_figure(Sound(samples, 8000, [], [])), "image/png")


def test_the_picture_and_the_audio_are_the_recording():
    samples = tone(2000, 2.0)
    page = sound_figure(Sound(samples, 16000, [TimedWord("one", 0.5)], []))
    (png,), (flac,) = embedded(page, "image/png"), embedded(page, "audio/flac")
    picture = imread(io.BytesIO(png))[..., :3].sum(axis=2)
    assert picture.shape == (201, 200)
    assert picture[:, 100].argmax() == 200 - 50  # 2000 Hz, the lowest at the bottom
    heard, rate = soundfile.read(io.BytesIO(flac))
    assert rate == 16000
    np.testing.assert_allclose(heard, samples, atol=1 / 32768)


def test_words_are_at_their_times_and_do_not_lie_over_each_other():
    words = [TimedWord("wonderful", 1.0, "substituted"), TimedWord("<b>", 1.1), TimedWord("x", 3)]
    page = sound_figure(Sound(tone(500, 4.0), 16000, words, []))
    found = re.findall(
        r'<span( class="\w+")? style="left:(\d+)px;top:([\d.]+)em"[^>]*>([^<]+)', page
    )
    assert [(left, top, text) for _, left, top, text in found] == [
        ("150", "0.00", "wonderful"),
        ("165", "1.35", "&lt;b&gt;"),
        ("450", "0.00", "x"),
    ]
    assert found[0][0] == ' class="substituted"'


def test_of_a_long_recording_the_first_part_is_shown():
    samples = tone(500, 25.0, 8000)
    page = sound_figure(Sound(samples, 8000, [TimedWord("late", 22.0)], []))
    assert "The first 20 s of 25.0 s" in page and "late" not in page
    (flac,) = embedded(page, "audio/flac")
    assert len(soundfile.read(io.BytesIO(flac))[0]) == 160000


def test_a_report_has_the_sounds_of_its_utterances_and_loads_nothing():
    utterances = [EvaluatedUtterance("a.wav", "one", "two"), EvaluatedUtterance("b.wav", "x", "y")]
    sounds = {"a.wav": Sound(tone(500, 0.5), 16000, [TimedWord("one", 0.1)], [])}
    page = render_html(analyse(utterances), "Title", {}, sounds)
    assert page.count("<audio ") == page.count("<img ") == 1
    sources = re.findall(r'(?:src|href)="([^"]{0,12})', page)
    assert len(sources) == 2 and all(source.startswith("data:") for source in sources)
    assert not re.search(r"https?:|@import|url\(|<link|<script", page)
