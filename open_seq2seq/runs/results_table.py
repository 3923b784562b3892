"""docs/results.md from stored summaries of runs, and from published figures beside them.

The page has nothing in it but what is in the files, so it comes out the same everywhere.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import JsonObject, parsed_json, write_whole
from open_seq2seq.metrics.wording import duration
from open_seq2seq.runs.summary import (
    check_summary,
    check_trained,
    read_summary,
    trained_summary,
)
from open_seq2seq.runs.wording import rate_cells

PUBLISHED = "published.json"
_SETS = ("dev-clean", "dev-other", "test-clean", "test-other")
_HEAD = """\
# Results

Made by `scripts/make_results.py` from the runs' summaries in [results/](results); don't edit it.
`python scripts/make_results.py --add LOGDIR` adds runs. Several seeds of a configuration are given
as their mean, with the lowest and the highest value; each is listed below.
"""
_PUBLISHED_HEAD = """\
## Published results of others

Not ours: figures that the named sources publish, for LibriSpeech models trained on its 960 hours
where nothing else is said. WER in %.
"""

Run = JsonObject


def add_run(logdir: Path, folder: Path) -> Path:
    """Copies the summary of a finished run, without what belongs to its machine.

    Args:
      logdir: its log directory.
      folder: of the copies.

    Returns:
      The copy. It replaces that of the same run.

    Raises:
      InputError: there is no summary, or it is not of a finished training with results.
    """
    summary: Run = read_summary(logdir)
    state = summary.get("training", {}).get("state", "nothing")
    found = ""
    if summary.get("task") != "speech":
        found = "a model of text"
    elif state != "finished":
        found = f"a training that is {state}"
    elif not any("wer" in one for one in summary["results"]):
        found = "no error rates"
    if found:
        remedy = "Finish it with --continue_learning, and evaluate it with --mode=eval."
        expected = "a finished training of a speech model with error rates"
        problem = Problem(str(logdir), found, expected, remedy)
        raise InputError("The run cannot be added:", [problem])
    summary = trained_summary(logdir)
    target = _target(summary, folder)
    write_whole(target, json.dumps(_portable(summary), indent=1, ensure_ascii=False) + "\n")
    return target


def _target(summary: Run, folder: Path) -> Path:
    """A name that says config and seed, and is not another run's."""
    stem = f"{summary['recipe']}_seed{summary['seed']}"
    number = 1
    while True:
        path = folder / f"{stem}{'' if number == 1 else f'_{number}'}.json"
        if not path.exists() or check_summary(path)["run_id"] == summary["run_id"]:
            return path
        number += 1


def _portable(summary: Run) -> JsonObject:
    """Without paths of the machine."""
    copy = {key: value for key, value in summary.items() if key != "logits"}
    file = Path(summary["config"]["file"])
    copy["config"] = {**summary["config"], "file": file.name if file.is_absolute() else str(file)}
    for name in ("train_data", "dev_data"):
        data = summary.get(name)
        if data:
            copy[name] = {key: value for key, value in data.items() if key != "manifests"}
    copy["results"] = [
        {key: value for key, value in one.items() if key != "transcripts"}
        for one in summary["results"]
    ]
    return copy


def make_page(folder: Path) -> str:
    """The page, in Markdown.

    Args:
      folder: of summaries, and of `published.json`.

    Raises:
      InputError: naming every file that is not what it should be.
    """
    runs, problems = [], []
    for path in sorted(folder.glob("*.json")):
        if path.name == PUBLISHED:
            continue
        try:
            runs.append(check_trained(path))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError("The summaries cannot be used:", problems)
    groups: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in runs:
        groups[run["recipe"], run["config"]["hash"]].append(run)
    parts = [_HEAD]
    if runs:
        parts += ["## Our runs\n", *_overview(groups.values())]
        parts += [part for group in groups.values() for part in _listed(group)]
    else:
        parts.append("No runs are stored yet.\n")
    parts += [_PUBLISHED_HEAD, _published(folder / PUBLISHED)]
    return "\n".join(parts)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _overview(groups: Iterable[Sequence[Run]]) -> list[str]:
    header = ("config", "parameters", "trained on", "measured on", "greedy WER, %", "greedy CER, %",
              "WER with LM, %", "CER with LM, %", "LM", "seeds", "training")  # fmt: skip
    rows = []
    for group in groups:
        run = group[0]
        times = [one["training"]["seconds"] for one in group]
        for data, weights, models in _measurements(group):
            greedy = [_find(one, data, weights, None) for one in group]
            beam = [_find(one, data, weights, models) for one in group] if models else []
            rows.append(
                (
                    f"[{run['recipe']}](#{_anchor(run)})",
                    f"{run['parameters']:,}",
                    data_text(run["train_data"]),
                    f"{data} ({weights} weights)",
                    *rate_cells([one for one in greedy if one is not None]),
                    *rate_cells([one for one in beam if one is not None]),
                    decoding_text([one for one in beam if one is not None]) if beam else "",
                    ", ".join(str(one["seed"]) for one in group),
                    " - ".join(dict.fromkeys(map(duration, (min(times), max(times))))),
                )
            )
    return [_table(header, rows)]


def _measurements(group: Sequence[Run]) -> list[tuple[str, str, tuple[object, ...] | None]]:
    """What to show a row for: data, weights, and the language models, if there are any.

    Where data was decoded with language models, the weights are those; else the final ones.
    """
    results = [one for run in group for one in run["results"]]
    shown: list[tuple[str, str, tuple[object, ...] | None]] = []
    for data in dict.fromkeys(one["data"] for one in results):
        here = [one for one in results if one["data"] == data]
        beam = [(data, one["weights"], _models(one)) for one in here if _models(one)]
        kinds = [one["weights"] for one in here]
        greedy = [(data, "final" if "final" in kinds else kinds[0], None)]
        shown += list(dict.fromkeys(beam)) or greedy
    return shown


def _models(result: Run) -> tuple[object, ...] | None:
    """Language models and the kind of search with them; None without any."""
    decoding = result["decoding"]
    models = tuple(decoding.get("language_models", ()))
    return (models, decoding["scoring"], decoding["beam_width"]) if models else None


def _find(run: Run, data: str, weights: str, models: tuple[object, ...] | None) -> Run | None:
    for one in run["results"]:
        same = (one["data"], one["weights"], _models(one)) == (data, weights, models)
        if same and (models or one["decoding"]["search"] == "greedy"):
            return one
    return None


def decoding_text(results: Sequence[Run]) -> str:
    """How some results were decoded; they differ in alpha and beta at most."""
    found = [one["decoding"] for one in results]
    first = found[0]
    if first["search"] == "greedy":
        return "greedy"
    if not first["language_models"]:
        return f"beam {first['beam_width']}, no language model"
    tuned = {one["tuned_on"] for one in found}
    where = ", ".join(sorted(str(name) for name in tuned if name)) or "unknown data"
    names = ", ".join(first["language_models"])
    penalty = first.get("blank_penalty")
    penalised = f"blank penalty {penalty:g}, " if penalty else ""
    return (
        f"{names}, {first['scoring']}, alpha {_range(one['alpha'] for one in found)}, "
        f"beta {_range(one['beta'] for one in found)} (tuned on {where}), "
        f"{penalised}beam {first['beam_width']}"
    )


def _range(values: Iterable[float]) -> str:
    ordered = sorted(values)
    return " to ".join(dict.fromkeys(f"{value:g}" for value in (ordered[0], ordered[-1])))


def data_text(data: Run | None) -> str:
    """A data set in a few words."""
    if data is None:
        return "nothing"
    hours = f", {data['hours']:.2f} h" if "hours" in data else ""
    return f"{data['name']}: {data['rows']} rows{hours}"


def _anchor(run: Run) -> str:
    return f"{run['recipe']}-{run['config']['hash'][:6]}".lower()


def _listed(group: Sequence[Run]) -> list[str]:
    """Each run of a configuration, and each of its results."""
    run = group[0]
    head = f"### {run['recipe']} {run['config']['hash'][:6]}\n"
    facts = f"Config `{run['config']['file']}`, {run['dtype']}.\n"
    header = ("seed", "run", "git commit", "hardware", "devices", "epochs", "steps", "audio seen",
              "wall time", "of it training")  # fmt: skip
    rows = []
    for one in group:
        training, git = one["training"], one["git"]
        commit = (git["commit"] or "none")[:10] + (" and changes" if git["dirty"] else "")
        rows.append(
            (
                str(one["seed"]),
                one["run_id"],
                commit,
                hardware_text(one["hardware"]),
                str(one["devices"]),
                f"{training['epochs']:.1f}",
                str(training["steps"]),
                f"{training['audio_hours']:.1f} h",
                duration(training["seconds"]),
                duration(training["seconds_without_evaluation"]),
            )
        )
    results = [(one, result) for one in group for result in one["results"]]
    return [head, facts, _table(header, rows), _results_table(results)]


def hardware_text(hardware: Run) -> str:
    """The machine in a few words."""
    cores = hardware["cores"]
    text = f"{hardware['processor']}, {cores} core{'s' if cores > 1 else ''}"
    names = hardware["gpus"]
    counted = [f"{names.count(name)} {name}" for name in dict.fromkeys(names)]
    return ", ".join([text, *counted])


def _results_table(results: Iterable[tuple[Run, Run]]) -> str:
    header = ("seed", "measured on", "weights", "decoding", "WER, %", "CER, %")
    rows = []
    for run, one in results:
        step = "" if one["step"] is None else f", step {one['step']}"
        rows.append(
            (
                str(run["seed"]),
                f"{one['data']}, {one['rows']} rows",
                f"{one['weights'] or 'of logits'}{step}",
                decoding_text([one]),
                *rate_cells([one]),
            )
        )
    return _table(header, rows)


def _published(path: Path) -> str:
    try:
        rows = parsed_json(path.read_text(encoding="utf-8"))
        cells = [
            (
                row["model"],
                row.get("parameters", ""),
                row.get("training", ""),
                row["decoding"],
                *("" if rate is None else f"{rate:.2f}" for rate in row["wer"]),
                row["source"],
            )
            for row in rows
        ]
    except (OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        expected = "a JSON list of models with decoding, wer and source"
        problem = Problem(str(path), f"{type(error).__name__}: {error}", expected)
        raise InputError("The published figures cannot be read:", [problem]) from error
    header = ("model", "parameters", "training", "decoding", *_SETS, "source")
    return _table(header, cells)
