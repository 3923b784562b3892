"""The rules about log directories, and where things are in them.

With `--enable_logs` everything is under `logdir/logs`, otherwise in `logdir` itself.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from open_seq2seq.checkpoints.best import best_checkpoint
from open_seq2seq.checkpoints.storage import latest_checkpoint
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.runs.events import has_events

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LogDir:
    """An experiment's folder.

    Args:
      root: the `logdir` of the config.
      enable_logs: whether checkpoints and events go to `root/logs`.
    """

    root: Path
    enable_logs: bool = False

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints and TensorBoard events."""
        return self.root / "logs" if self.enable_logs else self.root

    @property
    def best(self) -> Path:
        """The folder of the best checkpoints."""
        return self.checkpoints / "best_models"

    def latest(self) -> Path | None:
        return latest_checkpoint(self.checkpoints)

    def has_checkpoint(self) -> bool:
        """Whether there is any, be it one of the best."""
        return self.latest() is not None or best_checkpoint(self.best) is not None

    @property
    def other(self) -> LogDir:
        """Where a run with (or without) --enable_logs has its checkpoints."""
        return LogDir(self.root, not self.enable_logs)


def checkpoint_to_start_from(logdir: LogDir, mode: str, continue_learning: bool) -> Path | None:
    """Checks the log directory before training; the checkpoint to resume from, or None.

    A folder is in use if there is a checkpoint in it, or TensorBoard's events of something else
    than a run of this program. A run that ended before its first checkpoint is no hindrance.

    Raises:
      InputError: the folder is in use and `continue_learning` is off, or the other way
        round, or it is a file.
    """
    root = logdir.root
    if root.exists() and not root.is_dir():
        raise _refused(root, "a file", "a folder", "Set another --logdir.")
    if not continue_learning:
        _check_free(logdir, mode)
        return None
    latest = logdir.latest()
    if latest is None:
        raise _nothing_to_continue(logdir)
    return latest


def _check_free(logdir: LogDir, mode: str) -> None:
    root = logdir.root
    found, expected = f"a folder in use (mode {mode})", "an empty or new one"
    rest = "choose another --logdir, or (--no_dir_check) train in it all the same."
    for place, flags in ((logdir, ""), (logdir.other, _flag(logdir.other))):
        if place.latest() is not None:
            remedy = f"Go on with it by --continue_learning{flags}, or {rest}"
            raise _refused(root, found, expected, remedy)
        if place.has_checkpoint():
            remedy = f"Start from its best weights by --load_model={place.best} in another --logdir"
            raise _refused(root, found, expected, f"{remedy}, or {rest}")
    begun = any(root.glob("run_*.json"))
    events = has_events(root) or has_events(root / "logs")
    if events and not begun:
        raise _refused(root, f"{found}: events of another program", expected, f"To go on, {rest}")
    if events:
        _log.info(f"A run in {root} ended before its first checkpoint: training starts anew there.")


def _flag(other: LogDir) -> str:
    """What to add to the command line, or leave out, to reach the other place."""
    return " with --enable_logs" if other.enable_logs else " without --enable_logs"


def _elsewhere(logdir: LogDir) -> str:
    """The remedy where --enable_logs was forgotten, or given in vain; nothing where it was not."""
    other = logdir.other
    if not other.has_checkpoint():
        return ""
    what = "Add --enable_logs" if other.enable_logs else "Leave out --enable_logs"
    return (
        f"Its checkpoints are in {other.checkpoints}: {what[0].lower()}{what[1:]} (in Python: "
        f"enable_logs={other.enable_logs})."
    )


def _nothing_to_continue(logdir: LogDir) -> InputError:
    where, found = logdir.checkpoints, "no checkpoint"
    remedy = _elsewhere(logdir)
    if not remedy and logdir.has_checkpoint():
        found = "best checkpoints alone, which have weights only"
        remedy = f"Start from them: --load_model={logdir.best} in another --logdir."
    elif not remedy and logdir.root.is_dir() and any(logdir.root.glob("run_*.json")):
        found = "no checkpoint yet"
        remedy = "Start again without --continue_learning; nothing is lost."
    elif not remedy:
        remedy = "Check --logdir, or start without --continue_learning."
    return _refused(where, found, "one to continue from", remedy)


def checkpoint_to_use(logdir: LogDir, best: bool) -> Path:
    """The checkpoint that evaluation and inference use.

    Args:
      best: prefer the best checkpoint, when there is one, to the newest.

    Raises:
      InputError: there is none.
    """
    found = (best_checkpoint(logdir.best) if best else None) or logdir.latest()
    if found is None:
        found = best_checkpoint(logdir.best)
    if found is None:
        there = logdir.root.is_dir() and any(logdir.root.iterdir())
        state = "no checkpoint" if there else "a missing or empty folder"
        remedy = _elsewhere(logdir) or "Train first (--mode=train), or check --logdir."
        raise _refused(logdir.checkpoints, state, "a trained model's checkpoint", remedy)
    return found


def _refused(path: Path, found: str, expected: str, remedy: str) -> InputError:
    return InputError(
        "The log directory does not fit this run:", [Problem(str(path), found, expected, remedy)]
    )
