"""TensorBoard's events."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from open_seq2seq.metrics.pictures import picture
from open_seq2seq.runs.events import EVAL as EVAL_FOLDER
from open_seq2seq.runs.events import TRAIN as TRAIN_FOLDER
from open_seq2seq.tensors import Tensor
from open_seq2seq.training.loggers.logger import EVAL, TRAIN, Logger

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FOLDERS = {TRAIN: TRAIN_FOLDER, EVAL: EVAL_FOLDER}


class TensorBoardLogger(Logger):
    """Events for TensorBoard.

    Args:
      folder: gets the events of training, and its folder `eval` those of evaluations: TensorBoard
        lays the two over each other.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._writers: dict[str, Any] = {}

    def _writer(self, part: str) -> Any:
        """Made when it is needed: a run without evaluations has no empty file of them."""
        if part not in self._writers:
            folder = self._folder / _FOLDERS[part]
            self._writers[part] = tf.summary.create_file_writer(str(folder))
        return self._writers[part].as_default()

    def config(self, values: Mapping[str, Any]) -> None:
        rows = [f"| {name} | {_cell(value)} |" for name, value in values.items()]
        self.text(0, "config", "\n".join(["| parameter | value |", "|---|---|", *rows]), TRAIN)

    def scalars(self, step: int, values: Mapping[str, float], part: str = TRAIN) -> None:
        with self._writer(part):
            for name, value in values.items():
                tf.summary.scalar(name, value, step=step)

    def histograms(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        with self._writer(TRAIN):
            for name, tensor in tensors.items():
                tf.summary.histogram(name, tensor, step=step)

    def text(self, step: int, name: str, text: str, part: str = EVAL) -> None:
        with self._writer(part):
            tf.summary.text(name, text, step=step)

    def figure(self, step: int, name: str, figure: Figure) -> None:
        image = tf.io.decode_png(picture(figure, ".png"), channels=3)
        with self._writer(EVAL):
            tf.summary.image(name, image[None], step=step)

    def audio(self, step: int, name: str, samples: np.ndarray, sample_freq: int) -> None:
        sound = np.clip(samples, -1, 1)[None, :, None]
        with self._writer(EVAL):
            tf.summary.audio(name, sound, sample_freq, step=step)

    def flush(self) -> None:
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()


def _cell(value: object) -> str:
    """A value in a table of Markdown, on one line."""
    return f"`{value!r}`".replace("|", "\\|").replace("\n", " ")
