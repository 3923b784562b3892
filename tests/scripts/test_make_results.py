"""docs/results.md: up to date, and right for runs that are added."""

import json
import re
import runpy
from pathlib import Path

import pytest

from tests.runs.stored_runs import results, write_run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def make(tmp_path, capfd):
    """Calls the script with a folder of its own; returns what it printed and the page."""
    main = runpy.run_path(str(ROOT / "scripts/make_results.py"))["main"]
    folder = tmp_path / "results"
    folder.mkdir()
    published = [{"model": "Other", "decoding": "greedy", "wer": [1.5, None, 2.25, None],
                  "source": "a paper"}]  # fmt: skip
    (folder / "published.json").write_text(json.dumps(published))
    page = tmp_path / "results.md"

    def call(*arguments, code=0):
        found = main([f"--folder={folder}", f"--output={page}", *map(str, arguments)])
        err = capfd.readouterr().err
        assert found == code, err
        return page.read_text() if code == 0 and page.exists() else err

    return call


def cells(page, start):
    """The cells of the only row that starts so."""
    (row,) = [line for line in page.splitlines() if line.startswith(f"| {start}")]
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_the_page_in_the_repository_is_that_of_its_files(capfd):
    main = runpy.run_path(str(ROOT / "scripts/make_results.py"))["main"]
    assert main(["--check"]) == 0, capfd.readouterr().err


def test_seeds_of_a_configuration_are_one_row_and_each_is_listed(make, tmp_path):
    rates = [(0.60, 0.35, 1.0), (0.58, 0.33, 1.5), (0.62, 0.34, 1.0)]
    runs = [
        write_run(tmp_path / f"run{seed}", seed, results(*rate)) for seed, rate in enumerate(rates)
    ]
    other = {"file": "tiny.py", "hash": "f" * 16}
    runs.append(write_run(tmp_path / "other", 0, results(0.7), config=other, run_id="other"))
    page = make("--add", *runs)
    first = cells(page, "[tiny](#tiny-012345)")
    assert first[1:4] == ["2,700,000", "mini/train: 1383 rows, 4.81 h", "mini/dev (final weights)"]
    assert first[4:8] == ["60.0 (58.0 to 62.0)", "30.0 (29.0 to 31.0)",
                          "34.0 (33.0 to 35.0)", "17.0 (16.5 to 17.5)"]  # fmt: skip
    assert first[8] == ("3-gram.binary, openseq2seq, alpha 1 to 1.5, beta 0.5 (tuned on mini/dev), "
                        "beam 128")  # fmt: skip
    assert first[9:] == ["0, 1, 2", "1 h 07 min - 1 h 10 min"]
    assert cells(page, "[tiny](#tiny-ffffff)")[4:8] == ["70.0", "35.0", "", ""]
    listed = cells(page, "2 | tiny-2")
    assert listed[2:6] == ["aaaaaaaaaa and changes", "Some CPU, 2 cores, 2 H1", "2", "30.0"]
    assert "| 1 | mini/dev, 3 rows | best, step 10 | greedy | 57.0 | 29.0 |" in page
    assert cells(page, "Other")[3:] == ["greedy", "1.50", "", "2.25", "", "a paper"]
    anchors = re.findall(r"\(#([\w-]+)\)", page)
    headings = re.findall(r"^### (.*)$", page, re.MULTILINE)
    assert sorted(anchors) == sorted(heading.replace(" ", "-") for heading in headings)

    assert "/home" not in "".join(f.read_text() for f in (tmp_path / "results").iterdir())
    names = sorted(file.name for file in (tmp_path / "results").glob("tiny*"))
    assert names == ["tiny_seed0.json", "tiny_seed0_2.json", "tiny_seed1.json", "tiny_seed2.json"]
    # The same run again replaces itself.
    assert make("--add", runs[1]) == page
    assert len(list((tmp_path / "results").iterdir())) == 5


def test_what_is_not_ready_is_refused(make, tmp_path):
    cut = write_run(tmp_path / "cut", training={"state": "interrupted"})
    text = write_run(tmp_path / "text", task="text")
    assert "a training that is interrupted" in make("--add", cut, code=2)
    assert "a model of text" in make("--add", text, code=2)
    assert "nowhere/summary.json" in make("--add", tmp_path / "nowhere", code=2)
    assert "out of date" in make("--check", code=1)
    page = make()
    assert "No runs are stored yet" in page and make("--check") == page
    (tmp_path / "results/x.json").write_text("{}")
    (tmp_path / "results/y.json").write_text("no")
    err = make(code=2)
    assert "x.json" in err and "y.json" in err


def test_rates_of_phonemes_are_no_words(make, tmp_path):
    found = results(0.15, 0.2)
    for one in found[:2]:
        one["per"] = one["wer"]
    page = make("--add", write_run(tmp_path / "run", 0, found))
    assert cells(page, "[tiny](#tiny-012345)")[4:8] == ["PER 15.0", "", "20.0", "10.0"]
    assert "| 0 | mini/dev, 3 rows | best, step 10 | greedy | PER 14.0 |  |" in page
