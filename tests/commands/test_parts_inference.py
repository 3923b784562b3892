"""Mode infer by an engine: the transcripts of one process, as Parquet."""

from __future__ import annotations

import contextlib
import json

import pandas as pd
import pytest

from open_seq2seq.commands import parts_inference
from open_seq2seq.engines import read_rows
from tests.commands.test_exported_modes import call, folder  # noqa: F401
from tests.engines.test_parts import Here


def rows_of(parts):
    return list(read_rows(sorted(parts.glob("*.parquet"))))


@pytest.fixture
def here(monkeypatch):
    """Parts of two recordings, done by this process."""
    monkeypatch.setattr(parts_inference, "engine_of", lambda flags: contextlib.nullcontext(Here()))
    monkeypatch.setattr(parts_inference.infer_in_parts, "__defaults__", (2,))


def test_transcripts_of_an_exported_model_are_those_without_an_engine(
    folder,  # noqa: F811
    call,  # noqa: F811
    here,
    tmp_path,
):
    (folder / "bad.csv").write_text((folder / "data.csv").read_text() + "bad.wav,0,a\n")
    whole = (folder / "0.wav").read_bytes()
    (folder / "bad.wav").write_bytes(whole[: len(whole) // 2])
    data = ["--mode=infer", f"--dataset_files={folder}/bad.csv"]
    expected = tmp_path / "expected.jsonl"
    assert call(*data, f"--infer_output_file={expected}")[0] == 2
    code, _, error = call(*data, "--engine=local", f"--parts={tmp_path}/parts")
    assert code == 2 and "bad.wav" in error and "5 recordings transcribed" in error
    rows = rows_of(tmp_path / "parts")
    good = [row for row in rows if row["problem"] is None]
    lines = [json.loads(line) for line in expected.read_text().splitlines()]
    for name in ("wav_filename", "text", "score"):
        assert [row[name] for row in good] == [line[name] for line in lines]
    assert [json.loads(row["words"]) for row in good] == [line["words"] for line in lines]
    (bad,) = [row for row in rows if row["problem"] is not None]
    assert bad["wav_filename"] == "bad.wav" and bad["text"] is None
    assert len(list((tmp_path / "parts").iterdir())) == 3


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--mode=infer", "--engine=local"], "--parts"),
        (["--mode=eval", "--engine=local", "--parts=x"], "mode infer"),
        (["--mode=infer", "--parts=x"], "no --engine"),
        (["--mode=infer", "--engine=local", "--parts=x", "--infer_files=a.wav"], "manifests"),
    ],
)
def test_flags_that_do_not_fit(call, flags, message):  # noqa: F811
    code, _, error = call(*flags)
    assert code == 2 and message in error


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "dask"])
def test_a_checkpoint_with_processes(learned, run, tmp_path, engine):
    model, out = f"--checkpoint={learned}", tmp_path / "out.csv"
    assert run("--mode=infer", model, f"--infer_output_file={out}")[0] == 0
    code, _, error = run("--mode=infer", model, f"--engine={engine}", f"--parts={tmp_path}/parts")
    assert code == 0, error
    expected = pd.read_csv(out, keep_default_na=False)
    rows = rows_of(tmp_path / "parts")
    assert [row["wav_filename"] for row in rows] == expected["wav_filename"].tolist()
    assert [row["text"] for row in rows] == expected["predicted_transcript"].tolist()
