"""The rules about log directories, and where things are in them.

With `--enable_logs` everything is under `logdir/logs`, otherwise in `logdir` itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.training.checkpoints.best import best_checkpoint
from open_seq2seq.training.checkpoints.storage import latest_checkpoint


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

    def is_used(self) -> bool:
        return self.root.is_dir() and any(self.root.iterdir())


def checkpoint_to_start_from(logdir: LogDir, mode: str, continue_learning: bool) -> Path | None:
    """Checks the log directory before training; the checkpoint to resume from, or None.

    Raises:
      InputError: the folder is in use and `continue_learning` is off, or the other way
        round, or it is a file.
    """
    root, latest = logdir.root, logdir.latest()
    if root.exists() and not root.is_dir():
        raise _refused(root, "a file", "a folder", "Set another --logdir.")
    if not continue_learning:
        if logdir.is_used():
            remedy = (
                "Go on with it by --continue_learning, or choose another --logdir, or "
                "(--no_dir_check) train in it all the same."
            )
            raise _refused(root, f"a folder in use (mode {mode})", "an empty or new one", remedy)
        return None
    if latest is None:
        where = logdir.checkpoints
        remedy = "Check --logdir and --enable_logs, or leave out --continue_learning."
        raise _refused(where, "no checkpoint", "one to continue from", remedy)
    return latest


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
        state = "no checkpoint" if logdir.is_used() else "a missing or empty folder"
        remedy = "Train first (--mode=train), or check --logdir and --enable_logs."
        raise _refused(logdir.checkpoints, state, "a trained model's checkpoint", remedy)
    return found


def _refused(path: Path, found: str, expected: str, remedy: str) -> InputError:
    return InputError(
        "The log directory does not fit this run:", [Problem(str(path), found, expected, remedy)]
    )
