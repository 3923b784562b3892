"""The picture of samples, read back from the figure and from its file."""

import io
import itertools

import matplotlib.colors
import numpy as np
import pytest
from matplotlib.image import imread

from open_seq2seq.metrics.analysis import EvaluatedUtterance, analyse
from open_seq2seq.metrics.pictures import picture
from open_seq2seq.metrics.sound import Sound, TimedWord
from open_seq2seq.metrics.sound_plot import Sample, draw_samples, word_lines


def sample(name, seconds, reference, hypothesis, sample_freq=8000):
    """Words one behind the other, those of the hypothesis with their mistakes by position."""
    texts = (" ".join(word for word, *_ in words) for words in (reference, hypothesis))
    (scored,) = (lambda a: a.wrong + a.right)(analyse([EvaluatedUtterance(name, *texts, seconds)]))
    noise = np.random.default_rng(0).normal(0, 0.1, round(seconds * sample_freq))
    words = ([TimedWord(*word) for word in part] for part in (reference, hypothesis))
    return Sample(scored, Sound(noise.astype(np.float32), sample_freq, *words))


def axes_of(figure):
    """Spectrograms and tracks of words of each sample, without the bar of colours."""
    return figure.axes[0:-1:2], figure.axes[1:-1:2]


def test_words_are_at_their_times_below_the_spectrogram():
    one = sample(
        "a.wav",
        1.5,
        [("cost", 0.2, "substituted"), ("$5", 0.7)],
        [("lost", 0.25, "substituted"), ("$5", 0.7), ("now", 1.1, "inserted")],
    )
    figure = draw_samples([one], "title", 2)
    (spectrum,), (words,) = axes_of(figure)
    assert spectrum.get_xlim() == words.get_xlim() == (0, 1.5)
    assert spectrum.get_ylim() == (0, 4) and spectrum.get_ylabel() == "frequency in kHz"
    assert words.get_xlabel() == "time in s"
    drawn = [(t.get_text().replace("\\", ""), t.xy[0], t.xy[1], t.get_color()) for t in words.texts]
    assert [(text, start) for text, start, *_ in drawn] == [
        ("cost", 0.2),
        ("$5", 0.7),
        ("lost", 0.25),
        ("$5", 0.7),
        ("now", 1.1),
    ]
    # The reference is above the hypothesis, and both tracks have their names.
    assert {y for *_, y, _ in drawn[:2]} == {0.5} and {y for *_, y, _ in drawn[2:]} == {1.5}
    assert [label.get_text() for label in words.get_yticklabels()] == ["REF", "HYP"]
    legend = figure.legends[0]
    colors = {
        text.get_text(): matplotlib.colors.to_hex(patch.get_facecolor())
        for text, patch in zip(legend.get_texts(), legend.get_patches())
    }
    assert drawn[2][3] == colors["substituted"] and drawn[4][3] == colors["inserted"]
    assert drawn[1][3] not in colors.values()
    assert spectrum.get_title("left") == "a.wav: WER 100.00 % (2 of 2)"


def test_a_grid_of_several(tmp_path):
    some = [sample(f"{i}.wav", 0.3 + i, [("a", 0.1)], [("a", 0.1)]) for i in range(3)]
    figure = draw_samples(some, "three", 2)
    spectra, _ = axes_of(figure)
    places = [axes.get_position() for axes in spectra]
    assert places[0].y0 == pytest.approx(places[1].y0) and places[0].x1 < places[1].x0
    assert places[2].x0 == pytest.approx(places[0].x0) and places[2].y1 < places[0].y0
    assert [axes.get_xlim()[1] for axes in spectra] == pytest.approx([0.3, 1.3, 2.3])
    shape = imread(io.BytesIO(picture(figure, ".png"))).shape
    assert shape[1] == pytest.approx(figure.get_figwidth() * 120, abs=1)


def test_the_first_seconds_of_a_long_one():
    one = sample("long.wav", 25.0, [("a", 1.0), ("b", 22.0)], [("a", 1.0), ("b", 22.0)])
    (spectrum,), (words,) = axes_of(draw_samples([one], "long", 1))
    assert spectrum.get_xlim() == (0, 20)
    assert [text.get_text() for text in words.texts] == ["a", "a"]
    assert "the first 20 of 25.0 s" in spectrum.get_title("left")


def test_words_do_not_lie_over_each_other():
    rng = np.random.default_rng(1)
    starts = np.sort(rng.uniform(0, 5, 40))
    words = [TimedWord("x" * int(rng.integers(1, 12)), float(start)) for start in starts]
    lines = word_lines(words, 0.1)
    for line in set(lines):
        some = [word for word, place in zip(words, lines) if place == line]
        for one, other in itertools.pairwise(some):
            assert one.start + 0.1 * len(one.text) <= other.start
    assert word_lines([TimedWord("a", 0.0), TimedWord("b", 3.0)], 0.1) == [0, 0]
