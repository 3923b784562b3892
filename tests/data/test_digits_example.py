"""The packaged corpus: its splits, and that the script writes these very files."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from open_seq2seq.data.audio import audio_info
from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.data.text import load_vocabulary

REPOSITORY = Path(__file__).resolve().parents[2]
DIGITS = REPOSITORY / "example_data" / "digits"
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def rows_of(split: str) -> list:
    return read_manifests([str(DIGITS / f"{split}.csv")], need_transcript=True)


@pytest.mark.parametrize(
    ("split", "count", "indices"),
    [("train", 2520, range(8, 50)), ("dev", 180, range(5, 8)), ("test", 300, range(5))],
)
def test_splits(split, count, indices):
    rows = rows_of(split)
    assert len(rows) == count
    for row in rows:
        digit, _, index = Path(row.path).stem.split("_")
        assert row.transcript == WORDS[int(digit)]
        assert int(index) in indices
    assert len({row.path for row in rows}) == count
    assert {audio_info(row.path).sample_freq for row in rows[::50]} == {8000}


def test_vocabulary():
    vocabulary = load_vocabulary(str(DIGITS / "vocab.txt"), bpe=False)
    assert "".join(vocabulary.symbols) == " abcdefghijklmnopqrstuvwxyz'"


def test_licence_and_attribution():
    text = (DIGITS / "README.md").read_text(encoding="utf-8")
    assert "CC BY-SA 4.0" in text and "Zohar Jackson" in text
    assert sum(path.stat().st_size for path in (DIGITS / "recordings").iterdir()) < 12_000_000


def test_the_script_writes_these_files(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY / "scripts")
    script = importlib.import_module("make_digits_example")
    (tmp_path / "recordings").symlink_to(DIGITS / "recordings")
    assert script.main([f"--corpus={tmp_path}"]) == 0
    for name in ("train.csv", "dev.csv", "test.csv", "vocab.txt"):
        assert (tmp_path / name).read_bytes() == (DIGITS / name).read_bytes()
    (tmp_path / "other" / "recordings").mkdir(parents=True)
    with pytest.raises(SystemExit, match="no recordings"):
        script.make(tmp_path / "other")
    (tmp_path / "other" / "recordings" / "seven.flac").touch()
    with pytest.raises(SystemExit, match=r"seven\.flac"):
        script.make(tmp_path / "other")
