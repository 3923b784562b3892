"""Weights & Biases."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.metrics.pictures import picture
from open_seq2seq.tensors import Tensor
from open_seq2seq.training.loggers.logger import TRAIN, Logger
from open_seq2seq.training.loggers.run_id import keep_run_id, kept_run_id

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RUN_ID = "wandb_run.txt"


class WandbLogger(Logger):
    """A run of Weights & Biases.

    Project, entity, mode and key are those of its own environment variables: `WANDB_PROJECT`,
    `WANDB_ENTITY`, `WANDB_MODE=offline`, `WANDB_API_KEY`. A training that goes on
    goes on in its run.

    Args:
      folder: the log directory's of checkpoints; its name is the run's.

    Raises:
      InputError: the run cannot be begun: no key, no such project.
    """

    def __init__(self, folder: Path):
        import wandb

        self._wandb = wandb
        kept = kept_run_id(folder / _RUN_ID)
        try:
            # Offline, 0.31 keeps nothing of a run that is to be resumed; `sync --append` joins.
            goes_on = kept is not None and wandb.setup().settings.mode == "online"
            self._run: Any = wandb.init(
                dir=str(folder),
                name=folder.absolute().name,
                id=kept,
                resume="allow" if goes_on else None,
            )
        except wandb.Error as error:
            remedy = "Log in by `wandb login`, or set WANDB_MODE=offline."
            problem = Problem("loggers: wandb", str(error), "a run that can be begun", remedy)
            raise InputError("Weights & Biases cannot be used:", [problem]) from error
        keep_run_id(folder / _RUN_ID, self._run.id)

    def config(self, values: Mapping[str, Any]) -> None:
        self._run.config.update(dict(values), allow_val_change=True)

    def scalars(self, step: int, values: Mapping[str, float], part: str = TRAIN) -> None:
        self._run.log({f"{part}/{name}": value for name, value in values.items()}, step=step)

    def histograms(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        made = {name: self._wandb.Histogram(np.asarray(t)) for name, t in tensors.items()}
        self._run.log(made, step=step)

    def text(self, step: int, name: str, text: str) -> None:
        self._run.log({name: self._wandb.Html(f"<pre>{_escaped(text)}</pre>")}, step=step)

    def figure(self, step: int, name: str, figure: Figure) -> None:
        # Drawn here: given the figure, wandb would want pyplot, and with it a display's backend.
        drawn = Image.open(io.BytesIO(picture(figure, ".png")))
        self._run.log({name: self._wandb.Image(drawn)}, step=step)

    def audio(self, step: int, name: str, samples: np.ndarray, sample_freq: int) -> None:
        self._run.log({name: self._wandb.Audio(samples, sample_rate=sample_freq)}, step=step)

    def close(self) -> None:
        self._run.finish()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
