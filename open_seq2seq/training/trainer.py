"""The training loop.

It is not Keras's `fit`, because two promises need more than scalar logs per batch:
losses that are not finite are named by file, which takes the loss of every utterance,
and a run resumes at any batch of an epoch.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from open_seq2seq.checkpoints.background import CheckpointWriter
from open_seq2seq.checkpoints.logdir import LogDir
from open_seq2seq.data.batch import Batch, TextBatch
from open_seq2seq.distributed.process_group import ALONE, ProcessGroup
from open_seq2seq.distributed.shards import rate_factor
from open_seq2seq.distributed.stalls import report_stalls
from open_seq2seq.experiment import Experiment
from open_seq2seq.optimizers import make_lr_schedule
from open_seq2seq.progress import ProgressFactory, clock, unshown
from open_seq2seq.training.left_out import LeftOutGuard, LeftOutList, recordings
from open_seq2seq.training.loss_scale import LossScaling
from open_seq2seq.training.nonfinite import NonFiniteGuard
from open_seq2seq.training.state import TrainingState
from open_seq2seq.training.step import StepResult
from open_seq2seq.training.step_factory import make_train_step
from open_seq2seq.training.step_logger import StepLogger, TrainedStep
from open_seq2seq.training.step_timer import StepTimer
from open_seq2seq.training.stop_signals import StopSignals
from open_seq2seq.training.tasks import AnyEvaluation, Evaluator
from open_seq2seq.training.validation import Validation

_log = logging.getLogger(__name__)


@dataclass
class _Accumulated:
    """The batches since the last update of the weights: `iter_size` of them make a step.

    Args:
      losses: of each batch, the mean over all workers' utterances.
      units: seconds of audio (or tokens) in all of them.
      stops: whether a worker was asked to stop meanwhile.
    """

    losses: list[float] = field(default_factory=list)
    units: float = 0.0
    stops: bool = False


class Trainer:
    """Trains an experiment's model.

    Args:
      experiment: model and training data.
      logdir: where checkpoints and events go; None writes nothing (benchmarks).
      evaluator: what evaluates the model every `eval_steps`, or None.
      jit: compile the step with XLA.
      group: the processes that train together; each has a trainer, the first one writes.
      progress: shows how far training is.
    """

    def __init__(
        self,
        experiment: Experiment,
        logdir: LogDir | None,
        evaluator: Evaluator | None = None,
        jit: bool = False,
        group: ProcessGroup = ALONE,
        progress: ProgressFactory = unshown,
    ):
        self._progress = progress
        self.group = group
        self.experiment, self.logdir = experiment, logdir if group.is_rank_zero else None
        self._benchmarks = logdir is None
        self.params, self.data, self.model = experiment.params, experiment.data, experiment.model
        params = self.params
        scaling = LossScaling(params, self.model)
        parts = make_train_step(experiment, scaling, group.reducer, jit)
        self.step, self.average = parts.step, parts.average
        self.state = TrainingState(experiment, parts.optimizer, parts.average, scaling, group)
        by_epochs = params["num_epochs"]
        each = self.state.batches_per_epoch // params["iter_size"]
        self.steps_per_epoch = max(each, 1) if by_epochs else None
        self.learning_rate = make_lr_schedule(
            params["lr_policy"],
            params["lr_policy_params"],
            self.state.last_step,
            self.steps_per_epoch,
        )
        replicas = group.size * experiment.devices
        self.rate_factor = rate_factor(params["lr_scaling"], replicas)
        self.writer = CheckpointWriter()
        self.validation = None
        if evaluator is not None:
            used = self.average if params["use_ema"] else None
            self.validation = Validation(
                experiment, evaluator, self.logdir, used, group, self.writer
            )
        self._timer = StepTimer(params["bench_start"], unit=self.data.UNIT)
        self._signals = StopSignals()
        self._overflowed = False

    @property
    def last_evaluation(self) -> AnyEvaluation | None:
        """The newest evaluation of this run."""
        return self.validation.last if self.validation else None

    def save(self, spare: int = 0) -> Path | None:
        """Asks for a checkpoint of this moment, which is not within the batches of a step.

        Args:
          spare: so many more than `num_checkpoints` stay.

        Training goes on while it is written; an error is raised by the next one, or at the end.
        """
        if self.logdir is None:
            return None
        files, keep = self.state.arrays(), self.params["num_checkpoints"] + spare
        return self.writer.save(self.logdir.checkpoints, files, self.state.contents(), keep)

    def run(self) -> str:
        """Trains to the last step, or until interrupted; returns a summary.

        Raises:
          RunError: too many losses were not finite, or the disk is full. This and any other error
            comes after a checkpoint of the last whole step was written, where that is possible.
          KeyboardInterrupt: after a Ctrl-C, when the checkpoint is written.
        """
        started = time.monotonic()
        state = self.state
        first = state.progress.step
        if state.is_finished:
            return f"Nothing to do: step {first} of {state.last_step} was reached before."
        if self.average and first == 0:
            self.average.start()  # the weights may have been loaded since it was made
        state.share_variables()
        folder = self.logdir.checkpoints if self.logdir else None
        guard = NonFiniteGuard(
            (folder or Path()) / "nonfinite.csv",
            self.data.utterances,
            self.params["max_nonfinite_share"],
            self.group,
        )
        self._left_out = LeftOutGuard(
            LeftOutList(self.logdir.root / "left_out_training.txt" if self.logdir else None),
            "Training",
            len(self.data.utterances),
            self.params.get("max_damaged_share", 0.0),
            self.group,
        )
        logger = StepLogger(self.experiment, self.step.variables, self._timer, folder, first)
        state.cost.start()
        try:
            stops, path = self._loop(first, guard, logger)
        except Exception:
            self._save_after_error(first)
            with suppress(Exception):
                logger.close()
            raise
        state.cost.stop()
        if stops and path is not None:
            _log.info(f"Interrupted; saved {path}. Go on with --continue_learning.")
        logger.close()
        if stops:
            raise KeyboardInterrupt
        return self._summary(time.monotonic() - started, state.progress.step - first, guard)

    def _loop(
        self, first: int, guard: NonFiniteGuard, logger: StepLogger
    ) -> tuple[bool, Path | None]:
        """Trains; whether that was stopped by a signal, and the last checkpoint."""
        stops, state = False, self.state
        with (
            self.writer,
            self._signals,
            self._progress("training", state.last_step, first) as bar,
        ):
            accumulated = _Accumulated()
            state.keep_position()
            for batch in report_stalls(self._batches(), "loading a batch"):
                number = state.progress.step + 1
                planned = state.progress.step + state.progress.ahead
                rate = self.learning_rate(planned) * self.rate_factor
                scale = state.scaling.scale
                complete = state.completes_step(len(accumulated.losses) + 1)
                result = self._train(batch, rate, complete, accumulated, logger)
                advances = complete and self._advances(result)
                if advances:
                    self._timer.end_step(accumulated.units)
                    state.progress.step += 1
                if complete:
                    state.keep_position()
                self._inspect(number, batch, result, guard)
                if not complete:
                    continue
                if advances:
                    loss = sum(accumulated.losses) / len(accumulated.losses)
                    bar.advance(*self._status(loss))
                    logger.log(self._trained_step(batch, result, loss, rate, scale))
                    self._evaluate_and_save(logger)
                    self._timer.skip()
                stops, accumulated = accumulated.stops, _Accumulated()
                if stops:
                    break
            # A launcher ends the job when one worker has left: not before all is written.
            path = self.group.run_on_rank_zero(self._save_last)
        return stops, path

    def _save_after_error(self, first: int) -> None:
        """Keeps what was trained when an error ends training, as far as that can be.

        Weights and position are those of the last whole step. Where it was between the batches of
        a step, or the step itself failed, random numbers and batch statistics may be ahead of them.
        No older checkpoint goes for this one.
        """
        state = self.state
        if self.logdir is None or state.progress.step == first:
            return
        state.cost.stop()
        state.return_to_last_step()
        path = self.logdir.checkpoints / f"ckpt-{state.progress.step}"
        try:
            if not path.exists():
                if not all(np.isfinite(np.asarray(v.value)).all() for v in self.model.weights):
                    _log.info("An error ends training. Its weights are not finite and not saved.")
                    return
                self.save(spare=1)
                self.writer.wait()
        except Exception as error:  # the first error is what is to be said
            _log.info(f"An error ends training, and its last steps cannot be saved: {error}")
            return
        _log.info(f"An error ends training; saved {path}. Go on with --continue_learning.")

    def _save_last(self) -> Path | None:
        path = self.save()
        self.writer.wait()
        return path

    def _status(self, loss: float) -> list[str]:
        """How training goes, the most important first: for the progress bar."""
        evaluation = "" if self.last_evaluation is None else self.last_evaluation.short()
        speed = self._timer.recent_speed()
        return [f"loss {loss:.3f}", f"epoch {self.state.epochs:.1f}", evaluation, speed]

    def _batches(self) -> Iterator[Batch | TextBatch]:
        """Batches from the current position to the last step, epoch after epoch."""
        state = self.state
        while not state.is_finished:
            batches = self.data.batches(state.progress.epoch, state.progress.position)
            try:
                for batch in batches:
                    yield batch
                    if state.is_finished:
                        return
            finally:
                batches.close()
            state.progress.epoch += 1
            state.progress.position = 0

    def _train(
        self,
        batch: Batch | TextBatch,
        rate: float,
        complete: bool,
        accumulated: _Accumulated,
        logger: StepLogger,
    ) -> StepResult:
        """One batch; gradients that overflow make the loss scale smaller."""
        state = self.state
        number = state.progress.step + 1
        decay = self.average.decay_at(state.progress.step) if self.average else 0.0
        stop = self._signals.requested
        result = self.step(batch, rate, state.scaling.scale, decay, complete, stop)
        state.progress.position += 1
        accumulated.losses.append(float(result.loss))
        accumulated.units += float(result.totals.units)
        state.cost.units += float(result.totals.units)
        # All workers stop after the same step, whichever was asked to. One that is alone need not
        # wait for its next step to hear of it.
        asked = float(result.totals.stops) > 0 or (self.group.size == 1 and self._signals.requested)
        accumulated.stops = accumulated.stops or asked
        norm = float(result.gradient_norm)
        self._overflowed = state.scaling.observe(number, norm, float(result.gradient_maximum))
        if self._overflowed:
            logger.overflow(number, state.scaling.scale)
        return result

    def _inspect(
        self, number: int, batch: Batch | TextBatch, result: StepResult, guard: NonFiniteGuard
    ) -> None:
        """Counts what is not finite in a batch, and the recordings that could not be read."""
        losses = np.asarray(result.losses)
        norm = 0.0 if self._overflowed else float(result.gradient_norm)
        rows = slice(0, 0 if batch.is_padding else None)
        bad = float(result.totals.bad)
        guard.check(number, batch.indices[rows], losses[rows], norm, bad)
        loaded, left_out = len(batch.indices[rows]), float(result.totals.left_out)
        self._left_out.check_step(number, loaded, batch.left_out, left_out)

    def _advances(self, result: StepResult) -> bool:
        """Whether it was a step: with a dynamic loss scale, only if weights changed."""
        if not self.state.scaling.dynamic:
            return True
        return result.update is not None and bool(np.isfinite(result.update.gradient_norm))

    def _trained_step(
        self, batch: Batch | TextBatch, result: StepResult, loss: float, rate: float, scale: float
    ) -> TrainedStep:
        step, epoch = self.state.progress.step, self.state.progress.epoch
        return TrainedStep(step, epoch, self.state.epochs, batch, result, loss, rate, scale)

    def _evaluate_and_save(self, logger: StepLogger) -> None:
        """What is due after this step; the end of the run saves by itself."""
        state, params = self.state, self.params
        step, last = state.progress.step, state.is_finished
        if self.validation and (
            last or (params["eval_steps"] and step % params["eval_steps"] == 0)
        ):
            with state.cost.evaluating():
                scalars = self.validation.run(state.epochs, state.contents(), logger.show)
            logger.evaluated(step, scalars)
        every = params["save_checkpoint_steps"]
        if every and step % every == 0 and not last:
            self.save()

    def _summary(self, seconds: float, steps: int, guard: NonFiniteGuard) -> str:
        lines = [
            f"Finished training: {steps} steps in {clock(seconds)}, "
            f"{self.state.epochs:.1f} epochs in all.",
        ]
        speed = self._timer.summary()
        if speed is None and self._benchmarks:
            speed = f"Not enough steps for benchmarking: {steps}, timed from "
            speed += f"{self.params['bench_start']} on. Raise --bench_steps."
        if speed:
            lines.append(speed)
        if self._left_out.count:
            lines.append(
                f"{recordings(self._left_out.count)} could not be read and left out; see "
                f"{self._left_out.listed.path}."
            )
        if guard.count:
            lines.append(f"{guard.count} losses were not finite; see {guard.log_file}.")
        scaling = self.state.scaling
        if scaling.overflows:
            lines.append(
                f"{scaling.overflows} batches overflowed and were left out; the loss scale "
                f"is {scaling.scale:g}."
            )
        return "\n".join(lines)
