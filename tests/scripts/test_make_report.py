"""The pictures and the page of a recipe's result."""

import base64
import re
import runpy
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.image import imread

from open_seq2seq.runs.plots import draw_rates, read_runs
from tests.runs.stored_runs import results, write_run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def call(capfd):
    """Calls a script; returns what it printed."""

    def run(name, *arguments, code=0):
        main = runpy.run_path(str(ROOT / "scripts" / name))["main"]
        found = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        assert found == code, err
        return out if code == 0 else err

    return run


@pytest.fixture
def runs(tmp_path):
    """Two seeds with a language model, and another recipe."""
    return [
        write_run(tmp_path / "seed0", 0, results(0.60, 0.35)),
        write_run(tmp_path / "seed1", 1, results(0.58, 0.33)),
        write_run(tmp_path / "other", 0, results(0.70), recipe="<other>", run_id="x",
                  config={"file": "other.py", "hash": "f" * 16}),
    ]  # fmt: skip


def test_curves_of_several_runs_in_one_picture(call, runs, tmp_path):
    call("plot_training.py", *runs, "--x=time", "--output", tmp_path / "c.png")
    assert imread(tmp_path / "c.png").shape[1] > 800

    wer, cer = draw_rates(read_runs(runs, "time"), "time").axes
    lines = wer.get_lines()
    assert [list(line.get_xdata()) for line in lines] == [[0.5, 1.0]] * 3
    assert lines[1].get_ydata() == pytest.approx([89, 79])
    labels = ["seed0: 80.0, best 80.0", "seed1: 79.0, best 79.0", "other: 80.0, best 80.0"]
    assert [line.get_label() for line in lines] == labels
    colors = [line.get_color() for line in lines]
    assert colors[0] == colors[1] != colors[2]
    assert wer.get_xlabel().endswith("hours") and cer.get_ylabel() == "CER, %"
    named = draw_rates(read_runs(runs, "time", ["A", "A", "B"]), "time").axes[0].get_lines()
    labels = [line.get_label().partition(":")[0] for line in named]
    assert labels == ["A, seed 0", "A, seed 1", "B"]
    assert named[0].get_color() == named[1].get_color() != named[2].get_color()
    (line,) = draw_rates(read_runs(runs[:1], "training_time", ["A"]), "training_time").axes[0].lines
    assert line.get_xdata() == pytest.approx([0, 1000 / 60])


def test_the_page_has_rates_curves_transcripts_and_configuration(call, runs, tmp_path):
    call("make_report.py", *runs, "--output", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    balanced(page)
    text = re.sub(r"<[^>]*>", " ", page)
    assert "59.0 (58.0 to 60.0)" in text and "34.0 (33.0 to 35.0)" in text
    assert "alpha 1, beta 0.5 (tuned on mini/dev), beam 128" in text
    assert "mini/train: 1383 rows, 4.81 h" in text and "1 h 07 min" in text
    assert "optimizer: &#x27;NovoGrad&#x27;" in page and "&lt;other&gt;" in page
    pictures = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', page)
    assert len(pictures) == 3 and b"seed1: 79.0" in base64.b64decode(pictures[0])
    assert not re.search(r'(src|href)="(?!data:)', page)
    # Differences are marked, and what was said cannot break the page.
    assert '<span class="substituted"><b>dog</b><b>log</b></span>' in page
    assert '<span class="deleted"><b>&lt;ran&gt;</b>' in page
    worst = page[page.index("Worst") :]
    assert worst.index("c.wav") < worst.index("b.wav") and "a.wav" not in worst


def balanced(page):
    """Every tag that is opened is closed."""
    open_tags = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "img", "br"):
                open_tags.append(tag)

        def handle_endtag(self, tag):
            assert open_tags.pop() == tag

    Parser().feed(page)
    assert open_tags == []


def test_runs_that_cannot_be_drawn_are_named(call, runs, tmp_path):
    (tmp_path / "empty").mkdir()
    old = tmp_path / "old"
    old.mkdir()
    (old / "evaluations.jsonl").write_text('{"step": 1, "wer": 0.5, "cer": 0.4, "loss": 1}\n')
    target = tmp_path / "c.png"
    err = call("plot_training.py", tmp_path / "empty", old, "--x=time", "--output", target, code=2)
    assert "empty: found no evaluations.jsonl" in err and "old: found no wall_seconds" in err
    call("plot_training.py", old, "--losses", "--output", target)
    err = call("plot_training.py", *runs, "--losses", "--output", tmp_path / "c.gif", code=2)
    assert "3 runs" in err and ".gif" in err
    err = call("plot_training.py", *runs, "--names", "a", "b", "--output", target, code=2)
    assert "--names: found 2 names, expected 3" in err
    assert "summary.json" in call("make_report.py", old, "--output", "x.html", code=2)
