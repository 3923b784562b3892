"""Measuring by an engine: the numbers of `measure_all`, also read again from Parquet."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from open_seq2seq.cli import main
from open_seq2seq.corpora.doctor.parts import measure_parts
from open_seq2seq.corpora.doctor.scan import measure_all
from open_seq2seq.corpora.doctor.split import Recording
from open_seq2seq.corpora.doctor.thresholds import Thresholds
from open_seq2seq.errors import InputError
from tests.engines.test_parts import Here


def recordings(folder, count):
    paths = [*sorted(folder.glob("*.wav"))[:count], folder / "missing.wav"]
    whole = [Recording(row, str(path), path.name) for row, path in enumerate(paths)]
    return [*whole, Recording(len(whole), whole[0].path, whole[0].name, 0.5, 0.25)]


def flat(measured):
    return [value.tolist() if isinstance(value, np.ndarray) else value for value in measured]


def test_numbers_and_problems_are_those_of_threads(written, tmp_path):
    rows, counts = recordings(written, 4), []
    limits = Thresholds()
    found = measure_parts(rows, limits, Here(), tmp_path, counts.append, size=2)
    expected = measure_all(rows, limits)
    assert [flat(astuple(one)) for one in found] == [flat(astuple(one)) for one in expected]
    assert sum(counts) == len(rows)
    with pytest.raises(InputError, match="another run"):
        measure_parts(rows, Thresholds(clip_run=9), Here(), tmp_path, size=2)


@pytest.mark.slow
def test_the_command_says_the_same_with_an_engine(written, tmp_path, capsys):
    manifest = str(written / "train.csv")
    assert main(["data", "check", manifest]) == 0
    expected = capsys.readouterr().out
    command = ["data", "check", manifest, "--engine=local", f"--parts={tmp_path}"]
    assert main(command) == main(command) == 0
    assert capsys.readouterr().out == expected * 2
    assert [path.name for path in (tmp_path / "train").iterdir()] == ["part-000000.parquet"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--engine=local"], "--parts"),
        (["--parts=x"], "no --engine"),
        (["--engine=local", "--parts=x", "--headers_only"], "--headers_only"),
        (["--engine=local", "--parts=x", "--engine_address=y"], "--engine_address"),
    ],
)
def test_flags_that_do_not_fit(written, tmp_path, monkeypatch, capsys, flags, message):
    monkeypatch.chdir(tmp_path)
    assert main(["data", "check", str(written / "train.csv"), *flags]) == 2
    assert message in capsys.readouterr().err
