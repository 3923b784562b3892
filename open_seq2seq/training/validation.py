"""Evaluation during training: a line, a record, and the best checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from open_seq2seq.training.checkpoint import BestCheckpoints
from open_seq2seq.training.console import say
from open_seq2seq.training.evaluation import Evaluation, evaluate
from open_seq2seq.training.experiment import Experiment
from open_seq2seq.training.logdir import LogDir
from open_seq2seq.training.step import EvaluationStep
from open_seq2seq.training.weight_average import WeightAverage


class Validation:
    """Evaluates the model that is being trained.

    Args:
      experiment: its model and parameters.
      data: the data layer to evaluate on.
      logdir: where records and the best checkpoints go; None writes nothing.
      average: the averaged weights, which are evaluated (and kept as the best) instead of the
        model's own; or None.
    """

    def __init__(
        self,
        experiment: Experiment,
        data: Any,
        logdir: LogDir | None,
        average: WeightAverage | None,
    ):
        self.experiment, self.data, self.logdir, self.average = experiment, data, logdir, average
        self.step = EvaluationStep(experiment.model)
        self.last: Evaluation | None = None

    def run(self, epochs: float, state: Mapping[str, Any]) -> dict[str, float]:
        """Evaluates now.

        Args:
          epochs: passes over the training data so far.
          state: `state.json` of a checkpoint of this moment.

        Returns: the figures for TensorBoard.
        """
        with self.average.swapped_in() if self.average else nullcontext():
            model, size = self.experiment.model, self.experiment.step_size
            result = self.last = evaluate(model, self.step, self.data, size, quiet=True)
            line = self._line(state["step"], result)
            if self.logdir is not None and self._keep_if_best(result, state):
                line += " (best so far)"
        if self.logdir is not None:
            self._record(epochs, state["step"], result)
        say(line)
        wer, cer = result.errors.words.rate, result.errors.characters.rate
        return {"eval_loss": result.loss, "eval_WER": wer, "eval_CER": cer}

    def _line(self, step: int, result: Evaluation) -> str:
        wer, cer = result.errors.words.rate, result.errors.characters.rate
        return f"Step {step}: eval loss {result.loss:.4f}, WER {wer:.2%}, CER {cer:.2%}"

    def _keep_if_best(self, result: Evaluation, state: Mapping[str, Any]) -> bool:
        assert self.logdir is not None
        params, model = self.experiment.params, self.experiment.model
        metric = params["best_checkpoint_metric"]
        value = result.errors.words.rate if metric == "wer" else result.loss
        state = {**state, "averaged_weights": self.average is not None}
        best = BestCheckpoints(self.logdir.best, metric, params["num_checkpoints"])
        return best.offer(value, model, state)

    def _record(self, epochs: float, step: int, result: Evaluation) -> None:
        assert self.logdir is not None
        record = {
            "step": step,
            "loss": result.loss,
            "wer": result.errors.words.rate,
            "cer": result.errors.characters.rate,
            "epoch": epochs,
            "seconds": result.seconds,
        }
        with open(self.logdir.checkpoints / "evaluations.jsonl", "a") as file:
            file.write(json.dumps(record) + "\n")
