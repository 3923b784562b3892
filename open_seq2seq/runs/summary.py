"""`summary.json`: what a run was, what it cost and what it reached, in one file.

Training writes it; evaluation, inference and decoding add their figures. docs/run_summaries.md
lists what is in it; docs/results/ holds copies, which the results table is made from.
"""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import write_csv, write_whole
from open_seq2seq.metrics.analysis import EvaluatedUtterance

SUMMARY = "summary.json"
FORMAT = 1
# What has to be in a summary, and what it is.
_PARTS = {"run_id": str, "config": dict, "results": list}
_NAMED = 3  # manifests of a data set
# Names of manifests that say little without their folder's.
_PLAIN_NAMES = {"train", "dev", "test", "eval", "valid", "val", "data", "manifests", "csv"}


def now() -> str:
    """The time in UTC, `2026-01-31T12:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def read_summary(folder: Path) -> dict[str, Any]:
    """The summary of a run.

    Args:
      folder: the log directory.

    Raises:
      InputError: there is none, or it is not one.
    """
    return check_summary(folder / SUMMARY)


def check_summary(path: Path) -> dict[str, Any]:
    """The content of a summary file; as `read_summary`."""
    found = ""
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        found = error.strerror or str(error)
    except ValueError as error:
        found = f"no JSON ({error})"
    else:
        if not isinstance(summary, dict):
            found = f"a JSON {type(summary).__name__}"
        elif summary.get("format") != FORMAT:
            found = f"format {summary.get('format')!r}, not {FORMAT}"
        else:
            wrong = [name for name, kind in _PARTS.items() if type(summary.get(name)) is not kind]
            found = f"no {', no '.join(wrong)}" if wrong else ""
        if not found:
            return summary
    remedy = "Every run of run.py writes one; move a damaged one away."
    problem = Problem(str(path), found, "the summary of a run", remedy)
    raise InputError("The run's summary cannot be read:", [problem])


def write_summary(folder: Path, summary: Mapping[str, Any]) -> None:
    """Writes it, whole.

    Raises:
      RunError: it cannot be written.
    """
    text = json.dumps({"format": FORMAT, **summary}, indent=1, ensure_ascii=False)
    write_whole(folder / SUMMARY, text + "\n")


def data_name(files: Sequence[str]) -> str:
    """A short name of a data set: its manifests without their endings, joined by `+`.

    `dev.csv` and the like get their folder's name: `digits/dev` for `digits/dev.csv` and for
    `digits/manifests/dev.csv`. Of many only the first are named.
    """
    names = []
    for file in files:
        path = Path(file).absolute()
        stem = path.name.removesuffix(".gz").partition(".")[0]
        folders = [one.name for one in path.parents if one.name not in _PLAIN_NAMES]
        names.append(f"{folders[0]}/{stem}" if stem in _PLAIN_NAMES and folders[0] else stem)
    more = len(names) - _NAMED
    return "+".join(names if more <= 1 else [*names[:_NAMED], f"{more} more"])


def add_result(summary: dict[str, Any], result: Mapping[str, Any]) -> None:
    """Adds error rates; those of the same data, weights and way of decoding are replaced.

    Args:
      result: `data` (name), `step` and `weights` ("final" or "best"; None where they are not
        known), `decoding` (see `greedy_decoding` and `beam_decoding`), `wer`, `cer`, and more.
    """
    key = _key(result)
    summary["results"] = [one for one in summary["results"] if _key(one) != key]
    summary["results"].append({**result, "time": now()})


def has_result(summary: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    """Whether there is one of the same data, weights and way of decoding."""
    return any(_key(one) == _key(result) for one in summary["results"])


def _key(result: Mapping[str, Any]) -> tuple[Any, ...]:
    decoding = result["decoding"]
    way = tuple(decoding.get(name) for name in ("search", "scoring", "beam_width"))
    models = tuple(decoding.get("language_models", ()))
    return result["data"], result["step"], result["weights"], way, models


def greedy_decoding() -> dict[str, Any]:
    """The way of decoding of a result: greedy."""
    return {"search": "greedy"}


def beam_decoding(
    language_models: Sequence[str],
    scoring: str,
    beam_width: int,
    alpha: float | None = None,
    beta: float | None = None,
    tuned_on: str | None = None,
) -> dict[str, Any]:
    """The way of decoding of a result: beam search.

    Args:
      language_models: their files, of which the names are kept.
      scoring: the preset by which scores are counted.
      alpha, beta: None without a language model.
      tuned_on: the data that alpha and beta were chosen on; None: not known.
    """
    return {
        "search": "beam search",
        "scoring": scoring,
        "beam_width": beam_width,
        "language_models": [Path(file).name for file in language_models],
        "alpha": alpha if language_models else None,
        "beta": beta if language_models else None,
        "tuned_on": tuned_on if language_models else None,
    }


def read_curve(folder: Path) -> list[dict[str, Any]]:
    """The evaluations during training, by step, from `evaluations.jsonl`.

    Where a run went on from an older checkpoint, what it did before after that one is left out.

    Args:
      folder: the log directory, or its `logs`.
    """
    path = folder / "evaluations.jsonl"
    if not path.is_file():
        path = folder / "logs" / "evaluations.jsonl"
    if not path.is_file():
        return []
    rows: list[dict[str, Any]] = []
    for line in path.read_text().splitlines():
        row = json.loads(line)
        while rows and rows[-1]["step"] >= row["step"]:
            rows.pop()
        rows.append(row)
    return rows


def transcripts_name(result: Mapping[str, Any]) -> str:
    """Where a result's transcripts are in the log directory."""
    decoding = result["decoding"]
    models = [Path(name).name.partition(".")[0] for name in decoding.get("language_models", [])]
    parts = [result["data"], result["weights"] or "logits", decoding["search"], *models]
    name = "-".join(re.sub(r"[^\w.+-]+", "_", part) for part in parts)
    return f"transcripts/{name}.csv"


_COLUMNS = ("wav_filename", "duration", "reference", "hypothesis")


def write_transcripts(path: Path, utterances: Sequence[EvaluatedUtterance]) -> None:
    """A CSV with what was said and what was recognised; `read_transcripts` reads it."""
    rows = [(one.name, one.duration, one.reference, one.hypothesis) for one in utterances]
    write_csv(path, [dict(zip(_COLUMNS, row)) for row in rows])


def read_transcripts(path: Path) -> list[EvaluatedUtterance]:
    """What `write_transcripts` wrote.

    Raises:
      InputError: it is not there.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = [tuple(row[name] for name in _COLUMNS) for row in csv.DictReader(file)]
    except (OSError, KeyError) as error:
        problem = Problem(str(path), str(error), "a CSV of transcripts")
        raise InputError("The transcripts cannot be read:", [problem]) from error
    return [
        EvaluatedUtterance(name, reference, hypothesis, float(duration) if duration else None)
        for name, duration, reference, hypothesis in rows
    ]
