"""A small corpus of real files: tones and noise, in FLAC."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.data.corpora import write_audio, write_csv

TEXTS = ("a cab", "bad", "abc ab", "dad", "cab a bad", "c", "dab", "a b c d")


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    """A folder with 30 recordings of 0.2 to 1.2 s, corpus.csv and vocab.txt."""
    folder = tmp_path_factory.mktemp("corpus")
    seconds = np.random.default_rng(0).uniform(0.2, 1.2, 30)
    rows = []
    for index, duration in enumerate(seconds):
        name = f"clips/{index:02d}.flac"
        write_audio(folder / name, duration)
        rows.append((name, TEXTS[index % len(TEXTS)]))
    write_csv(folder / "corpus.csv", rows)
    (folder / "vocab.txt").write_text(" \na\nb\nc\nd\n")
    return folder


@pytest.fixture
def params(corpus) -> dict:
    """Parameters of a data layer over `corpus`."""
    return {
        "vocab_file": str(corpus / "vocab.txt"),
        "dataset_files": [str(corpus / "corpus.csv")],
        "backend": "librosa",
        "input_type": "logfbank",
        "num_audio_features": 16,
        "loader_workers": 2,
    }
