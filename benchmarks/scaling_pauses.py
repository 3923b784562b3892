"""How long training stands still for a checkpoint and for an evaluation; see `scaling.py`."""

from __future__ import annotations

import copy
import shutil
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from open_seq2seq.checkpoints.background import CheckpointWriter
from open_seq2seq.checkpoints.variables import save_checkpoint, snapshot
from open_seq2seq.config.loading import load_config
from open_seq2seq.data.batch import Batch
from open_seq2seq.distributed.process_group import ALONE, ProcessGroup
from open_seq2seq.experiment import make_experiment
from open_seq2seq.inference.evaluation import evaluate
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.models.precision import dtype_policy
from open_seq2seq.optimizers import make_optimizer
from open_seq2seq.training.step import StepOptions, TrainStep

CONFIGS = Path(__file__).resolve().parents[1] / "example_configs/speech2text"
# So short that the step of a large network is not much longer than the pause.
FRAMES, LABELS = 64, 4


class Pauses:
    """Steps of a network of a config, with checkpoints between them.

    Args:
      config: its file's name.
      width: factor of its channels.
      folder: where the first worker writes checkpoints.
    """

    def __init__(self, group: ProcessGroup, config: str, width: float, folder: Path):
        self.group, self.folder = group, folder
        loaded = load_config(CONFIGS / f"{config}.py")
        params = copy.deepcopy(loaded.base_model.PARAMS.fill(loaded.merged("train")))
        for layer in params["encoder_params"]["convnet_layers"]:
            layer["num_channels"] = round(layer["num_channels"] * width)
        policy, _ = dtype_policy("float32", False)
        features = params["data_layer_params"]["num_audio_features"]
        self.model = loaded.base_model(params, features, 28, policy)
        self.optimizer = make_optimizer(params["optimizer"], params["optimizer_params"])
        variables = self.model.trainable_variables
        self.step = TrainStep(
            self.model, self.optimizer, variables, StepOptions(), None, group.reducer
        )
        self.data = Batch(
            np.random.default_rng(0).standard_normal((1, FRAMES, features)).astype(np.float32),
            np.array([FRAMES], np.int32),
            np.arange(LABELS, dtype=np.int32)[None],
            np.array([LABELS], np.int32),
            np.arange(1),
            FRAMES / 100,
        )
        self.writer = CheckpointWriter()
        for _ in range(2):
            self._step()

    def describe(self) -> dict[str, float]:
        """The size of it."""
        files = snapshot(self.model, self.optimizer) if self.group.is_rank_zero else {}
        written = sum(a.nbytes for arrays in files.values() for a in arrays.values())
        return {"parameters": self.model.count_params(), "bytes": written}

    def _step(self) -> None:
        float(self.step(self.data, 1e-6).loss)

    def run(self, kind: str, count: int) -> list[float]:
        """Seconds of so many steps, of this worker; the first one's includes a checkpoint.

        Args:
          kind: "none"; "at once": written before training goes on; "thread": a snapshot is taken
            and a thread writes it.
        """
        seconds = []
        for number in range(count):
            started = time.perf_counter()
            if number == 0 and self.group.is_rank_zero:
                if kind == "at once":
                    save_checkpoint(self.folder, self.model, self.optimizer, {"step": 1})
                if kind == "thread":
                    files = snapshot(self.model, self.optimizer)
                    self.writer.save(self.folder, files, {"step": 1}, 1)
                    del files
            self._step()
            seconds.append(time.perf_counter() - started)
        self.writer.wait()
        if self.group.is_rank_zero:
            shutil.rmtree(self.folder, ignore_errors=True)
        return seconds


class Evaluations:
    """The digits' test recordings, evaluated by the first worker alone, and by all."""

    def __init__(self, group: ProcessGroup):
        self.group = group
        config = load_config(CONFIGS / "digits_jasper_mini.py")
        params = config.merged("eval")
        params["data_layer_params"]["dataset_files"] = [
            str(CONFIGS.parents[1] / "example_data/digits/test.csv")
        ]
        # Small ones, so that the last of them does not decide.
        params["eval_batch_size_per_gpu"] = 10
        keras.utils.set_random_seed(0)
        experiment = make_experiment(params, config.base_model, "eval", group=group)
        self.experiment = experiment
        self.shared = experiment.data
        self.whole = make_experiment(params, config.base_model, "eval").data
        self.recognizer = Recognizer.of(experiment)
        evaluate(self.recognizer, self.whole)

    def run(self, shared: bool) -> tuple[float, float]:
        """Seconds in which this worker cannot train, and those of them in which it has no work."""
        self.group.gather(None)
        started = time.perf_counter()
        own = 0.0
        if shared:
            own = self._evaluate(self.shared, self.group)
        elif self.group.is_rank_zero:
            own = self._evaluate(self.whole, ALONE)
        self.group.gather(None)
        seconds = time.perf_counter() - started
        return seconds, seconds - own

    def _evaluate(self, data: Any, group: ProcessGroup) -> float:
        """Evaluates; returns the seconds in which this worker worked."""
        started, waited = time.perf_counter(), 0.0

        class Watched(ProcessGroup):
            """The workers, whose gathering is timed."""

            rank, size = group.rank, group.size

            def gather(self, value: Any) -> list[Any]:
                """See `ProcessGroup`."""
                nonlocal waited
                before = time.perf_counter()
                values = group.gather(value)
                waited += time.perf_counter() - before
                return values

        evaluate(self.recognizer, data, group=Watched())
        return time.perf_counter() - started - waited
