"""The loggers that a config names."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.training.loggers.csv_files import CSVLogger
from open_seq2seq.training.loggers.logger import Logger

_log = logging.getLogger(__name__)


def check_loggers(names: Sequence[str]) -> None:
    """Says before any work which packages are missing.

    Args:
      names: `loggers` of a config.

    Raises:
      InputError: some are.
    """
    # Both are optional; the schema knows no other names that could be missing.
    missing = [n for n in names if n in ("wandb", "mlflow") and not importlib.util.find_spec(n)]
    if missing:
        problems = [
            Problem(
                f"loggers: {name}",
                f"the package {name} is not installed",
                "a package that is",
                f"pip install 'open-seq2seq[{name}]', or another list of loggers.",
            )
            for name in missing
        ]
        raise InputError("The loggers cannot be used:", problems)


def make_loggers(names: Sequence[str], folder: Path, step: int) -> list[Logger]:
    """The backends of a run.

    Args:
      names: `loggers` of a config; each once.
      folder: where checkpoints are; TensorBoard's events and the CSV logger's files go there.
      step: where training begins.

    Raises:
      InputError: a package is missing, or a server cannot be used.
    """
    check_loggers(names)
    found = (_logger(name, folder, step) for name in dict.fromkeys(names))
    return [logger for logger in found if logger is not None]


def _logger(name: str, folder: Path, step: int) -> Logger | None:
    folder.mkdir(parents=True, exist_ok=True)
    if name == "csv":
        return CSVLogger(folder, step)
    if name == "wandb":
        from open_seq2seq.training.loggers.wandb import WandbLogger

        return WandbLogger(folder)
    if name == "mlflow":
        from open_seq2seq.training.loggers.mlflow import MLflowLogger

        return MLflowLogger(folder)
    try:
        from open_seq2seq.training.loggers.tensorboard import TensorBoardLogger
    except ModuleNotFoundError:  # with the JAX backend TensorFlow need not be there
        _log.info("TensorFlow is not installed: no TensorBoard events; see evaluations.jsonl.")
        return None
    return TensorBoardLogger(folder)
