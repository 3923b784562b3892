"""Damaged records of runs: read, or refused by an error of ours."""

import pytest

from open_seq2seq.runs.report import _configuration, _results, _runs
from open_seq2seq.runs.results_table import make_page
from open_seq2seq.runs.summary import mend_curve, read_curve, read_transcripts, trained_summary
from tests.fuzzing import COUNTS, fuzz_file
from tests.runs.stored_runs import results, write_run


@pytest.fixture
def logdir(tmp_path):
    return write_run(tmp_path / "run", found=results(0.6, 0.4))


@pytest.mark.parametrize("count", COUNTS)
def test_summaries(logdir, count):
    def read(path):
        summary = trained_summary(logdir)
        _results([summary])
        _runs([summary])
        _configuration(logdir, summary)
        (logdir / "results").mkdir(exist_ok=True)
        (logdir / "results/one.json").write_bytes(path.read_bytes())
        (logdir / "results/published.json").write_text("[]")
        make_page(logdir / "results")

    was_read, refused = fuzz_file(read, logdir / "summary.json", seed=4, count=count)
    assert was_read > count / 50 and refused > count / 2


@pytest.mark.parametrize("count", COUNTS)
def test_evaluations(logdir, count):
    said = []

    def read(path):
        rows = read_curve(logdir)
        said.extend(mend_curve(logdir))
        assert read_curve(logdir) == rows
        assert [row["step"] for row in rows] == sorted({row["step"] for row in rows})

    _, refused = fuzz_file(read, logdir / "evaluations.jsonl", seed=5, count=count)
    assert refused == 0 and len(said) > count / 3


@pytest.mark.parametrize("count", COUNTS)
def test_run_records(logdir, count):
    summary = trained_summary(logdir)

    def read(path):
        _configuration(logdir, summary)

    assert fuzz_file(read, logdir / "run_2026.json", seed=6, count=count)[1] == 0


@pytest.mark.parametrize("count", COUNTS)
def test_transcripts(logdir, count):
    path = logdir / "transcripts/t.csv"
    was_read, refused = fuzz_file(read_transcripts, path, seed=7, count=count)
    assert was_read > count / 5 and refused > count / 10
