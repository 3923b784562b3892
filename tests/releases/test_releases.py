"""What earlier releases wrote is read by this one, and means the same."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from open_seq2seq import Recognizer
from open_seq2seq.cli import main
from open_seq2seq.runs.summary import read_summary
from tests.releases.make_release import HERE, RECORDINGS
from tests.training.conftest import write_corpus

RELEASES = sorted(path for path in HERE.iterdir() if (path / "said.npz").is_file())


@pytest.fixture(params=RELEASES, ids=lambda path: path.name)
def release(request, tmp_path):
    """The corpus with the release's config, and what it wrote of it."""
    folder = write_corpus(tmp_path, config=(request.param / "config.txt").read_text())
    for name in ("run", "model"):
        shutil.copytree(request.param / name, folder / name)
    return folder, np.load(request.param / "said.npz")


def check(recognizer: Recognizer, folder: Path, said) -> None:
    paths = [folder / recording for recording in RECORDINGS]
    for found, recording in zip(recognizer.log_probs(paths), RECORDINGS, strict=True):
        # Beside rounding, that of another processor's products too.
        np.testing.assert_allclose(found, said[recording], rtol=0, atol=1e-3)
    assert [result.text for result in recognizer.transcribe(paths)] == list(said["texts"])


def test_checkpoints(release):
    folder, said = release
    assert any(said["texts"]), "nothing to compare"
    check(Recognizer.load(folder / "config.py"), folder, said)


def test_exported_folders(release):
    folder, said = release
    recognizer = Recognizer.load(folder / "model")
    check(recognizer, folder, said)
    for recording, text in zip(RECORDINGS, said["texts"], strict=True):
        session = recognizer.stream()
        session.accept(soundfile.read(folder / recording, dtype="float32")[0])
        assert session.finish().text == text


def test_records_and_training_that_goes_on(release, capfd):
    folder, _ = release
    results = read_summary(folder / "run")["results"]
    assert {result["step"] for result in results} == {60}
    assert all(0 <= result["wer"] < 1 for result in results)
    config = f"--config_file={folder}/config.py"
    more = ["--mode=train_eval", "--continue_learning", "--max_steps=62", "--ema_decay=0.9"]
    assert main([config, *more]) == 0
    assert "Resuming training" in capfd.readouterr().out
    assert (folder / "run/ckpt-62/ema.safetensors").is_file()
