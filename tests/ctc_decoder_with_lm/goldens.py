"""The golden files of `make_goldens.py`, read back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .arpa import NGramModel
from .brute_force import log_softmax
from .make_goldens import DATA, SYMBOLS, load


class Golden(NamedTuple):
    """One utterance's results by another decoder."""

    task: str
    number: int  # of the settings
    name: str
    settings: dict[str, Any]
    alpha: float
    beta: float
    results: list[dict[str, Any]]

    def __str__(self) -> str:
        return f"{self.task}-{self.number}-{self.name.strip().replace(' ', '_')}"

    @property
    def symbols(self) -> list[str]:
        return SYMBOLS[self.task]

    @property
    def logits(self) -> np.ndarray:
        return load(self.task)[self.name]

    @property
    def log_probs(self) -> np.ndarray:
        return log_softmax(self.logits)

    @property
    def model(self) -> NGramModel:
        return NGramModel.read(DATA / f"{self.task}.arpa")


def read(decoder: str) -> Iterator[Golden]:
    stored = json.loads((DATA / f"{decoder}.json").read_text(encoding="utf-8"))
    for number, run in enumerate(stored["runs"]):
        for name, results in run["results"].items():
            settings = run["settings"]
            yield Golden(
                run["task"], number, name, settings, stored["alpha"], stored["beta"], results
            )
