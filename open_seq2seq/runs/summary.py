"""`summary.json`: what a run was, what it cost and what it reached, in one file.

Training writes it; evaluation, inference and decoding add their figures. docs/run_summaries.md
lists what is in it; docs/results/ holds copies, which the results table is made from.
"""

from __future__ import annotations

import csv
import json
import logging
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import (
    NUMBER,
    JsonObject,
    append_json_line,
    mend_json_lines,
    misfits,
    read_json,
    read_json_lines,
    write_csv,
    write_whole,
)
from open_seq2seq.metrics.analysis import EvaluatedUtterance

SUMMARY = "summary.json"
EVALUATIONS = "evaluations.jsonl"
FORMAT = 1
_log = logging.getLogger(__name__)
_DECODING = {
    "search": str,
    "scoring?": str,
    "beam_width?": int,
    "language_models?": [str],
    "alpha?": (*NUMBER, None),
    "beta?": (*NUMBER, None),
    "tuned_on?": (str, None),
}
_RESULT = {
    "data": str,
    "step": (int, None),
    "weights": (str, None),
    "decoding": _DECODING,
    "rows?": int,
    "per?": NUMBER,
    "wer?": NUMBER,
    "cer?": NUMBER,
    "transcripts?": str,
}
_DATA = {"name": str, "rows": int, "hours?": NUMBER, "manifests?": [str]}
_EVALUATION = {
    "step": int,
    "epoch?": NUMBER,
    "loss?": NUMBER,
    "wer?": NUMBER,
    "cer?": NUMBER,
    "perplexity?": NUMBER,
    "wall_seconds?": NUMBER,
    "training_seconds?": NUMBER,
}
_BEAM = {"scoring": str, "beam_width": int, "language_models": [str]}
_WITH_MODELS = {**_BEAM, "alpha": NUMBER, "beta": NUMBER, "tuned_on": (str, None)}
# What has to be in a summary, what may be, and what it is.
_FORM = {
    "format": int,
    "run_id": str,
    "config": {"file?": str, "hash?": str},
    "results": [_RESULT],
    "logits?": [{"file": str}],
}
_TRAINED = {
    "recipe": str,
    "config": {"file": str, "hash": str},
    "seed": (int, None),
    "parameters": int,
    "dtype": (str, None, dict),
    "git": {"commit": (str, None), "dirty": bool},
    "hardware": {"processor": str, "cores": int, "gpus": [str]},
    "train_data": _DATA,
    "dev_data": (dict, None),
    "devices": int,
    "results": [{"rows": int, "wer": NUMBER, "cer": NUMBER}],
    "training": {
        "state": str,
        "seconds": NUMBER,
        "seconds_without_evaluation": NUMBER,
        "epochs": NUMBER,
        "steps": int,
        "audio_hours": NUMBER,
    },
}
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
    remedy = "Every run of run.py writes one; move a damaged one away."
    what = "The run's summary cannot be read:"
    found = read_json(path, {"format?": NUMBER}, what, remedy).get("format")
    if found != FORMAT:
        problem = Problem(str(path), f"format {found!r}, not {FORMAT}", "a run's summary", remedy)
        raise InputError(what, [problem])
    return read_json(path, _FORM, what, remedy)


def trained_summary(folder: Path) -> JsonObject:
    """As `read_summary`, of a run that has trained a speech model: nothing of it is missing.

    Raises:
      InputError: something is.
    """
    return check_trained(folder / SUMMARY)


def check_trained(path: Path) -> JsonObject:
    """The content of a summary file of a training; as `trained_summary`."""
    summary = check_summary(path)
    wrong = list(misfits(summary, _TRAINED))
    if not wrong:
        times = (summary["training"][name] for name in ("seconds", "seconds_without_evaluation"))
        wrong += [f"{value} seconds" for value in times if not 0 <= value < 1e12]
    if summary.get("dev_data") is not None:
        wrong += misfits(summary["dev_data"], _DATA, "dev_data")
    for one in summary["results"]:
        decoding = one["decoding"]
        if decoding["search"] != "greedy":
            with_models = bool(decoding.get("language_models"))
            wrong += misfits(decoding, _WITH_MODELS if with_models else _BEAM, "decoding")
    if wrong:
        problem = Problem(str(path), "; ".join(wrong[:3]), "the summary of a training")
        raise InputError("The run's summary cannot be used:", [problem])
    return summary


def write_summary(folder: Path, summary: JsonObject) -> None:
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


def add_result(summary: dict[str, Any], result: JsonObject) -> None:
    """Adds error rates; those of the same data, weights and way of decoding are replaced.

    Args:
      result: `data` (name), `step` and `weights` ("final" or "best"; None where they are not
        known), `decoding` (see `greedy_decoding` and `beam_decoding`), `wer`, `cer`, and more;
        `per` besides, which is then `wer`, where texts are phonemes.
    """
    key = _key(result)
    summary["results"] = [one for one in summary["results"] if _key(one) != key]
    summary["results"].append({**result, "time": now()})


def has_result(summary: JsonObject, result: JsonObject) -> bool:
    """Whether there is one of the same data, weights and way of decoding."""
    return any(_key(one) == _key(result) for one in summary["results"])


def _key(result: JsonObject) -> tuple[object, ...]:
    decoding = result["decoding"]
    way = tuple(decoding.get(name) for name in ("search", "scoring", "beam_width"))
    models = tuple(decoding.get("language_models", ()))
    return result["data"], result["step"], result["weights"], way, models


def greedy_decoding() -> JsonObject:
    """The way of decoding of a result: greedy."""
    return {"search": "greedy"}


def beam_decoding(
    language_models: Sequence[str],
    scoring: str,
    beam_width: int,
    alpha: float | None = None,
    beta: float | None = None,
    tuned_on: str | None = None,
    blank_penalty: float = 0.0,
) -> JsonObject:
    """The way of decoding of a result: beam search.

    Args:
      language_models: their files, of which the names are kept.
      scoring: the preset by which scores are counted.
      alpha, beta: None without a language model.
      tuned_on: the data that alpha and beta were chosen on; None: not known.
      blank_penalty: noted where there is one.
    """
    return {
        "search": "beam search",
        "scoring": scoring,
        "beam_width": beam_width,
        "language_models": [Path(file).name for file in language_models],
        "alpha": alpha if language_models else None,
        "beta": beta if language_models else None,
        "tuned_on": tuned_on if language_models else None,
        **({"blank_penalty": blank_penalty} if blank_penalty else {}),
    }


def read_curve(folder: Path) -> list[JsonObject]:
    """The evaluations during training, by step, from `evaluations.jsonl`.

    Where a run went on from an older checkpoint, what it did before after that one is left out.
    So is a line that is no record (cut off by a full disk); it is logged.

    Args:
      folder: the log directory, or its `logs`.
    """
    path = folder / EVALUATIONS
    if not os.path.isfile(path):
        path = folder / "logs" / EVALUATIONS
    stored, left_out = read_json_lines(path, _EVALUATION)
    for sentence in left_out:
        _log.warning(sentence)
    rows: list[JsonObject] = []
    for row in stored:
        while rows and rows[-1]["step"] >= row["step"]:
            rows.pop()
        rows.append(row)
    return rows


def mend_curve(folder: Path) -> list[str]:
    """Takes what a full disk or a crash has left of a line out of `evaluations.jsonl`.

    Returns: a sentence for each line that is taken out.

    Raises:
      InputError: the file cannot be read.
      RunError: it cannot be written.
    """
    return mend_json_lines(folder / EVALUATIONS, _EVALUATION)


def write_evaluation(folder: Path, record: JsonObject) -> None:
    """Adds an evaluation during training to the `evaluations.jsonl` of a folder.

    Raises:
      RunError: it cannot be written.
    """
    append_json_line(folder / EVALUATIONS, record)


def transcripts_name(result: JsonObject) -> str:
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
      InputError: it is not there, or damaged.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = [tuple(row[name] for name in _COLUMNS) for row in csv.DictReader(file)]
        if any(cell is None for row in rows for cell in row):
            raise ValueError("a row with too few cells")
        return [
            EvaluatedUtterance(name, reference, hypothesis, float(duration) if duration else None)
            for name, duration, reference, hypothesis in rows
        ]
    except (OSError, KeyError, ValueError, csv.Error) as error:
        found = f"no column {error}" if isinstance(error, KeyError) else str(error)
        problem = Problem(str(path), found, "a CSV of transcripts")
        raise InputError("The transcripts cannot be read:", [problem]) from error
