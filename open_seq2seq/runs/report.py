"""The result of a recipe as one HTML page: curves, rates, transcripts, configuration."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from open_seq2seq.errors import InputError
from open_seq2seq.files import JsonObject, read_json
from open_seq2seq.metrics.analysis import Analysis, ScoredUtterance, analyse
from open_seq2seq.metrics.html_report import STYLE, utterance_card
from open_seq2seq.metrics.wording import duration
from open_seq2seq.runs.plots import Run, draw_losses, draw_rates, read_runs, svg
from open_seq2seq.runs.record import config_text
from open_seq2seq.runs.results_table import data_text, decoding_text, hardware_text
from open_seq2seq.runs.summary import read_transcripts, trained_summary
from open_seq2seq.runs.wording import rate_cells

_log = logging.getLogger(__name__)
SHOWN = 10  # utterances of each kind

_MORE_STYLE = """
img.curve { background: #fff; border-radius: 8px; border: 1px solid var(--line); width: 100%;
  margin-bottom: 1rem; }
.wide { overflow-x: auto; }
.wide table { font-variant-numeric: tabular-nums; }
.wide td, .wide th { overflow-wrap: normal; }
.wide thead th { white-space: nowrap; border-bottom: 1px solid var(--line); }
pre { overflow-x: auto; font-size: .8rem; line-height: 1.4; }
"""


def render_report(logdirs: Sequence[Path], title: str | None = None) -> str:
    """The page; it needs nothing besides itself.

    Args:
      logdirs: of the runs: seeds of one recipe, or whatever is to be compared. Transcripts, loss
        and configuration are shown of the first.
      title: the heading; None: the recipes' names.

    Raises:
      InputError: a run has no summary or no evaluations, or transcripts are missing.
    """
    summaries = [trained_summary(folder) for folder in logdirs]
    runs = read_runs(logdirs, "epochs")
    if title is None:
        title = ", ".join(dict.fromkeys(one["recipe"] for one in summaries))
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>\n<style>{STYLE}{_MORE_STYLE}</style>\n</head>",
        f"<body>\n<main>\n<h1>{escape(title)}</h1>",
        "<h2>Error rates</h2>",
        _results(summaries),
        "<h2>Runs</h2>",
        _runs(summaries),
        "<h2>During training</h2>",
        *_pictures(runs),
        *_transcripts(logdirs[0], summaries[0]),
        *_configuration(logdirs[0], summaries[0]),
        "</main>\n</body>\n</html>\n",
    ]
    return "\n".join(parts)


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n" for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"
    return f'<div class="card wide">{table}</div>'


def _results(summaries: Sequence[JsonObject]) -> str:
    """The mean over the runs of each result that all have, then every one."""
    groups: dict[tuple[str, ...], list[tuple[JsonObject, JsonObject]]] = {}
    for summary in summaries:
        for one in summary["results"]:
            key = (summary["recipe"], one["data"], one["weights"] or "of logits", _kind(one))
            groups.setdefault(key, []).append((summary, one))
    rows = []
    for (recipe, data, weights, _), found in groups.items():
        results = [one for _, one in found]
        rows.append(
            (
                recipe,
                data,
                weights,
                decoding_text(results),
                *rate_cells(results),
                ", ".join(str(summary["seed"]) for summary, _ in found),
            )
        )
    header = ("recipe", "measured on", "weights", "decoding", "WER, %", "CER, %", "seeds")
    return _table(header, rows)


def _kind(result: JsonObject) -> str:
    """What tells ways of decoding apart, but for alpha and beta."""
    decoding = result["decoding"]
    parts = ("search", "scoring", "beam_width", "language_models")
    return json.dumps([decoding.get(name) for name in parts])


def _runs(summaries: Sequence[JsonObject]) -> str:
    rows = []
    for one in summaries:
        training, git = one["training"], one["git"]
        rows.append(
            (
                one["run_id"],
                str(one["seed"]),
                f"{one['parameters']:,}",
                data_text(one["train_data"]),
                data_text(one["dev_data"]),
                f"{training['epochs']:.1f} epochs, {training['steps']} steps, "
                f"{training['audio_hours']:.1f} h of audio",
                f"{duration(training['seconds'])} ({training['state']}), without evaluation "
                f"{duration(training['seconds_without_evaluation'])}",
                hardware_text(one["hardware"]),
                (git["commit"] or "none")[:10] + (" and changes" if git["dirty"] else ""),
            )
        )
    header = ("run", "seed", "parameters", "trained on", "evaluated on", "training", "wall time",
              "hardware", "git commit")  # fmt: skip
    return _table(header, rows)


def _pictures(runs: Sequence[Run]) -> list[str]:
    timed = all("wall_seconds" in run.curve[0] for run in runs)
    axes = ("time", "epochs") if timed else ("epochs",)
    figures = [(f"error rates over {x}", draw_rates(runs, x)) for x in axes]
    figures.append(("loss and learning rate", draw_losses(runs[0])))
    return [
        f'<img class="curve" alt="{name}" '
        f'src="data:image/svg+xml;base64,{base64.b64encode(svg(figure)).decode()}">'
        for name, figure in figures
    ]


def _transcripts(folder: Path, summary: JsonObject) -> list[str]:
    """Utterances of each result that kept its transcripts, the lowest WER first."""
    kept = [one for one in summary["results"] if "transcripts" in one]
    parts = []
    for index, one in enumerate(sorted(kept, key=lambda one: one["wer"])):
        analysis = analyse(read_transcripts(folder / one["transcripts"]))
        head = f"{one['data']}, {one['weights'] or 'stored logits'}, {decoding_text([one])}"
        parts += [
            f"<details{'' if index else ' open'}><summary>{escape(head)}: "
            f"{'' if 'per' in one else 'WER '}{rate_cells([one])[0]} %</summary>",
            *_utterances("Typical", "around the middle by WER", _typical(analysis)),
            *_utterances("Worst", "most errors first", analysis.wrong[:SHOWN]),
            "</details>",
        ]
    heading = f"Transcripts <small>{escape(summary['run_id'])}; reference above hypothesis</small>"
    return [f"<h2>{heading}</h2>", *parts] if parts else []


def _typical(analysis: Analysis) -> list[ScoredUtterance]:
    """Those in the middle of all, sorted by WER; few or none of a good model have errors."""
    ordered = sorted([*analysis.wrong, *analysis.right], key=lambda one: one.words.rate)
    start = max(len(ordered) - SHOWN, 0) // 2
    return ordered[start : start + SHOWN]


def _utterances(name: str, note: str, shown: Sequence[ScoredUtterance]) -> list[str]:
    return [f"<h3>{name} <small>{note}</small></h3>", *map(utterance_card, shown)]


def _configuration(folder: Path, summary: JsonObject) -> list[str]:
    """The effective parameters of the newest training, as its record has them."""
    for path in sorted(folder.glob("run_*.json"), reverse=True):
        try:
            params = read_json(path, {"config": {"train?": dict}}, "A run's record is damaged:")[
                "config"
            ]
        except InputError as error:  # a full disk's: an older one will do
            _log.warning(str(error))
            continue
        if "train" in params:
            return [
                f"<h2>Configuration <small>{escape(summary['config']['file'])}</small></h2>",
                f"<details><summary>Effective parameters</summary>"
                f"<pre>{escape(config_text(params))}</pre></details>",
            ]
    return []
