"""Names of runs and numbers of axes in pictures."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from open_seq2seq.runs.plots import folder_names, plain_log_numbers


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["runs/a"], ["a"]),
        (["runs/a", "runs/b", "other/c"], ["a", "b", "c"]),
        (["a/seed0", "b/seed0"], ["a", "b"]),
        (["x/a/logs", "x/b/logs"], ["a", "b"]),
        (["a/seed0", "b/seed0", "b/seed1"], ["a/seed0", "b/seed0", "seed1"]),
        (["p/a/s0", "q/a/s0", "q/a/s1"], ["p/a/s0", "q/a/s0", "s1"]),
        (["runs/a", "runs/a"], None),
    ],
)
def test_runs_are_called_by_what_tells_their_folders_apart(folders, names):
    found = folder_names([Path(folder) for folder in folders])
    if names is None:  # one folder twice: nothing tells them apart
        assert found[0] == found[1] and found[0].endswith("a")
    else:
        assert found == names


@pytest.mark.parametrize(
    "limits", [(6, 80), (40, 95), (0.0002, 3), (61, 64), (0.9, 12000), (1e-3, 1e5)]
)
def test_log_axes_have_plain_numbers(limits):
    axes = Figure().subplots()
    axes.plot([0, 1], limits)
    axes.set_yscale("log")
    plain_log_numbers(axes.yaxis)
    axes.figure.draw_without_rendering()
    low, high = axes.get_ylim()
    labels = [one.get_text() for one in axes.get_yticklabels(which="both")]
    ticks = axes.get_yticks()
    shown = [text for text, value in zip(labels, ticks) if low <= value <= high]
    assert len(shown) >= 2
    assert all(float(text) == pytest.approx(value) for text, value in zip(labels, ticks))
    assert not any(character in "".join(labels) for character in "$^e")
