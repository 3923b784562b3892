"""Plain files, for those who read figures with a program of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from open_seq2seq.files import append_text, csv_line, write_whole
from open_seq2seq.metrics.pictures import picture
from open_seq2seq.training.loggers.logger import TRAIN, Logger

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METRICS = "metrics.csv"
SAMPLES = "logged_samples"
_HEADER = ("step", "part", "name", "value")


class CSVLogger(Logger):
    """`metrics.csv` with a row for each figure, and `logged_samples/` with a file for the rest.

    The run's parameters are in the log directory already.

    Args:
      folder: the log directory's of checkpoints.
      step: where training begins; what an interrupted run told of later steps goes.
    """

    def __init__(self, folder: Path, step: int):
        self._folder = folder
        lines = [csv_line(_HEADER)]
        if self._file.exists():
            rows = self._file.read_text(encoding="utf-8").splitlines(keepends=True)[1:]
            lines += [row for row in rows if row.endswith("\n") and int(row.split(",")[0]) <= step]
        write_whole(self._file, "".join(lines).encode())

    @property
    def _file(self) -> Path:
        return self._folder / METRICS

    def scalars(self, step: int, values: Mapping[str, float], part: str = TRAIN) -> None:
        rows = [csv_line((step, part, name, repr(float(v)))) for name, v in values.items()]
        append_text(self._file, "".join(rows))

    def text(self, step: int, name: str, text: str) -> None:
        write_whole(self._sample(step, name, ".md"), f"{text}\n".encode())

    def figure(self, step: int, name: str, figure: Figure) -> None:
        write_whole(self._sample(step, name, ".png"), picture(figure, ".png"))

    def audio(self, step: int, name: str, samples: np.ndarray, sample_freq: int) -> None:
        path = self._sample(step, name, ".wav")
        soundfile.write(path, np.clip(samples, -1, 1), sample_freq, "PCM_16")

    def _sample(self, step: int, name: str, ending: str) -> Path:
        path = self._folder / SAMPLES / f"step-{step}" / f"{name}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
