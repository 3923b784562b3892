"""Mode infer: what it writes, while it transcribes."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from open_seq2seq.data.manifest import Utterance
from open_seq2seq.errors import Problem
from open_seq2seq.files import check_writable, write_whole
from open_seq2seq.inference.transcriber import Transcription
from open_seq2seq.training.console import say
from open_seq2seq.training.evaluation import run_inference
from open_seq2seq.training.experiment import Experiment
from open_seq2seq.training.step import EvaluationStep
from open_seq2seq.training.workers.interface import Workers
from open_seq2seq.transcripts import Transcript, transcript_writer
from open_seq2seq.transcripts.writer import Writer


class Results(Protocol):
    """What gets the results of mode infer, one after the other."""

    def add(self, utterance: Utterance, one: Transcription) -> None:
        """Takes what came of a recording, which may be an error."""


def transcribe_all(
    experiment: Experiment, output: Path, workers: Workers, shows: bool
) -> tuple[int, list[Problem]]:
    """Transcribes the experiment's data and writes each result as soon as it is there.

    Args:
      experiment: a trained model, ready to decode, and the recordings.
      output: the file of results; noticed here, before the first batch, if it cannot be written.
      workers: those that transcribe together; the first one writes.
      shows: print each transcript too.

    Returns:
      How many results are written, and what is wrong with the other recordings.

    Raises:
      RunError: results cannot be written.
    """
    data = experiment.data
    keep_logits = experiment.params["decoder_params"]["infer_logits_to_pickle"]
    count, problems = 0, []
    with _opened(output, experiment, keep_logits) if workers.is_first else nullcontext() as results:
        for one in run_inference(
            experiment.model,
            EvaluationStep(experiment.model),
            data,
            experiment.step_size,
            keep_logits,
            decodes=shows or not keep_logits,
            workers=workers,
        ):
            utterance = data.utterances[one.index]
            if one.error is not None:
                problems += one.error.problems
            else:
                count += 1
            if results is not None:
                results.add(utterance, one)
            if shows and one.result is not None:
                say(f"{utterance.name}: {one.result.text}")
    return count, problems


@contextmanager
def _opened(output: Path, experiment: Experiment, keep_logits: bool) -> Iterator[Results]:
    if keep_logits:
        check_writable(output)
        logits = _Logits()
        yield logits
        logits.write(output, experiment.step_size, experiment.data.vocabulary.symbols)
        return
    utterances = experiment.data.utterances
    with transcript_writer(output, [one.name for one in utterances], say) as writer:
        yield _Transcripts(writer)


class _Transcripts:
    """A file of transcripts, or one for each recording."""

    def __init__(self, writer: Writer):
        self._writer = writer

    def add(self, utterance: Utterance, one: Transcription) -> None:
        """See `Results`."""
        if one.result is None:
            self._writer.skip(utterance.name)
            return
        duration = None if utterance.offset is None else utterance.duration
        self._writer.add(
            Transcript(utterance.name, one.result, utterance.offset, duration, utterance.segment)
        )


class _Logits:
    """A pickle for offline decoding, which is written when all is there: a dictionary of

    * `logits`: name of the recording, as in the manifest, to `[time, class]` raw logits,
      blank last, cut to the utterance's length. A segment of a recording has `@offset+duration`
      behind the name;
    * `step_size`: seconds from one frame to the next;
    * `vocab`: class to symbol, the blank not included.
    """

    def __init__(self) -> None:
        self._logits: dict[str, np.ndarray] = {}

    def add(self, utterance: Utterance, one: Transcription) -> None:
        """See `Results`."""
        if one.logits is not None:
            self._logits[utterance.name + utterance.segment] = one.logits

    def write(self, path: Path, step_size: float, symbols: Sequence[str]) -> None:
        """Writes the file."""
        content: dict[str, Any] = {
            "logits": self._logits,
            "step_size": step_size,
            "vocab": dict(enumerate(symbols)),
        }
        write_whole(path, pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL))
