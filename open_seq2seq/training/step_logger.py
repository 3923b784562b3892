"""What training prints and tells the loggers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from open_seq2seq.checkpoints.variables import named_variables
from open_seq2seq.data.batch import Batch, TextBatch
from open_seq2seq.experiment import Experiment
from open_seq2seq.tensors import Variable
from open_seq2seq.training.loggers import EVAL, make_loggers
from open_seq2seq.training.shown_samples import show_samples
from open_seq2seq.training.step import StepResult, Update
from open_seq2seq.training.step_timer import StepTimer
from open_seq2seq.training.tasks import AnyEvaluation, Evaluator, task_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainedStep:
    """One step, as far as it is reported.

    Args:
      number: steps done, with this one.
      epoch: of its last batch, from 0.
      epochs: passes over the data so far, with a fraction.
      batch, result: its last batch, and what came of it.
      loss: the mean over its batches.
      learning_rate, loss_scale: those it was made with.
    """

    number: int
    epoch: int
    epochs: float
    batch: Batch | TextBatch
    result: StepResult
    loss: float
    learning_rate: float
    loss_scale: float


class StepLogger:
    """Prints lines and tells the loggers, as often as the parameters say.

    Args:
      experiment: its parameters, data and model.
      variables: those that are trained.
      timer: the times of the steps.
      folder: where what is logged goes; None: there are no loggers.
      first: steps that were done before.

    Raises:
      InputError: a logger's package is missing, or its server cannot be used.
    """

    def __init__(
        self,
        experiment: Experiment,
        variables: Sequence[Variable],
        timer: StepTimer,
        folder: Path | None,
        first: int = 0,
    ):
        self.experiment, self.variables, self.timer = experiment, variables, timer
        self.params = experiment.params
        self.loggers = make_loggers(self.params["loggers"], folder, first) if folder else []
        for logger in self.loggers:
            logger.config(self.params)
        self._losses: list[float] = []
        self._terms: dict[str, list[float]] = {}

    def log(self, step: TrainedStep) -> None:
        """Everything that is printed and written every so many steps."""
        self._losses.append(step.loss)
        for name, losses in step.result.terms.items():
            finite = np.asarray(losses)[np.isfinite(losses)]
            if finite.size:
                self._terms.setdefault(name, []).append(float(finite.mean()))
        number = step.number
        if self._due("print_loss_steps", number) or (
            number == 1 and self.params["print_loss_steps"]
        ):
            _log.info(f"Epoch {step.epoch}, global step {number}:")
            taken = self.timer.interval_text()
            _log.info(f"    Train loss: {step.loss:.4f}, time per step = {taken}")
        if self._due("print_samples_steps", number):
            self._print_sample(step)
        if self._due("print_bench_info_steps", number):
            _log.info(f"Step {number}: {self.timer.recent_speed()}")
        if self.loggers and self._due("save_summaries_steps", number):
            self._summarise(step)

    def overflow(self, number: int, loss_scale: float) -> None:
        """The loss scale changed because gradients overflowed."""
        if "loss_scale" in self.params["summaries"]:
            for logger in self.loggers:
                logger.scalars(number, {"loss_scale": loss_scale})

    def evaluated(self, number: int, values: dict[str, float]) -> None:
        """Tells an evaluation's figures."""
        for logger in self.loggers:
            logger.scalars(number, values, EVAL)
            logger.flush()

    def show(self, number: int, evaluator: Evaluator, result: AnyEvaluation) -> None:
        """Shows what the model that was just evaluated makes of some recordings."""
        if self.loggers and "samples" in self.params["summaries"]:
            show_samples(self.loggers, number, evaluator, result)

    def close(self) -> None:
        for logger in self.loggers:
            logger.close()

    def _due(self, name: str, number: int) -> bool:
        """Whether what happens every `params[name]` steps happens now."""
        every = self.params[name]
        return bool(every) and number % every == 0

    def _print_sample(self, step: TrainedStep) -> None:
        if step.batch.is_padding:  # there is noise in it, and no text
            return
        task = task_of(self.experiment.model)
        for line in task.sample(self.experiment, step.batch, step.result):
            _log.info(f"    {line}")

    def _summarise(self, step: TrainedStep) -> None:
        chosen, update = self.params["summaries"], step.result.update
        # The mean since the last time: single batches differ too much to make a curve.
        mean_loss = sum(self._losses) / len(self._losses)
        self._losses = []
        scalars = {"loss": mean_loss, "epoch": step.epochs}
        terms, self._terms = self._terms, {}
        scalars |= {f"loss_{name}": sum(each) / len(each) for name, each in terms.items()}
        scalars[f"{self.timer.unit.tag}_per_second"] = self.timer.rate()
        if "learning_rate" in chosen:
            scalars["learning_rate"] = step.learning_rate
        if "loss_scale" in chosen:
            scalars["loss_scale"] = step.loss_scale
        if "global_gradient_norm" in chosen and update is not None:
            scalars["global_gradient_norm"] = float(update.gradient_norm)
        names = list(named_variables(self.variables))
        if "larc_summaries" in chosen and update is not None and update.larc is not None:
            scalars |= {
                f"{kind}/{name}": float(value)
                for kind, values in update.larc._asdict().items()
                for name, value in zip(names, np.asarray(values))
            }
        if not step.batch.is_padding:
            task = task_of(self.experiment.model)
            scalars |= task.figures(self.experiment, step.batch, step.result)
        for logger in self.loggers:
            logger.scalars(step.number, scalars)
        self._summarise_tensors(step.number, names, update)

    def _summarise_tensors(self, number: int, names: list[str], update: Update | None) -> None:
        """Histograms and norms of weights and gradients."""
        chosen = self.params["summaries"]
        variables = {name: v.value for name, v in zip(names, self.variables)}
        gradients = dict(zip(names, update.gradients if update else ()))
        for group, tensors in (("variables", variables), ("gradients", gradients)):
            norm_group = f"{group.removesuffix('s')}_norm"
            named = {f"{group}/{name}": tensor for name, tensor in tensors.items()}
            norms = {}
            if norm_group in chosen:
                for name, tensor in tensors.items():
                    values = np.asarray(tensor, np.float64)
                    norms[f"{norm_group}/{name}"] = float(np.linalg.norm(values))
            for logger in self.loggers:
                if group in chosen:
                    logger.histograms(number, named)
                if norms:
                    logger.scalars(number, norms)
