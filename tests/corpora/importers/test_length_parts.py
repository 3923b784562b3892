"""Importing by an engine: the manifests of threads, with headers read again from Parquet."""

from __future__ import annotations

import os
from contextlib import nullcontext

import pytest

from open_seq2seq.commands import engine_flags
from open_seq2seq.corpora.importers.durations import read_lengths
from open_seq2seq.corpora.importers.length_parts import lengths_by
from open_seq2seq.errors import Problem
from tests.corpora.importers.layouts import librispeech_part, run
from tests.engines.test_parts import Here


@pytest.fixture
def corpus(tmp_path):
    """Two parts: train with five utterances, of which one is damaged, and dev with one."""
    librispeech_part(tmp_path / "corpus" / "train", {"12": 3, "7": 2}, ".wav")
    librispeech_part(tmp_path / "corpus" / "dev", {"84": 1})
    (tmp_path / "corpus" / "train" / "7" / "101" / "7-101-0001.wav").write_bytes(b"RIFF")
    return tmp_path / "corpus"


def test_sizes_lengths_and_problems_are_those_of_threads(corpus, tmp_path):
    recordings = sorted(corpus.rglob("*.wav"))
    # Names need not be UTF-8; here it is that of a sound one, and Parquet has UTF-8 only.
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav")
    os.rename(recordings[0], odd)
    paths = [odd, *map(str, recordings)]
    expected = read_lengths(paths, tmp_path / "train.csv")
    engine = Here()
    for _ in range(2):
        found = lengths_by(engine, tmp_path / "parts", size=2)(paths, tmp_path / "train.csv")
        assert found == expected
    assert len(engine.done) == 3
    problems = [one for one in found.lengths.values() if isinstance(one, Problem)]
    assert len(problems) == 2 and len(found.sizes) == 5


def test_the_manifests_are_those_of_threads(corpus, tmp_path, monkeypatch, capsys):
    command = ["librispeech_layout", corpus, "--skip_bad_rows"]
    assert run(*command, "--output", tmp_path / "threads") == 0
    engine, parts = Here(), tmp_path / "parts"
    monkeypatch.setattr(engine_flags, "make_engine", lambda name, address: nullcontext(engine))
    assert run(*command, "--output", tmp_path / "engine", "--engine=ray", f"--parts={parts}") == 0
    for name in ("train.csv", "dev.csv", "left_out_train.txt"):
        by_engine = (tmp_path / "engine" / name).read_text()
        assert by_engine == (tmp_path / "threads" / name).read_text()
    assert sorted(path.name for path in parts.iterdir()) == ["dev", "train"]
    assert f"this process; results go to {parts}" in capsys.readouterr().err


@pytest.mark.slow
def test_processes_of_this_machine(corpus, tmp_path):
    command = ["librispeech_layout", corpus, "--skip_bad_rows"]
    assert run(*command, "--output", tmp_path / "threads") == 0
    flags = ["--engine=local", f"--parts={tmp_path / 'parts'}"]
    assert run(*command, "--output", tmp_path / "engine", *flags) == 0
    assert (tmp_path / "engine/train.csv").read_text() == (
        tmp_path / "threads/train.csv"
    ).read_text()


def test_an_engine_needs_a_folder(corpus, capsys):
    """It is said before the corpus is read."""
    assert run("librispeech_layout", corpus / "nowhere", "--engine=local") == 2
    assert "--engine: found no --parts" in capsys.readouterr().err
