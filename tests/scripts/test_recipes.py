"""The recipes' scripts: usage here, a whole recipe on a made-up corpus in the slow suite."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.training.test_beam_search import ARPA

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "recipes" / "mini_librispeech.sh"


def recipe(*arguments, cwd=None):
    environment = {**os.environ, "PYTHON": sys.executable}
    command = ["bash", str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "DATA_DIR"),
        (["a", "b", "c"], "DATA_DIR"),
        (["{tmp}"], "no such folder. DATA_DIR holds train/ and dev/"),
        (["{tmp}", "--lm={tmp}/none.binary"], "none.binary: no such file"),
        (["{tmp}", "--units=words"], "--units=words: expected phonemes or characters"),
    ],
)
def test_wrong_usage(tmp_path, arguments, message):
    done = recipe(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert done.returncode == 2
    assert message in done.stderr


def test_help():
    done = recipe("--help")
    assert done.returncode == 0
    assert "--lm=FILE" in done.stdout and "set -euo" not in done.stdout


def write_corpus(folder):
    """Two splits in LibriSpeech's layout, of noise with a tone for each letter."""
    texts = ["AB A", "BA B", "A", "ABBA B"]
    for split, speaker in (("train", 10), ("dev", 20)):
        chapter = folder / split / str(speaker) / "1"
        chapter.mkdir(parents=True)
        lines = []
        for number, text in enumerate(texts):
            name = f"{speaker}-1-{number:04d}"
            tones = {"A": 400.0, "B": 1500.0, " ": 3000.0}
            time = np.arange(6400) / 16000
            samples = np.concatenate([np.sin(2 * np.pi * tones[c] * time) for c in text])
            noise = np.random.default_rng(number + speaker).standard_normal(len(samples))
            soundfile.write(chapter / f"{name}.flac", 0.3 * samples + 0.01 * noise, 16000)
            lines.append(f"{name} {text}")
        (chapter / f"{speaker}-1.trans.txt").write_text("\n".join(lines) + "\n")


@pytest.mark.slow
@pytest.mark.parametrize("units", ["characters", "phonemes"])
def test_a_whole_recipe_and_again(tmp_path, units):
    write_corpus(tmp_path)
    (tmp_path / "lm.arpa").write_text(ARPA)
    # In the order of the letters, so that a word's symbols are its tones.
    (tmp_path / "words.txt").write_text("a\tAA\nb\tB\nab\tAA B\nba\tB AA\nabba\tAA B B AA\n")
    given = {"characters": "--units=characters", "phonemes": "--dictionary=words.txt"}
    # As a user calls it: paths relative to where they are.
    arguments = [
        ".",
        "work",
        given[units],
        "--lm=lm.arpa",
        "--num_epochs=2",
        "--eval_steps=1",
        "--dtype=float32",
    ]
    arguments += ["--encoder_params/num_rnn_layers=1", "--encoder_params/rnn_cell_dim=16"]
    done = recipe(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    work = tmp_path / "work"
    for name in ("check.html", "greedy.html", "grid.csv", "lm.csv", "report.html"):
        assert (work / name).stat().st_size > 100, name
    assert len((work / "lm.csv").read_text().splitlines()) == 5
    assert "WER" in (work / "report.html").read_text()
    assert ("Phoneme error rate" in (work / "greedy.html").read_text()) == (units == "phonemes")
    stamps = {path: path.stat().st_mtime_ns for path in work.rglob("model.safetensors")}
    again = recipe(*(one for one in arguments if not one.startswith("--units")), cwd=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Trained before" in again.stdout
    assert stamps == {path: path.stat().st_mtime_ns for path in work.rglob("model.safetensors")}
