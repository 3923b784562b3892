"""The best checkpoints of a run, by one metric."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import keras

from open_seq2seq.checkpoints.background import BackgroundWriter
from open_seq2seq.checkpoints.storage import (
    STATE,
    Files,
    checkpoints,
    is_checkpoint_name,
    read_state,
    remove_checkpoint,
    remove_drafts,
    write_checkpoint,
)
from open_seq2seq.checkpoints.variables import snapshot
from open_seq2seq.errors import InputError
from open_seq2seq.files import NUMBER, JsonObject, misfits, write_whole

BEST = "best.json"
_FORM = {"metric": str, "entries": [{"value": NUMBER, "step": int, "name": str}]}
# What `best_checkpoint_metric` may be: a best checkpoint's state has its value by this name.
METRICS = {"wer", "cer", "loss", "perplexity"}


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
    def entries(self) -> list[JsonObject]:
        """Kept checkpoints, best first: `{"value": ..., "step": ..., "name": ...}`."""
        metric, entries = stored_best(self.folder)
        return entries if metric == self.metric else []

    @property
    def best(self) -> float:
        """The best value so far, infinity at first."""
        return float(min([self._least_offered, *(entry["value"] for entry in self.entries)]))

    def offer(self, value: float, model: keras.Model, state: JsonObject) -> bool:
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

    def _keep(self, value: float, files: Files, state: JsonObject) -> None:
        """Writes the new best one, and then removes those that are too many."""
        entries = self.entries
        path = write_checkpoint(self.folder, files, state)
        entries = [e for e in entries if e["name"] != path.name]
        entries.insert(0, {"value": value, "step": state["step"], "name": path.name})
        record = {"metric": self.metric, "entries": entries[: self.count]}
        write_whole(self.folder / BEST, json.dumps(record, indent=1))
        for entry in entries[self.count :]:
            remove_checkpoint(self.folder / entry["name"])
        remove_drafts(self.folder)


def best_checkpoint(folder: Path) -> Path | None:
    """The best checkpoint that a `BestCheckpoints` keeps in `folder`, or None."""
    _, entries = stored_best(folder)
    return folder / entries[0]["name"] if entries else None


def stored_best(folder: Path) -> tuple[str, list[JsonObject]]:
    """The metric of the best checkpoints in a folder, and their entries, best first.

    Where `best.json` is missing or damaged (a full disk, a crash), they are those that the
    checkpoints' own `state.json` tell.
    """
    try:
        stored = json.loads((folder / BEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return _rebuilt(folder)
    if any(misfits(stored, _FORM)):
        return _rebuilt(folder)
    return stored["metric"], [e for e in stored["entries"] if _is_there(folder, e["name"])]


def mend_best(folder: Path) -> list[str]:
    """Writes `best.json` again where it is damaged, or missing beside checkpoints.

    Returns: what to say of it, if anything.

    Raises:
      RunError: it cannot be written.
    """
    metric, entries = stored_best(folder)
    file = folder / BEST
    try:
        stored = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        stored = None
    if not any(misfits(stored, _FORM)):
        return []
    if entries:
        write_whole(file, json.dumps({"metric": metric, "entries": entries}, indent=1))
        return [f"{file} is damaged or missing: it is written again from its checkpoints' {STATE}."]
    if file.exists():
        file.unlink()
        return [f"{file} is damaged, and there is no best checkpoint: it is written anew."]
    return []


def _is_there(folder: Path, name: str) -> bool:
    """A record names checkpoints of its own folder only."""
    return is_checkpoint_name(name) and (folder / name).is_dir()


def _rebuilt(folder: Path) -> tuple[str, list[JsonObject]]:
    entries: dict[str, list[JsonObject]] = {}
    for path in checkpoints(folder):
        try:
            state = read_state(path)
        except InputError:
            continue
        for metric in METRICS & state.keys():
            if not any(misfits(state[metric], NUMBER)):
                entry = {"value": state[metric], "step": state["step"], "name": path.name}
                entries.setdefault(metric, []).append(entry)
    if not entries:
        return "", []
    # A folder has those of one metric, or of two where the config was changed: the newest counts.
    metric = max(entries, key=lambda name: max(one["step"] for one in entries[name]))
    return metric, sorted(entries[metric], key=lambda one: (one["value"], -one["step"]))
