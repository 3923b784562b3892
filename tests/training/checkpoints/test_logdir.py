"""The table of log-directory rules, one case a row."""

import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.training.checkpoints.logdir import (
    LogDir,
    checkpoint_to_start_from,
    checkpoint_to_use,
)


def make(tmp_path, kind):
    root = tmp_path / "run"
    if kind == "file":
        root.write_text("")
    elif kind != "missing":
        root.mkdir()
    if kind == "used":
        (root / "notes.txt").write_text("")
    if kind == "checkpoint":
        (root / "ckpt-7").mkdir()
        (root / "ckpt-30").mkdir()
    return LogDir(root)


@pytest.mark.parametrize(
    ("kind", "continue_learning", "result"),
    [
        ("file", False, InputError),
        ("file", True, InputError),
        ("used", False, InputError),
        ("checkpoint", False, InputError),
        ("used", True, InputError),
        ("missing", True, InputError),
        ("empty", True, InputError),
        ("missing", False, None),
        ("empty", False, None),
        ("checkpoint", True, "ckpt-30"),
    ],
)
def test_before_training(tmp_path, kind, continue_learning, result):
    logdir = make(tmp_path, kind)
    if result is InputError:
        with pytest.raises(InputError):
            checkpoint_to_start_from(logdir, "train", continue_learning)
        return
    found = checkpoint_to_start_from(logdir, "train", continue_learning)
    assert (found and found.name) == result


@pytest.mark.parametrize("kind", ["missing", "empty", "used"])
def test_evaluation_needs_a_checkpoint(tmp_path, kind):
    with pytest.raises(InputError):
        checkpoint_to_use(make(tmp_path, kind), best=False)


def test_the_best_checkpoint_is_used_when_asked_for(tmp_path):
    logdir = make(tmp_path, "checkpoint")
    (logdir.best / "ckpt-20").mkdir(parents=True)
    entries = '{"metric": "wer", "entries": [{"value": 0.1, "step": 20, "name": "ckpt-20"}]}'
    (logdir.best / "best.json").write_text(entries)
    assert checkpoint_to_use(logdir, best=False).name == "ckpt-30"
    assert checkpoint_to_use(logdir, best=True) == logdir.best / "ckpt-20"


def test_with_enable_logs_checkpoints_are_in_a_folder_of_their_own(tmp_path):
    logdir = LogDir(tmp_path, enable_logs=True)
    (tmp_path / "logs" / "ckpt-3").mkdir(parents=True)
    assert checkpoint_to_start_from(logdir, "train", True) == tmp_path / "logs" / "ckpt-3"
