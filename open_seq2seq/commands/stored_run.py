"""What the log directory of a training run keeps of it: its config and its arguments."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import misfits, parsed_json


@dataclass(frozen=True)
class StoredRun:
    """What the log directory of a training run says of it.

    Args:
      logdir: the log directory.
      config: its copy of the config.
      overrides: `--key=value` arguments that it was trained with.
      enable_logs: whether its checkpoints are in `logs`.
    """

    logdir: Path
    config: Path
    overrides: list[str] = field(default_factory=list)
    enable_logs: bool = False


def logdir_of(checkpoint: Path) -> Path:
    """The log directory that a checkpoint is in."""
    folder = checkpoint.resolve().parent
    while folder.name in ("best_models", "logs") and not any(folder.glob("run_*.json")):
        folder = folder.parent
    return folder


def stored_run(checkpoint: Path, run_parser: argparse.ArgumentParser) -> StoredRun | None:
    """The newest training run that the checkpoint's log directory has a record of."""
    logdir = logdir_of(checkpoint)
    for path in sorted(logdir.glob("run_*.json"), reverse=True):
        config = logdir / f"config_{path.stem.removeprefix('run_')}.py"
        try:
            record = parsed_json(path.read_text(encoding="utf-8"))
            if wrong := list(misfits(record, {"config": dict, "arguments": [str]})):
                raise ValueError("; ".join(wrong[:3]))
            trains, arguments = "train" in record["config"], record["arguments"]
        except (OSError, ValueError) as error:
            problem = Problem(str(path), str(error), "the record of a run")
            raise InputError("The log directory cannot be read:", [problem]) from error
        if trains and config.is_file():
            flags, overrides = run_parser.parse_known_args(arguments)
            return StoredRun(logdir, config, overrides, flags.enable_logs)
    return None
