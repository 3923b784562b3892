"""Modes eval and infer of an exported model: what `run.py --exported` does."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from open_seq2seq.commands.exported_evaluation import characters_of, evaluate_exported
from open_seq2seq.commands.exported_job import PARAMS, ExportedJob, read_exported_job
from open_seq2seq.commands.inference import transcribe_all
from open_seq2seq.commands.outputs import check_each, check_results
from open_seq2seq.commands.parts_inference import Worker, infer_in_parts
from open_seq2seq.config.describe import help_text
from open_seq2seq.console import clock, say
from open_seq2seq.data.manifest import Utterance
from open_seq2seq.data.manifest_recordings import ManifestRecordings
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import is_standard_output
from open_seq2seq.inference.evaluation import Evaluation
from open_seq2seq.inference.recognizer import Recognizer


def run(
    flags: argparse.Namespace, rest: Sequence[str], arguments: Sequence[str]
) -> Evaluation | None:
    """Does what the command line says.

    Args:
      flags: the known flags.
      rest: the other arguments, overrides of parameters.
      arguments: all of them, as typed.

    Returns:
      The result of mode eval, of several models that of the first one.

    Raises:
      InputError: wrong usage or input.
      RunError: something failed while running.
    """
    if flags.help_params and not flags.config_file:
        print(help_text(PARAMS, {}))
        return None
    started = time.monotonic()
    job = read_exported_job(flags, rest)
    logits = bool(job.folder.params["decoder_params"]["infer_logits_to_pickle"])
    if flags.engine and logits:
        problem = Problem("--engine", "infer_logits_to_pickle", "transcripts")
        raise InputError("The flags do not fit together:", [problem])
    output = check_results(flags, flags.mode, logits)
    names, missing = job.models()
    for name in missing:
        say(f"{name} is left out: {job.described.files[name].runtime} is not installed.")
    data = job.recordings(flags.mode == "eval")
    _check_data(job, data)
    result = None
    if flags.mode == "eval":
        result = evaluate_exported(job, data, names)
        _check_left_out(job, [one.problem for one in result.left_out])
    else:
        _infer(job, data, names[0], output, logits, rest)
    say(f"Done in {clock(time.monotonic() - started)}.")
    return result


def _infer(
    job: ExportedJob,
    data: ManifestRecordings,
    name: str,
    output: Path | None,
    logits: bool,
    rest: Sequence[str],
) -> None:
    flags, threads = job.flags, job.flags.threads
    say(f"Transcribing with {job.folder.path / name}, by {job.described.files[name].runtime}")
    if flags.engine:
        make = partial(_worker, flags, rest, name)
        described = f"{job.described.files[name]} {job.folder.params}"
        count, problems = infer_in_parts(flags, make, described, data.utterances)
        say(f"{recordings(count)} transcribed; written to {flags.parts}")
        _check_left_out(job, problems)
        return
    recognizer = Recognizer(**job.folder.parts(job.folder.load(name, threads), threads))
    if output is not None:
        check_each(output, [one.name for one in data.utterances], flags.overwrite)
    # A table on standard output has nothing between its lines.
    shows = bool(flags.infer_files) and not (output is not None and is_standard_output(output))
    count, problems = transcribe_all(recognizer, data, output, shows=shows, keep_logits=logits)
    where = f"; written to {output}" if output is not None else ""
    say(f"{recordings(count)} transcribed{where}")
    _check_left_out(job, problems)


def recordings(count: int) -> str:
    """`1 recording`, `2 recordings`."""
    return "1 recording" if count == 1 else f"{count} recordings"


def _worker(flags: argparse.Namespace, rest: Sequence[str], name: str) -> Worker:
    """What transcribes in a process of an engine: with one thread, as there are many of them."""
    job, threads = read_exported_job(flags, rest), flags.threads or 1

    def recordings_of(utterances: Sequence[Utterance]) -> ManifestRecordings:
        return ManifestRecordings(utterances, job.described.sample_freq)

    folder = job.folder
    return Worker(Recognizer(**folder.parts(folder.load(name, threads), threads)), recordings_of)


def _check_data(job: ExportedJob, data: ManifestRecordings) -> None:
    """As with a checkpoint: bad rows end the run, or are said and left out."""
    report = data.check(job.flags.mode == "eval", characters_of(job))
    for note in report.notes:
        say(f"Data: {note}")
    if report.problems and not job.flags.skip_bad_rows:
        raise InputError(
            f"{len(report.problems)} problems in the data (--skip_bad_rows goes on without these "
            "rows):",
            report.problems,
        )
    for problem in report.problems:
        say(f"Left out: {problem}")
    if report.problems:
        data.drop(report)


def _check_left_out(job: ExportedJob, problems: Sequence[Problem]) -> None:
    """What could not be read, though its header could.

    Raises:
      InputError: there is some, and no --skip_bad_rows.
    """
    if problems and not job.flags.skip_bad_rows:
        raise InputError(
            f"{len(problems)} recordings could not be read; the results are of the others (with "
            "--skip_bad_rows this is no error):",
            problems,
        )
    for problem in problems:
        say(f"Left out: {problem}")
