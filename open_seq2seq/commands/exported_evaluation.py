"""Evaluation of exported models: error rates beside size and speed."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from open_seq2seq.commands.evaluation_facts import decoding_facts, place_facts
from open_seq2seq.commands.exported_job import ExportedJob
from open_seq2seq.console import ProgressBar, say
from open_seq2seq.data.manifest_recordings import ManifestRecordings
from open_seq2seq.data.text import Vocabulary
from open_seq2seq.files import JsonObject, write_whole
from open_seq2seq.inference.evaluation import Evaluation, evaluate
from open_seq2seq.inference.exported_network import ExportedNetwork
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.messages import RESULT
from open_seq2seq.metrics.analysis import analyse
from open_seq2seq.metrics.report import is_html, write_report
from open_seq2seq.native_build.cpu import available_cores

# The worst utterances, which can be seen and heard in a report.
_SOUNDS_SHOWN = 12
_TABLE = "{:30} {:12} {:10} {:>8} {:>8} {:>8} {:>8} {:>8}"
_HEAD = ("file", "runtime", "precision", "MB")


@dataclass(frozen=True)
class Measured:
    """An exported model's evaluation.

    Args:
      name: of its file.
      runtime, precision: what ran it, and how precisely.
      size: bytes, with all that belongs to it.
      load_seconds: until it could be used.
      compute_seconds: of front-end and network, for all recordings; reading and decoding are not
        in it.
      evaluation: error rates.
      recognizer: what was evaluated.
    """

    name: str
    runtime: str
    precision: str
    size: int
    load_seconds: float
    compute_seconds: float
    evaluation: Evaluation
    recognizer: Recognizer

    @property
    def real_time_factor(self) -> float:
        """Seconds of computing for a second of audio."""
        return self.compute_seconds / max(self.evaluation.audio_seconds, 1e-9)

    def row(self) -> str:
        """A line of the table."""
        errors = self.evaluation.errors
        of_characters = "" if self.evaluation.label == "PER" else f"{errors.characters.rate:.2%}"
        rates = (f"{errors.words.rate:.2%}", of_characters)
        speed = (f"{self.real_time_factor:.4f}", f"{self.load_seconds:.2f}")
        size = f"{self.size / 1e6:.2f}"
        return _TABLE.format(self.name, self.runtime, self.precision, size, *rates, *speed)

    def summary(self, threads: int) -> JsonObject:
        """The numbers, for JSON."""
        return {
            "file": self.name,
            "runtime": self.runtime,
            "precision": self.precision,
            "bytes": self.size,
            "threads": threads,
            "load_seconds": self.load_seconds,
            "compute_seconds": self.compute_seconds,
            "real_time_factor": self.real_time_factor,
            **self.evaluation.summary(),
        }


def evaluate_exported(
    job: ExportedJob, data: ManifestRecordings, names: Sequence[str]
) -> Evaluation:
    """Evaluates models of a folder, says what came of each, and writes what the flags ask for.

    Args:
      job: the command line.
      data: recordings with transcripts.
      names: of the models.

    Returns:
      The evaluation of the first one.

    Raises:
      InputError: a model or its decoder cannot be used, or no recording can be read.
      RunError: a model fails, or a file cannot be written.
    """
    import jiwer  # noqa: F401  where it is not installed, before the work

    flags, threads = job.flags, job.flags.threads or available_cores()
    say(f"{len(data.utterances)} recordings, {_threads(threads)}")
    measured: list[Measured] = []
    for name in names:
        measured.append(_measure(job, data, name))
        if len(measured) == 1:
            label = measured[0].evaluation.label
            say(_TABLE.format(*_HEAD, label, "CER", "RTF", "load s"), level=RESULT)
        say(measured[-1].row(), level=RESULT)
    say(
        "RTF: seconds of computing (front-end and network) for a second of audio; load s: seconds "
        "until the model and its decoder can be used."
    )
    first = measured[0]
    if len(measured) == 1:
        say(first.evaluation.text(), level=RESULT)
    if flags.eval_summary:
        summaries = [one.summary(threads) for one in measured]
        found = summaries[0] if len(summaries) == 1 else {"models": summaries}
        content = {"exported": str(job.folder.path), **found}
        write_whole(flags.eval_summary, json.dumps(content, indent=1))
    if flags.eval_report:
        _write_report(job, first, threads)
    return first.evaluation


def _measure(job: ExportedJob, data: ManifestRecordings, name: str) -> Measured:
    file, threads = job.described.files[name], job.flags.threads
    started = time.perf_counter()
    parts = job.folder.parts(job.folder.load(name, threads), threads)
    recognizer = Recognizer(**parts)
    loaded = time.perf_counter() - started
    evaluation = evaluate(recognizer, data, ProgressBar, losses=False)
    assert evaluation is not None and isinstance(parts["network"], ExportedNetwork)
    return Measured(
        name,
        file.runtime or "",
        file.precision or "",
        job.described.size_of(name),
        loaded,
        parts["network"].seconds,
        evaluation,
        recognizer,
    )


def _write_report(job: ExportedJob, measured: Measured, threads: int) -> None:
    flags, evaluation = job.flags, measured.evaluation
    vocabulary, sounds = characters_of(job), {}
    if is_html(flags.eval_report) and vocabulary is not None:
        from open_seq2seq.training.sounds import sounds_of

        shown = analyse(evaluation.utterances).wrong[:_SOUNDS_SHOWN]
        sounds = sounds_of(measured.recognizer, shown, vocabulary)
    details = {
        "Exported model": str(job.folder.path),
        "File": f"{measured.name}, {measured.size / 1e6:.2f} MB",
        "Runtime": f"{measured.runtime}, {measured.precision}, {_threads(threads)}",
        "Real-time factor": f"{measured.real_time_factor:.4f}",
        "Data": ", ".join(job.data_params["dataset_files"]),
        **decoding_facts(job.folder.params["decoder_params"]),
        **{
            name.capitalize(): str(job.described.origin[name])
            for name in ("config", "checkpoint", "step")
            if job.described.origin.get(name) is not None
        },
        **place_facts(),
    }
    title = f"Evaluation of {job.folder.path.name}"
    write_report(flags.eval_report, evaluation.utterances, title, details, sounds)
    say(f"The report is in {flags.eval_report}")


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def characters_of(job: ExportedJob) -> Vocabulary | None:
    """A vocabulary that texts can be written with; None: of pieces, which their model alone can."""
    symbols = job.described.symbols
    return Vocabulary(symbols) if all(len(symbol) == 1 for symbol in symbols) else None
