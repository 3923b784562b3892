"""Evaluation during training: a line, a record, and the best checkpoint."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext

from open_seq2seq.checkpoints.background import BackgroundWriter
from open_seq2seq.checkpoints.best import BestCheckpoints
from open_seq2seq.checkpoints.logdir import LogDir
from open_seq2seq.distributed.process_group import ALONE, ProcessGroup
from open_seq2seq.experiment import Experiment
from open_seq2seq.files import JsonObject
from open_seq2seq.optimizers.weight_average import WeightAverage
from open_seq2seq.runs.summary import write_evaluation
from open_seq2seq.training.left_out import LeftOutGuard, LeftOutList
from open_seq2seq.training.tasks import AnyEvaluation, Evaluator

_log = logging.getLogger(__name__)


class Validation:
    """Evaluates the model that is being trained.

    Args:
      experiment: its model and parameters.
      evaluator: evaluates it, on its data.
      logdir: where records and the best checkpoints go; None writes nothing.
      average: the averaged weights, which are evaluated (and kept as the best) instead of the
        model's own; or None.
      group: those that evaluate together; the first one has the result and writes.
      writer: writes the best checkpoints while training goes on; None: at once.
    """

    def __init__(
        self,
        experiment: Experiment,
        evaluator: Evaluator,
        logdir: LogDir | None,
        average: WeightAverage | None,
        group: ProcessGroup = ALONE,
        writer: BackgroundWriter | None = None,
    ):
        self.group = group
        self.experiment, self.evaluator = experiment, evaluator
        self.logdir, self.average = logdir, average
        self.last: AnyEvaluation | None = None
        self.left_out = LeftOutGuard(
            LeftOutList(logdir.root / "left_out_evaluation.txt" if logdir else None),
            "Evaluation",
            len(evaluator.data.utterances),
            experiment.params.get("max_damaged_share", 0.0),
            group,
        )
        self.best = None
        if logdir is not None:
            metric, count = (
                experiment.params[name] for name in ("best_checkpoint_metric", "num_checkpoints")
            )
            self.best = BestCheckpoints(logdir.best, metric, count, writer)

    def run(
        self,
        epochs: float,
        state: JsonObject,
        show: Callable[[int, Evaluator, AnyEvaluation], None] | None = None,
    ) -> dict[str, float]:
        """Evaluates now.

        Args:
          epochs: passes over the training data so far.
          state: `state.json` of a checkpoint of this moment.
          show: is given the step, what evaluated and the result, while the model has the weights
            that were evaluated.

        Returns: the figures for the loggers; none at other workers than the first.
        """
        with self.average.swapped_in() if self.average else nullcontext():
            result = self.evaluator.evaluate(
                group=self.group,
                left_out=lambda found: self.left_out.add(f"step {state['step']}", found),
            )
            if result is None:
                return {}
            assert result.loss is not None
            self.last = result
            if show is not None:
                show(state["step"], self.evaluator, result)
            line = f"Step {state['step']}: {result.line()}"
            if self._keep_if_best(result, state):
                line += " (best so far)"
        if self.logdir is not None:
            self._record(epochs, state, result)
        _log.info(line)
        return {"loss": result.loss, **result.rates, **result.other_figures}

    def _keep_if_best(self, result: AnyEvaluation, state: JsonObject) -> bool:
        if self.best is None:
            return False
        assert result.loss is not None
        metric = self.best.metric
        value = result.loss if metric == "loss" else result.rates[metric]
        state = {**state, "averaged_weights": self.average is not None}
        return self.best.offer(value, self.experiment.model, state)

    def _record(self, epochs: float, state: JsonObject, result: AnyEvaluation) -> None:
        assert self.logdir is not None
        # When the evaluated weights were there: this evaluation is not in either time.
        cost = state["effort"]
        record = {
            "step": state["step"],
            "loss": result.loss,
            **result.rates,
            "epoch": epochs,
            "seconds": result.seconds,
            "wall_seconds": cost["seconds"],
            "training_seconds": cost["seconds"] - cost["evaluation_seconds"],
        }
        write_evaluation(self.logdir.checkpoints, record)
