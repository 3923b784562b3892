"""The training loop.

It is not Keras's `fit`, because two promises need more than scalar logs per batch:
losses that are not finite are named by file, which takes the loss of every utterance,
and a run resumes at any batch of an epoch.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.metrics.error_rate import count_errors
from open_seq2seq.optimizers import make_lr_schedule, make_optimizer
from open_seq2seq.training import checkpoint as checkpoints
from open_seq2seq.training.console import ProgressBar, clock, say
from open_seq2seq.training.evaluation import Evaluation, evaluate
from open_seq2seq.training.experiment import Experiment, check_contract, contract
from open_seq2seq.training.logdir import LogDir
from open_seq2seq.training.nonfinite import NonFiniteGuard
from open_seq2seq.training.step import EvaluationStep, StepResult, TrainStep, trainable_variables
from open_seq2seq.training.stopwatch import Stopwatch
from open_seq2seq.training.summaries import Summaries, make_summaries


@dataclass
class Progress:
    """Where training is: what `state.json` holds besides the contract.

    Args:
      step: steps done.
      epoch: epochs completed.
      position: batches of the current epoch done.
      data: identifies the batches of an epoch; `position` means nothing under others.
    """

    step: int = 0
    epoch: int = 0
    position: int = 0
    data: dict[str, Any] = field(default_factory=dict)


class Trainer:
    """Trains an experiment's model.

    Args:
      experiment: model and training data.
      logdir: where checkpoints and events go; None writes nothing (benchmarks).
      evaluation_data: a data layer that is evaluated every `eval_steps`, or None.
      jit: compile the step with XLA.
    """

    def __init__(
        self,
        experiment: Experiment,
        logdir: LogDir | None,
        evaluation_data: Any = None,
        jit: bool = False,
    ):
        self.experiment, self.logdir, self.evaluation_data = experiment, logdir, evaluation_data
        self.params, self.data, self.model = experiment.params, experiment.data, experiment.model
        self.steps_per_epoch = self.data.batches_per_epoch
        self.last_step = self.params["max_steps"] or (
            self.params["num_epochs"] * self.steps_per_epoch
        )
        self.progress = Progress(data=self._data_identity())
        self.optimizer = make_optimizer(self.params["optimizer"], self.params["optimizer_params"])
        self.learning_rate = make_lr_schedule(
            self.params["lr_policy"],
            self.params["lr_policy_params"],
            self.last_step,
            self.steps_per_epoch if self.params["num_epochs"] else None,
        )
        self.step = TrainStep(
            self.model,
            self.optimizer,
            trainable_variables(self.model, self.params["freeze_variables_regex"]),
            self.params["max_grad_norm"],
            float(self.params["loss_scaling"]),
            jit or self.params["use_xla_jit"],
            keep_gradients=bool({"gradients", "gradient_norm"} & set(self.params["summaries"])),
        )
        self.evaluation_step = EvaluationStep(self.model)
        self._watch = Stopwatch(self.params["bench_start"])
        self._losses: list[float] = []
        self._stop_requested = False
        self.last_evaluation: Evaluation | None = None

    def _data_identity(self) -> dict[str, Any]:
        return {
            "utterances": len(self.data.utterances),
            "batches_per_epoch": self.steps_per_epoch,
            "random_seed": self.params["random_seed"],
        }

    # --- checkpoints

    def resume(self, path: Path) -> None:
        """Goes on from a checkpoint, exactly where it was written."""
        state = checkpoints.read_state(path)
        check_contract(state["contract"], self.experiment, path)
        checkpoints.restore(path, self.model, self.optimizer)
        identity = self.progress.data
        self.progress = Progress(**state["progress"])
        if self.progress.data != identity:
            say(
                f"The training data is not what it was: {self.progress.data} then, {identity} "
                "now. The current epoch starts again from its first batch."
            )
            self.progress.data, self.progress.position = identity, 0

    def save(self) -> Path | None:
        """Writes a checkpoint of this moment."""
        if self.logdir is None:
            return None
        folder = self.logdir.checkpoints
        path = checkpoints.save_checkpoint(folder, self.model, self.optimizer, self._state())
        checkpoints.keep_newest(folder, self.params["num_checkpoints"])
        return path

    def _state(self) -> dict[str, Any]:
        return {
            "step": self.progress.step,
            "progress": asdict(self.progress),
            "contract": contract(self.experiment),
        }

    # --- the loop

    def run(self) -> str:
        """Trains to the last step, or until interrupted; returns a summary.

        Raises:
          RunError: too many losses were not finite, or the disk is full.
          KeyboardInterrupt: after a Ctrl-C, when the checkpoint is written.
        """
        started = time.monotonic()
        first = self.progress.step
        if first >= self.last_step:
            return f"Nothing to do: step {first} of {self.last_step} was reached before."
        summaries = make_summaries(self.logdir.checkpoints) if self.logdir else None
        guard = NonFiniteGuard(
            (self.logdir.checkpoints if self.logdir else Path()) / "nonfinite.csv",
            self.data.utterances,
            self.params["max_nonfinite_share"],
        )
        with self._signals(), ProgressBar("training", self.last_step, first) as bar:
            for batch in self._batches():
                rate = self.learning_rate(self.progress.step)
                result = self.step(batch, rate)
                losses = np.asarray(result.losses)
                norm = float(result.gradient_norm)
                self._watch.stop(batch.audio_seconds)
                self.progress.step += 1
                self.progress.position += 1
                loss = float(result.loss)
                self._losses.append(loss)
                guard.check(self.progress.step, batch.indices, losses, norm)
                bar.advance(f"loss {loss:.3f}  {self._watch.recent_speed()}")
                self._report(batch, result, loss, rate, norm, summaries)
                self._watch.skip()
                if self._stop_requested:
                    break
        if self.logdir is not None:
            path = self.save()
            if self._stop_requested:
                say(f"Interrupted; saved {path}. Go on with --continue_learning.")
        if summaries:
            summaries.close()
        if self._stop_requested:
            raise KeyboardInterrupt
        return self._summary(time.monotonic() - started, self.progress.step - first, guard)

    def _batches(self) -> Iterator[Any]:
        """Batches from the current position to the last step, epoch after epoch."""
        while self.progress.step < self.last_step:
            batches = self.data.batches(self.progress.epoch, self.progress.position)
            try:
                for batch in batches:
                    yield batch
                    if self.progress.step >= self.last_step:
                        return
            finally:
                batches.close()
            self.progress.epoch += 1
            self.progress.position = 0

    def _due(self, name: str) -> bool:
        """Whether what happens every `params[name]` steps happens now."""
        every = self.params[name]
        return bool(every) and self.progress.step % every == 0

    def _report(
        self,
        batch: Any,
        result: StepResult,
        loss: float,
        rate: float,
        norm: float,
        summaries: Summaries | None,
    ) -> None:
        """Everything that happens now and then: lines, events, evaluation, checkpoints."""
        step = self.progress.step
        last = step >= self.last_step
        if self._due("print_loss_steps") or (step == 1 and self.params["print_loss_steps"]):
            say(f"Epoch {(step - 1) // self.steps_per_epoch}, global step {step}:")
            say(f"Train loss: {loss:.4f}, time per step = {self._watch.interval_text()}", 4)
        if self._due("print_samples_steps"):
            self._print_sample(batch, result)
        if self._due("print_bench_info_steps"):
            say(f"Step {step}: {self._watch.recent_speed()}")
        if summaries and self._due("save_summaries_steps"):
            self._summarise(summaries, result, rate, norm)
        if self.evaluation_data is not None and (self._due("eval_steps") or last):
            self._evaluate(summaries)
        if self._due("save_checkpoint_steps") and not last:
            self.save()

    def _print_sample(self, batch: Any, result: StepResult) -> None:
        logits, lengths = np.asarray(result.logits)[:1], np.asarray(result.lengths)[:1]
        decoded = self.model.decoder.decode(
            logits, lengths, self.data.vocabulary, self.experiment.step_size
        )[0].text
        target = self.data.vocabulary.decode(batch.labels[0, : batch.label_lengths[0]])
        errors = count_errors([target], [decoded])
        say(f"Sample WER: {errors.words.rate:.4f}", 4)
        say(f"Sample target:     {target}", 4)
        say(f"Sample prediction: {decoded}", 4)

    def _summarise(
        self, summaries: Summaries, result: StepResult, rate: float, norm: float
    ) -> None:
        step, chosen = self.progress.step, self.params["summaries"]
        # The mean since the last time: single batches differ too much to make a curve.
        mean_loss = sum(self._losses) / len(self._losses)
        self._losses = []
        scalars = {"train_loss": mean_loss, "epoch": step / self.steps_per_epoch}
        scalars["audio_seconds_per_second"] = self._watch.audio_rate()
        if "learning_rate" in chosen:
            scalars["learning_rate"] = rate
        if "global_gradient_norm" in chosen:
            scalars["global_gradient_norm"] = norm
        if "loss_scale" in chosen:
            scalars["loss_scale"] = float(self.params["loss_scaling"])
        summaries.scalars(step, scalars)
        names = list(checkpoints.named_variables(self.step.variables))
        variables = {name: v.value for name, v in zip(names, self.step.variables)}
        gradients = dict(zip(names, result.gradients))
        for group, tensors in (("variables", variables), ("gradients", gradients)):
            if group in chosen:
                summaries.histograms(step, group, tensors)
            norm_group = f"{group.removesuffix('s')}_norm"
            if norm_group in chosen:
                summaries.norms(step, norm_group, tensors)

    def _evaluate(self, summaries: Summaries | None) -> None:
        result = evaluate(
            self.model,
            self.evaluation_step,
            self.evaluation_data,
            self.experiment.step_size,
            quiet=True,
        )
        self.last_evaluation = result
        step, wer, cer = self.progress.step, result.errors.words.rate, result.errors.characters.rate
        line = f"Step {step}: eval loss {result.loss:.4f}, WER {wer:.2%}, CER {cer:.2%}"
        if self.logdir is not None:
            metric = self.params["best_checkpoint_metric"]
            best = checkpoints.BestCheckpoints(
                self.logdir.best, metric, self.params["num_checkpoints"]
            )
            if best.offer(wer if metric == "wer" else result.loss, self.model, self._state()):
                line += " (best so far)"
            record = {"step": step, "loss": result.loss, "wer": wer, "cer": cer}
            record |= {"epoch": step / self.steps_per_epoch, "seconds": result.seconds}
            with open(self.logdir.checkpoints / "evaluations.jsonl", "a") as file:
                file.write(json.dumps(record) + "\n")
        say(line)
        if summaries:
            summaries.scalars(step, {"eval_loss": result.loss, "eval_WER": wer, "eval_CER": cer})
            summaries.flush()

    def _summary(self, seconds: float, steps: int, guard: NonFiniteGuard) -> str:
        lines = [
            f"Finished training: {steps} steps in {clock(seconds)}, "
            f"{self.progress.step / self.steps_per_epoch:.1f} epochs in all.",
            self._watch.summary(),
        ]
        if guard.count:
            lines.append(f"{guard.count} losses were not finite; see {guard.log_file}.")
        return "\n".join(lines)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end training after the current step; a second one, at once."""

        def request(number: int, frame: Any) -> None:
            if self._stop_requested:
                raise KeyboardInterrupt
            self._stop_requested = True

        handled = (signal.SIGINT, signal.SIGTERM)
        try:
            before = [signal.signal(number, request) for number in handled]
        except ValueError:  # not in the main thread: whoever runs it handles signals
            yield
            return
        try:
            yield
        finally:
            for number, handler in zip(handled, before):
                signal.signal(number, handler)
