"""Where a training run is, and whether its data is what it was."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from open_seq2seq.config.schema import Params
from open_seq2seq.data.manifest_table import DIGEST, Manifest
from open_seq2seq.data.protocols import DataLayer
from open_seq2seq.files import JsonObject

# What data is made of, which says nothing about how it is cut into batches.
_CONTENT = ("manifests", "rows")


@dataclass
class Progress:
    """Where training is: what `state.json` holds besides the model's metadata.

    Args:
      step: steps (updates of the weights) done.
      epoch: epochs completed.
      position: batches of the current epoch done.
      data: identifies the batches of an epoch; `position` means nothing under others.
      ahead: steps by which a run of so many epochs is further than `step` says: with more
        workers an epoch has fewer steps than those before had. Learning-rate policies count it.
    """

    step: int = 0
    epoch: int = 0
    position: int = 0
    data: JsonObject = field(default_factory=dict)
    ahead: int = 0

    @classmethod
    def of(cls, state: JsonObject) -> Progress:
        """What a checkpoint's state holds of it."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in state.items() if name in known})

    def fits(self, data: JsonObject) -> bool:
        """Whether the epochs have the same batches under `data`, of which old runs say less."""
        now = {name: value for name, value in data.items() if name not in _CONTENT}
        then = {name: value for name, value in self.data.items() if name not in _CONTENT}
        return {**now, **then} == now

    def changes(self, data: JsonObject) -> list[str]:
        """What is other under `data`, each in a few words: `utterances: 897 then, 900 now`."""
        shown = []
        for name, value in data.items():
            before = self.data.get(name, value)
            if before == value:
                continue
            if name == "rows":
                shown.append("recordings or transcripts: others than then")
            else:
                shown.append(f"{name.replace('_', ' ')}: {before} then, {value} now")
        return shown


def data_identity(
    data: DataLayer, params: Params, group: int, then: JsonObject | None = None
) -> JsonObject:
    """What the plan of an epoch depends on.

    So many workers with so large batches are all the same, unless batches have a limit.

    Args:
      data: the training data layer.
      params: the experiment's.
      group: processes and devices that train together.
      then: that of the run that goes on: rows are told apart as it did.
    """
    identity = {
        "utterances": len(data.utterances),
        "batches_per_epoch": data.batches_per_epoch,
        "random_seed": params["random_seed"],
        "batch_size": group * params["batch_size_per_gpu"],
    }
    files = params["data_layer_params"].get("dataset_files")
    if files:
        identity["manifests"] = [os.path.basename(str(file)) for file in files]
        if any(str(file).endswith(".tar") for file in files):
            identity["shuffle_buffer"] = params["data_layer_params"].get("shuffle_buffer")
    identity["rows"] = rows_digest(data.utterances, then)
    limits = ("max_batch_duration", "max_batch_tokens")
    if any(params["data_layer_params"].get(name) for name in limits):
        identity["workers"] = group
    return identity


def is_old_digest(data: JsonObject) -> bool:
    """Whether a run told rows apart one by one, by `Manifest.identity`."""
    return not str(data.get("rows", DIGEST)).startswith(DIGEST)


def rows_digest(utterances: Sequence[object], then: JsonObject | None = None) -> str:
    """What tells recordings and transcripts apart, wherever they lie; see `data_identity`."""
    if isinstance(utterances, Manifest) and not is_old_digest(then or {}):
        return utterances.digest()
    digest = hashlib.sha256()
    if isinstance(utterances, Manifest):
        for piece in utterances.identity():
            digest.update(piece)
        return digest.hexdigest()[:16]
    for one in utterances:
        name, text = (
            os.path.basename(str(getattr(one, "name", ""))),
            getattr(one, "transcript", one),
        )
        segment = getattr(one, "segment", "")
        digest.update(f"{name}\0{segment}\0{text}\0".encode(errors="surrogatepass"))
    return digest.hexdigest()[:16]
