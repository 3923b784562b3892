"""The sub-commands of `open-seq2seq`: name, module, a line of help, the script that does the same.

A module has `main(arguments, prog) -> exit code`; it is imported when its command is called, so
that `open-seq2seq --help` waits for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

PROGRAM = "open-seq2seq"


class Command(NamedTuple):
    """A sub-command.

    Args:
      module: below `open_seq2seq.commands`.
      summary: a line of help.
      door: the script that does the same, relative to the repository; None: there is none.
      options: further arguments of the module's `main`.
    """

    module: str
    summary: str
    door: str | None = None
    options: Mapping[str, Any] = {}


def _mode(name: str, summary: str) -> Command:
    return Command("run", summary, "run.py", {"mode": name})


COMMANDS: dict[str, Command] = {
    "train": _mode("train", "learn from the training data of a config"),
    "train_eval": _mode("train_eval", "learn, evaluate meanwhile, keep the best checkpoints"),
    "eval": _mode("eval", "loss, WER and CER of a trained model"),
    "infer": _mode("infer", "transcripts (or logits) of recordings"),
}
