"""The best checkpoints of a run, by one metric."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from open_seq2seq.files import write_whole
from open_seq2seq.training.checkpoints.background import BackgroundWriter
from open_seq2seq.training.checkpoints.storage import (
    Files,
    remove_checkpoint,
    remove_drafts,
    write_checkpoint,
)
from open_seq2seq.training.checkpoints.variables import snapshot


class BestCheckpoints:
    """The best checkpoints by one metric, in `folder`; the list survives restarts.

    Args:
      folder: usually `<logdir>/best_models`.
      metric: the name shown in `best.json`; smaller is better.
      count: how many are kept.
      writer: writes them in its thread; None: `offer` writes at once. With a writer all offers
        are to be made to the same object, which knows those that are not on disk yet.
    """

    def __init__(
        self, folder: Path, metric: str, count: int, writer: BackgroundWriter | None = None
    ):
        self.folder, self.metric, self.count, self.writer = folder, metric, count, writer
        self._least_offered = float("inf")

    @property
    def entries(self) -> list[dict[str, Any]]:
        """Kept checkpoints, best first: `{"value": ..., "step": ..., "name": ...}`."""
        try:
            stored = json.loads((self.folder / "best.json").read_text())
        except FileNotFoundError:
            return []
        usable = [e for e in stored["entries"] if (self.folder / e["name"]).is_dir()]
        return usable if stored["metric"] == self.metric else []

    @property
    def best(self) -> float:
        """The best value so far, infinity at first."""
        return min([self._least_offered, *(entry["value"] for entry in self.entries)])

    def offer(self, value: float, model: keras.Model, state: Mapping[str, Any]) -> bool:
        """Keeps the model's weights if `value` is better than all before; says whether.

        Raises:
          RunError: they, or with a writer an earlier checkpoint, could not be written.
        """
        if not value < self.best:
            return False
        files, state = snapshot(model), copy.deepcopy({**state, self.metric: value})
        if self.writer is None:
            self._keep(value, files, state)
        else:
            self.writer.submit(lambda: self._keep(value, files, state))
        self._least_offered = value
        return True

    def _keep(self, value: float, files: Files, state: Mapping[str, Any]) -> None:
        """Writes the new best one, and then removes those that are too many."""
        entries = self.entries
        path = write_checkpoint(self.folder, files, state)
        entries = [e for e in entries if e["name"] != path.name]
        entries.insert(0, {"value": value, "step": state["step"], "name": path.name})
        record = {"metric": self.metric, "entries": entries[: self.count]}
        write_whole(self.folder / "best.json", json.dumps(record, indent=1))
        for entry in entries[self.count :]:
            remove_checkpoint(self.folder / entry["name"])
        remove_drafts(self.folder)


def best_checkpoint(folder: Path) -> Path | None:
    """The best checkpoint that a `BestCheckpoints` keeps in `folder`, or None."""
    try:
        entries = json.loads((folder / "best.json").read_text())["entries"]
    except FileNotFoundError:
        return None
    return folder / entries[0]["name"] if entries else None
