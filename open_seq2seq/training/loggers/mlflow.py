"""MLflow."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.training.loggers.logger import TRAIN, Logger
from open_seq2seq.training.loggers.run_id import keep_run_id, kept_run_id

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RUN_ID = "mlflow_run.txt"
_EXPERIMENT = "open-seq2seq"
# MLflow's own limits: characters of a parameter, figures and parameters of a call.
_VALUE, _METRICS, _PARAMS = 500, 1000, 100


class MLflowLogger(Logger):
    """A run of MLflow.

    Server and experiment are those of its own environment variables, `MLFLOW_TRACKING_URI` and
    `MLFLOW_EXPERIMENT_NAME`. A training that goes on goes on in its run.

    Args:
      folder: the log directory's of checkpoints; its name is the run's.

    Raises:
      InputError: the run cannot be begun: no server, or a kept run that it does not know.
    """

    def __init__(self, folder: Path):
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        self._client = MlflowClient()
        kept = kept_run_id(folder / _RUN_ID)
        try:
            if kept is None:
                experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME", _EXPERIMENT)
                found = self._client.get_experiment_by_name(experiment)
                where = found.experiment_id if found else self._client.create_experiment(experiment)
                run = self._client.create_run(where, run_name=folder.absolute().name)
                self._id: str = run.info.run_id
            else:
                self._id = kept
                self._client.update_run(kept, status="RUNNING")
        except MlflowException as error:
            remedy = f"Look at MLFLOW_TRACKING_URI; without {_RUN_ID} a new run is begun."
            problem = Problem("loggers: mlflow", str(error), "a run that can be begun", remedy)
            raise InputError("MLflow cannot be used:", [problem]) from error
        keep_run_id(folder / _RUN_ID, self._id)

    def config(self, values: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        run = self._client.get_run(self._id)
        # A parameter cannot change: of a run that goes on, the file has the newest.
        new = [
            Param(name, str(value)[:_VALUE])
            for name, value in values.items()
            if name not in run.data.params
        ]
        for start in range(0, len(new), _PARAMS):
            self._client.log_batch(self._id, params=new[start : start + _PARAMS])
        self._client.log_dict(self._id, {k: repr(v) for k, v in values.items()}, "config.json")

    def scalars(self, step: int, values: Mapping[str, float], part: str = TRAIN) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(f"{part}/{name}", float(v), now, step) for name, v in values.items()]
        for start in range(0, len(metrics), _METRICS):
            self._client.log_batch(self._id, metrics=metrics[start : start + _METRICS])

    def text(self, step: int, name: str, text: str) -> None:
        self._client.log_text(self._id, text, f"step-{step}/{name}.md")

    def figure(self, step: int, name: str, figure: Figure) -> None:
        self._client.log_figure(self._id, figure, f"step-{step}/{name}.png")

    def audio(self, step: int, name: str, samples: np.ndarray, sample_freq: int) -> None:
        place, _, last = f"step-{step}/{name}".rpartition("/")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{last}.wav"
            soundfile.write(path, np.clip(samples, -1, 1), sample_freq, "PCM_16")
            self._client.log_artifact(self._id, str(path), place)

    def close(self) -> None:
        self._client.set_terminated(self._id)
