"""The picture of posteriors and alignment."""

import numpy as np

from open_seq2seq.metrics.alignment_plot import draw_alignment, shown_labels

SYMBOLS = ["a", "b", "$", " "]
POSTERIORS = np.array([[0.9, 0.02, 0, 0, 0.08], [0.05, 0.05, 0, 0.2, 0.7], [0, 0, 0.1, 0, 0.9]])


def test_rows_are_the_paths_labels_and_those_that_were_probable():
    assert shown_labels(POSTERIORS, np.array([1, 4, 4])) == [0, 1, 2, 3, 4]
    assert shown_labels(POSTERIORS[:1], None) == [0, 4]


def test_heat_map_and_rings_are_where_the_numbers_say():
    figure = draw_alignment(POSTERIORS, np.array([0, 4, 2]), SYMBOLS, 0.02, "a $")
    axes = figure.axes[0]
    (image,) = axes.images
    assert np.allclose(image.get_array(), POSTERIORS[:, [0, 2, 3, 4]].T)
    assert image.get_extent()[:2] == [0, 0.06]
    (rings,) = axes.lines
    assert np.allclose(rings.get_xdata(), [0.01, 0.05]) and list(rings.get_ydata()) == [0, 1]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["a", r"\$", "space", "blank"]
    figure.canvas.draw()  # a bare dollar sign would fail here


def test_a_recording_too_short_for_its_text_has_no_rings():
    assert not draw_alignment(POSTERIORS, None, SYMBOLS, 0.02, "").axes[0].lines
