"""`open-seq2seq errors`: the page, and results that do not belong to the labels."""

from __future__ import annotations

import pytest

from open_seq2seq.commands.errors import main
from open_seq2seq.files import write_csv


@pytest.fixture
def files(tmp_path):
    said = {"a.wav": "the cat sat", "b.wav": "a dog"}
    rows = [{"wav_filename": n, "wav_filesize": 1, "transcript": t} for n, t in said.items()]
    write_csv(tmp_path / "dev.csv", rows)
    rows = [{"wav_filename": n, "predicted_transcript": t.replace("c", "k")}
            for n, t in said.items()]  # fmt: skip
    write_csv(tmp_path / "greedy.csv", rows)
    rows = [{"wav_filename": n, "reference": "", "hypothesis": t} for n, t in said.items()]
    # Another order than the labels'.
    write_csv(tmp_path / "lm.csv", rows[::-1])
    return tmp_path


def test_page_of_two_results(files, capsys):
    results = [f"greedy={files / 'greedy.csv'}", f"with LM={files / 'lm.csv'}"]
    labels = f"--labels={files / 'dev.csv'}"
    assert main([*results, labels, f"--train={files / 'dev.csv'}"]) == 0
    page = capsys.readouterr().out
    assert "| greedy | 20.00 | 6.25 | 1 | 0 | 0 | 5 |" in page
    assert "| with LM | 0.00 | 0.00 | 0 | 0 | 0 | 5 |" in page
    assert "| c | k | 1 | 100.00 |" in page
    assert "with LM mends 1 and breaks 0" in page
    assert main([*results, labels, f"--output={files / 'page.md'}"]) == 0
    assert (files / "page.md").read_text().startswith("| result | WER, % |")


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("greedy.csv", "NAME=CSV"),
        ("x=missing.csv", "No such file"),
        ("x=dev.csv", None),
        ("x=other.csv", "recordings that only one of the two has: a.wav"),
        ("x=foreign.csv", "the columns a, b"),
        ("x=empty.csv", "no rows"),
    ],
)
def test_results_that_cannot_be_used(files, capsys, monkeypatch, result, message):
    monkeypatch.chdir(files)
    (files / "other.csv").write_text("wav_filename,transcript\nb.wav,a dog\n")
    (files / "foreign.csv").write_text("a,b\n1,2\n")
    (files / "empty.csv").write_text("")
    code = main([result, "--labels=dev.csv"])
    captured = capsys.readouterr()
    assert code == (0 if message is None else 2)
    assert message is None or message in captured.err
