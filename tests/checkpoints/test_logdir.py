"""The table of log-directory rules, one case a row."""

import pytest

from open_seq2seq.checkpoints.logdir import (
    LogDir,
    checkpoint_to_start_from,
    checkpoint_to_use,
)
from open_seq2seq.errors import InputError


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
    if kind == "checkpoint in logs":
        (root / "logs/ckpt-7").mkdir(parents=True)
    if kind in ("failed start", "crashed"):
        (root / "run_2026.json").write_text("{}")
    if kind in ("events", "crashed"):
        (root / "events.out.tfevents.1.host").write_text("")
    if kind == "events of Keras":
        (root / "validation").mkdir()
        (root / "validation/events.out.tfevents.1.host.v2").write_text("")
    if kind == "best":
        (root / "best_models/ckpt-20").mkdir(parents=True)
        entries = '{"metric": "wer", "entries": [{"value": 0.1, "step": 20, "name": "ckpt-20"}]}'
        (root / "best_models/best.json").write_text(entries)
    return LogDir(root)


@pytest.mark.parametrize(
    ("kind", "continue_learning", "result"),
    [
        ("file", False, "a file"),
        ("file", True, "a file"),
        ("used", False, None),  # neither checkpoint nor events
        ("failed start", False, None),
        ("events", False, "events of another program"),
        ("events of Keras", False, "events of another program"),
        ("crashed", False, None),
        ("checkpoint", False, "Go on with it by --continue_learning, or"),
        ("checkpoint in logs", False, "Go on with it by --continue_learning with --enable_logs"),
        ("best", False, "--load_model="),
        ("used", True, "start without --continue_learning"),
        ("failed start", True, "Start again without --continue_learning; nothing is lost"),
        ("crashed", True, "Start again without --continue_learning; nothing is lost"),
        ("missing", True, "start without --continue_learning"),
        ("empty", True, "start without --continue_learning"),
        ("checkpoint in logs", True, "add --enable_logs"),
        ("best", True, "--load_model="),
        ("missing", False, None),
        ("empty", False, None),
        ("checkpoint", True, "ckpt-30"),
    ],
)
def test_before_training(tmp_path, kind, continue_learning, result, capsys):
    logdir = make(tmp_path, kind)
    if result is not None and not result.startswith("ckpt-"):
        with pytest.raises(InputError) as caught:
            checkpoint_to_start_from(logdir, "train", continue_learning)
        assert result in str(caught.value)
        return
    found = checkpoint_to_start_from(logdir, "train", continue_learning)
    assert (found and found.name) == result
    said = "ended before its first checkpoint: training starts anew"
    assert (said in capsys.readouterr().out) == (kind == "crashed")


def test_enable_logs_given_in_vain_is_named(tmp_path):
    make(tmp_path, "checkpoint")
    logdir = LogDir(tmp_path / "run", enable_logs=True)
    for attempt in (
        lambda: checkpoint_to_start_from(logdir, "train", True),
        lambda: checkpoint_to_use(logdir, False),
    ):
        with pytest.raises(InputError, match="leave out --enable_logs"):
            attempt()


def test_enable_logs_forgotten_is_named_for_evaluation(tmp_path):
    with pytest.raises(InputError, match=r"run/logs: add --enable_logs"):
        checkpoint_to_use(make(tmp_path, "checkpoint in logs"), best=False)


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
