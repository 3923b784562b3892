"""Mode infer over a corpus in parts: an engine's workers transcribe, into Parquet."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from open_seq2seq.commands.engine_flags import engine_of, engine_problems
from open_seq2seq.console import ProgressBar
from open_seq2seq.data.manifest import Utterance
from open_seq2seq.data.protocols import SpeechRecordings
from open_seq2seq.data.shards.remote import anywhere
from open_seq2seq.engines import PartsJob, read_rows, run_parts
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.inference.evaluation import run_inference
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.transcripts.json_lines import json_line

# Recordings of a part: a minute of work, so that little is lost with a worker.
_PART = 256
COLUMNS = {
    "wav_filename": "string",
    "offset": "double",
    "duration": "double",
    "source": "string",
    # What could not be read has none.
    "text": "string",
    "score": "double",
    # JSON, as JSON lines have it.
    "words": "string",
    "nbest": "string",
    # JSON: where, found, expected, remedy.
    "problem": "string",
}


@dataclass(frozen=True)
class Worker:
    """What transcribes in one process.

    Args:
      recognizer: the model.
      recordings: from rows to what it takes.
    """

    recognizer: Recognizer
    recordings: Callable[[Sequence[Utterance]], SpeechRecordings]


_lock = threading.Lock()
# The last one that a process has made, by the plan that it is for.
_made: dict[str, Worker] = {}


def inference_problems(flags: argparse.Namespace, mode: str, logits: bool) -> list[Problem]:
    """What does not go with `--engine`."""
    problems = engine_problems(flags)
    if not flags.engine:
        return problems
    if mode != "infer":
        problems.append(Problem("--engine", f"mode {mode}", "mode infer"))
    if flags.infer_output_file or flags.infer_files:
        found = "--infer_output_file" if flags.infer_output_file else "--infer_files"
        problems.append(Problem("--engine", found, "--parts: transcripts of manifests, as Parquet"))
    if logits:
        problems.append(Problem("--engine", "infer_logits_to_pickle", "transcripts"))
    return problems


def infer_in_parts(
    flags: argparse.Namespace,
    make: Callable[[], Worker],
    described: str,
    utterances: Sequence[Utterance],
    size: int = _PART,
) -> tuple[int, list[Problem]]:
    """Transcribes recordings by the engine of the flags.

    Args:
      make: what a worker makes of the same command line; can be pickled.
      described: all that decides the transcripts but the recordings.
      utterances: the recordings.
      size: recordings of a part.

    Returns:
      How many transcripts there are, and what is wrong with the other recordings.

    Raises:
      InputError: the folder has the results of another run.
      RunError: workers die of a part, or a file cannot be written.
    """
    rows = [
        replace(one, path=anywhere(one.path), transcript=None, written=None, words=None)
        for one in utterances
    ]
    plan = hashlib.sha256(described.encode(errors="surrogatepass"))
    for one in rows:
        plan.update(f"{one.path}\0{one.segment}\0".encode(errors="surrogatepass"))
    name = f"{plan.hexdigest()} {size}"
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    job = PartsJob(partial(_transcribed, make=make, plan=name, cwd=os.getcwd()), COLUMNS, name)
    with engine_of(flags) as engine, ProgressBar("transcribing", len(rows)) as bar:
        assert engine is not None

        def advance(number: int) -> None:
            for _ in parts[number]:
                bar.advance("")

        paths = run_parts(job, parts, engine, Path(flags.parts), advance)
    told = [row["problem"] for row in read_rows(paths)]
    problems = [Problem(*json.loads(one)) for one in told if one is not None]
    return len(told) - len(problems), problems


def _transcribed(
    part: Sequence[Utterance], make: Callable[[], Worker], plan: str, cwd: str
) -> list[tuple[Any, ...]]:
    # Threads of one worker share the model, and take turns.
    with _lock:
        if plan not in _made:
            _made.clear()
            os.chdir(cwd)  # relative paths of the command line and the config start there
            _made[plan] = make()
        return list(_rows(_made[plan], part))


def _rows(worker: Worker, part: Sequence[Utterance]) -> Iterator[tuple[Any, ...]]:
    data = worker.recordings(part)
    for one in run_inference(worker.recognizer, data):
        row = data.utterances[one.index]
        known = row.name, row.offset, row.duration, row.source
        if isinstance(one.error, InputError):
            problem = one.error.problems[0]
            told = [problem.where, problem.found, problem.expected, problem.remedy]
            yield *known, None, None, None, None, json.dumps(told, ensure_ascii=False)
        else:
            assert one.result is not None
            values = json.loads(json_line(row.name, one.result))
            words, nbest = (
                json.dumps(values[name], ensure_ascii=False) for name in ("words", "nbest")
            )
            yield *known, values["text"], values["score"], words, nbest, None
