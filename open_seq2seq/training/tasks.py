"""What differs between kinds of models while they are trained: how they are evaluated and shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, cast

import numpy as np

from open_seq2seq.config.schema import Params
from open_seq2seq.data.batch import Batch, LeftOut, TextBatch
from open_seq2seq.data.protocols import DataLayer, LinesDataLayer, SpeechDataLayer
from open_seq2seq.decoders.greedy import greedy_decode
from open_seq2seq.distributed.process_group import ALONE, ProcessGroup
from open_seq2seq.experiment import Experiment
from open_seq2seq.inference.evaluation import Evaluation, evaluate
from open_seq2seq.inference.forward import EvaluationStep
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.inference.text_evaluation import TextEvaluation, evaluate_text
from open_seq2seq.metrics.ctc_paths import path_figures
from open_seq2seq.metrics.error_rate import count_errors
from open_seq2seq.models import Model
from open_seq2seq.progress import ProgressFactory, unshown
from open_seq2seq.training.step import StepResult
from open_seq2seq.vocabulary import is_separated

AnyEvaluation = Evaluation | TextEvaluation
WhatIsLeftOut = Callable[[Sequence[LeftOut]], None] | None


class Evaluator(Protocol):
    """What evaluates a model on a data layer; made once, used at every evaluation."""

    @property
    def data(self) -> DataLayer:
        """What it evaluates on."""

    def evaluate(
        self,
        progress: ProgressFactory = unshown,
        group: ProcessGroup = ALONE,
        left_out: WhatIsLeftOut = None,
    ) -> AnyEvaluation | None:
        """Evaluates; only the first rank has the result.

        Args:
          progress: shows how far it is.
          group: the ranks that evaluate together.
          left_out: is told what could not be read.
        """


class Task(Protocol):
    """How models of one `task` are evaluated and shown.

    `rows` and `steps` are the words for what a batch consists of and is padded in.
    """

    rows: str
    steps: str

    def evaluator(self, experiment: Experiment, params: Params, data: DataLayer) -> Evaluator:
        """What evaluates the experiment's model.

        Args:
          params: checked and filled parameters of mode eval.
          data: the data layer of it.

        Raises:
          InputError: beam search is asked for, and something it needs is missing or unfit.
        """

    def sample(
        self, experiment: Experiment, batch: Batch | TextBatch, result: StepResult
    ) -> Sequence[str]:
        """What the model made of the first row of a training batch."""

    def figures(
        self, experiment: Experiment, batch: Batch | TextBatch, result: StepResult
    ) -> dict[str, float]:
        """What curves show of a training batch, besides its loss."""


class SpeechEvaluator:
    """An `Evaluator` of a recogniser: error rates."""

    def __init__(self, recognizer: Recognizer, data: SpeechDataLayer):
        self.recognizer, self.data = recognizer, data

    def evaluate(
        self,
        progress: ProgressFactory = unshown,
        group: ProcessGroup = ALONE,
        left_out: WhatIsLeftOut = None,
    ) -> Evaluation | None:
        """See `Evaluator`."""
        return evaluate(self.recognizer, self.data, progress, group, left_out)


class TextEvaluator:
    """An `Evaluator` of a language model: perplexity."""

    def __init__(self, step: EvaluationStep, data: LinesDataLayer):
        self.step, self.data = step, data

    def evaluate(
        self,
        progress: ProgressFactory = unshown,
        group: ProcessGroup = ALONE,
        left_out: WhatIsLeftOut = None,
    ) -> TextEvaluation | None:
        """See `Evaluator`."""
        return evaluate_text(self.step, self.data, progress, group)


class SpeechTask:
    """Recordings to text: error rates."""

    rows, steps = "utterances", "frames"

    def evaluator(self, experiment: Experiment, params: Params, data: DataLayer) -> Evaluator:
        """See `Task`."""
        evaluated = replace(experiment, params=dict(params), data=data)
        return SpeechEvaluator(Recognizer.of(evaluated), evaluated.speech_data)

    def sample(
        self, experiment: Experiment, batch: Batch | TextBatch, result: StepResult
    ) -> Sequence[str]:
        """See `Task`."""
        assert isinstance(batch, Batch)
        vocabulary = experiment.data.vocabulary
        logits, lengths = np.asarray(result.logits)[:1], np.asarray(result.lengths)[:1]
        # Greedily: it is to show what the network has learned, not what a language model knows.
        decoded = greedy_decode(logits, lengths, vocabulary, experiment.frame_shift)[0].text
        target = vocabulary.decode(batch.labels[0, : batch.label_lengths[0]])
        label = "PER" if is_separated(vocabulary.symbols) else "WER"
        return [
            f"Sample {label}: {count_errors([target], [decoded]).words.rate:.4f}",
            f"Sample target:     {target}",
            f"Sample prediction: {decoded}",
        ]

    def figures(
        self, experiment: Experiment, batch: Batch | TextBatch, result: StepResult
    ) -> dict[str, float]:
        """See `Task`."""
        assert isinstance(batch, Batch)
        logits, lengths = np.asarray(result.logits), np.asarray(result.lengths)
        # Several devices of one process give the logits of the first one's rows alone.
        return path_figures(logits, lengths, batch.label_lengths[:: experiment.devices])


class TextTask:
    """Language models: perplexity."""

    rows, steps = "lines", "tokens"

    def evaluator(self, experiment: Experiment, params: Params, data: DataLayer) -> Evaluator:
        """See `Task`."""
        return TextEvaluator(EvaluationStep(experiment.model), cast(LinesDataLayer, data))

    def sample(
        self, experiment: Experiment, batch: Batch | TextBatch, result: StepResult
    ) -> Sequence[str]:
        """See `Task`."""
        assert isinstance(batch, TextBatch)
        vocabulary, length = experiment.data.vocabulary, batch.lengths[0]
        likeliest = np.asarray(result.logits[0]).argmax(-1)[:length]
        target = batch.targets[0, :length]
        return [
            f"Sample: {np.mean(likeliest == target):.2%} of the next tokens are the likeliest",
            f"Sample target:      {vocabulary.decode(target)}",
            f"Likeliest at each:  {vocabulary.decode(likeliest)}",
        ]

    def figures(
        self, experiment: Experiment, batch: Batch | TextBatch, result: StepResult
    ) -> dict[str, float]:
        """See `Task`."""
        return {}


TASKS: dict[str, Task] = {"speech": SpeechTask(), "text": TextTask()}


def task_of(model: Model | type[Model]) -> Task:
    """The task that a model, or its class, is for."""
    return TASKS[model.task]
