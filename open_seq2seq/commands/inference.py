"""Mode infer: what it writes, while it transcribes."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from open_seq2seq.console import ProgressBar, say
from open_seq2seq.data.manifest import Utterance
from open_seq2seq.data.protocols import SpeechRecordings
from open_seq2seq.distributed.process_group import ALONE, ProcessGroup
from open_seq2seq.errors import Problem, RunError
from open_seq2seq.files import check_writable, write_whole
from open_seq2seq.inference.evaluation import run_inference
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.inference.transcriber import Transcription
from open_seq2seq.kaldi_io import ArkWriter
from open_seq2seq.transcripts import Transcript, transcript_writer
from open_seq2seq.transcripts.writer import Writer


def print_transcript(name: str, text: str, alone: bool) -> None:
    """A transcript on standard output, which has nothing else: of one recording its text alone.

    Of several each line has the recording's name, as it was given, a tab, and the text.

    Raises:
      RunError: standard output is closed, or its disk is full.
    """
    try:
        print(text if alone else f"{name}\t{text}", flush=True)
    except OSError as error:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        raise RunError(f"The transcripts cannot be written to standard output: {error}.") from error


class Results(Protocol):
    """What gets the results of mode infer, one after the other."""

    def add(self, utterance: Utterance, one: Transcription) -> None:
        """Takes what came of a recording, which may be an error."""


def transcribe_all(
    recognizer: Recognizer,
    data: SpeechRecordings,
    output: Path | None,
    group: ProcessGroup = ALONE,
    shows: bool = False,
    keep_logits: bool = False,
) -> tuple[int, list[Problem]]:
    """Transcribes recordings and writes each result as soon as it is there.

    Args:
      recognizer: what transcribes.
      data: the recordings.
      output: the file of results; noticed here, before the first batch, if it cannot be written.
        None: there is none.
      group: those that transcribe together; the first one writes.
      shows: print each transcript to standard output.
      keep_logits: write logits, not transcripts.

    Returns:
      How many results are written, and what is wrong with the other recordings.

    Raises:
      RunError: results cannot be written.
    """
    count, problems = 0, []
    opened: Any = nullcontext()
    if group.is_rank_zero and output is not None:
        opened = _opened(output, recognizer, data.utterances, keep_logits)
    with opened as results:
        for one in run_inference(
            recognizer,
            data,
            keep_logits,
            decodes=shows or not keep_logits,
            group=group,
            progress=ProgressBar,
        ):
            utterance = data.utterances[one.index]
            if one.error is not None:
                problems += one.error.problems
            else:
                count += 1
            if results is not None:
                results.add(utterance, one)
            if shows and group.is_rank_zero and one.result is not None:
                print_transcript(utterance.name, one.result.text, len(data.utterances) == 1)
    return count, problems


@contextmanager
def _opened(
    output: Path, recognizer: Recognizer, utterances: Sequence[Utterance], keep_logits: bool
) -> Iterator[Results]:
    if keep_logits and is_archive(output):
        with ArkWriter(output, output.with_suffix(".scp")) as archive:
            yield _Scores(archive)
        return
    if keep_logits:
        check_writable(output)
        kept, symbols = _Logits(), recognizer.vocabulary.symbols
        path = output
        try:
            yield kept
        except BaseException:
            path = output.with_name(f"{output.name}.partial")
            raise
        finally:
            if path == output or kept.logits:
                write_logits(path, kept.utterances, kept.logits, recognizer.frame_shift, symbols)
            if path != output and kept.logits:
                say(f"The logits of {len(kept.logits)} recordings until then are in {path}.")
        return
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
    """The logits of all recordings, for a file that is written when all are there."""

    def __init__(self) -> None:
        self.utterances: list[Utterance] = []
        self.logits: list[np.ndarray] = []

    def add(self, utterance: Utterance, one: Transcription) -> None:
        """See `Results`."""
        if one.logits is not None:
            self.utterances.append(utterance)
            self.logits.append(one.logits)


class _Scores:
    """An archive of Kaldi's with the log-probabilities of each recording, for its decoders."""

    def __init__(self, archive: ArkWriter):
        self._archive = archive

    def add(self, utterance: Utterance, one: Transcription) -> None:
        """See `Results`."""
        if one.logits is not None:
            logits = one.logits.astype(np.float64)
            log_probs = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
            name = utterance.name + utterance.segment
            self._archive.write(name, log_probs.astype(np.float32))


def is_archive(path: Path) -> bool:
    """Whether a file of logits is to be an archive of Kaldi's."""
    return path.suffix.lower() == ".ark"


def write_logits(
    path: Path,
    utterances: Sequence[Utterance],
    logits: Sequence[np.ndarray],
    step_size: float,
    symbols: Sequence[str],
) -> None:
    """A pickle for offline decoding: a dictionary with exactly three keys.

    * `logits`: name of the recording, as in the manifest, to `[time, class]` raw logits,
      blank last, cut to the utterance's length. A segment of a recording has `@offset+duration`
      behind the name;
    * `step_size`: seconds from one frame to the next;
    * `vocab`: class to symbol, the blank not included.
    """
    content: dict[str, Any] = {
        "logits": {u.name + u.segment: array for u, array in zip(utterances, logits)},
        "step_size": step_size,
        "vocab": dict(enumerate(symbols)),
    }
    write_whole(path, pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL))
