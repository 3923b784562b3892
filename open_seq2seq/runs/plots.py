"""Pictures of runs: error rates over time of several, loss and learning rate of one."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import JsonObject
from open_seq2seq.runs.events import read_events
from open_seq2seq.runs.summary import read_curve, read_summary

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# What the horizontal axis may be: the field of an evaluation, and the label.
AXES = {
    "time": ("wall_seconds", "wall time with evaluations"),
    "training_time": ("training_seconds", "wall time without evaluations"),
    "steps": ("step", "step"),
    "epochs": ("epoch", "epoch"),
}
_COLORS = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "tab:brown", "tab:pink",
           "tab:olive", "tab:cyan", "tab:gray")  # fmt: skip
_STYLES = ("-", "--", ":", "-.")


@dataclass(frozen=True)
class Run:
    """A run to draw.

    Args:
      folder: its log directory.
      curve: its evaluations.
      name: what it is called.
      seed: its seed, "" where there is no summary.
      group: runs of one group share a colour.
    """

    folder: Path
    curve: list[JsonObject]
    name: str
    seed: str
    group: str


def read_runs(folders: Sequence[Path], x: str, names: Sequence[str] = ()) -> list[Run]:
    """The runs in some log directories.

    Args:
      x: one of `AXES`, which their evaluations must have.
      names: what to call them, instead of what tells their folders apart. Without, runs of one
        config (which differ in their seeds) are a group; with them, those of one name.

    Raises:
      InputError: naming all that have no evaluations, or none with this axis.
    """
    runs, problems = [], []
    if names and len(names) != len(folders):
        expected = f"{len(folders)}, one for each run"
        problems.append(Problem("--names", f"{len(names)} names", expected))
    for folder, name in zip(folders, names or folder_names(folders)):
        curve = read_curve(folder)
        if not curve:
            remedy = "Was it trained with --mode=train_eval?"
            problems.append(Problem(str(folder), "no evaluations.jsonl", "evaluations", remedy))
        elif AXES[x][0] not in curve[0]:
            remedy = "Runs of older versions have --x=steps and --x=epochs."
            problems.append(Problem(str(folder), f"no {AXES[x][0]}", "it for this axis", remedy))
        else:
            runs.append(_run(folder, curve, name, name if names else None))
    if problems:
        raise InputError("These runs cannot be drawn:", problems)
    return runs


def _run(folder: Path, curve: list[JsonObject], name: str, group: str | None) -> Run:
    try:
        summary = read_summary(folder)
    except InputError:  # of an older version
        return Run(folder, curve, name, "", group or str(folder))
    group = group or summary["config"].get("hash", str(folder))
    return Run(folder, curve, name, str(summary.get("seed", "")), group)


def folder_names(folders: Sequence[Path]) -> list[str]:
    """The shortest parts of their paths that tell folders apart.

    The last part alone where that is enough, more of the path where it is not: `a/logs` and
    `b/logs` are `a` and `b`.
    """
    parts = [folder.resolve().parts for folder in folders]
    while len(set(parts)) > 1 and min(map(len, parts)) > 2 and len({one[-1] for one in parts}) == 1:
        parts = [one[:-1] for one in parts]
    names = [one[-1] if one else "" for one in parts]
    for length in range(2, max(map(len, parts), default=0) + 1):
        doubled = {name for name in names if names.count(name) > 1}
        names = ["/".join(o[-length:]) if n in doubled else n for o, n in zip(parts, names)]
    return names


def draw_rates(runs: Sequence[Run], x: str) -> Figure:
    """A figure with WER and CER (or perplexity) of the evaluation data of all runs.

    Runs of one group share a colour.
    """
    from matplotlib.figure import Figure

    field, label = AXES[x]
    divisor = 1
    if field.endswith("seconds"):
        long = max(run.curve[-1][field] for run in runs) >= 3600
        divisor, label = (3600, f"{label}, hours") if long else (60, f"{label}, minutes")
    speech = "wer" in runs[0].curve[0]
    kinds = [("wer", "WER, %"), ("cer", "CER, %")] if speech else [("perplexity", "perplexity")]
    figure = Figure(figsize=(5.2 * len(kinds), 4.2), layout="constrained")
    names = [run.name for run in runs]
    groups = list(dict.fromkeys(run.group for run in runs))
    for axes, (kind, title) in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds):
        scale = 100 if speech else 1
        for index, run in enumerate(runs):
            number = groups.index(run.group)
            place = sum(other.group == run.group for other in runs[:index])
            values = [scale * row[kind] for row in run.curve]
            seed = f", seed {run.seed}" if run.seed and names.count(run.name) > 1 else ""
            axes.plot(
                [row[field] / divisor for row in run.curve],
                values,
                color=_COLORS[number % len(_COLORS)],
                linestyle=_STYLES[place % len(_STYLES)],
                linewidth=1.4,
                marker="o" if len(values) < 30 else "",
                markersize=3,
                label=f"{run.name}{seed}: {values[-1]:.1f}, best {min(values):.1f}",
            )
        highest = max(scale * row[kind] for run in runs for row in run.curve)
        # An untrained model may have a WER of several hundred.
        axes.set(xlabel=label, ylabel=title, ylim=(0, min(105, 1.05 * highest) if speech else None))
        axes.set_xlim(left=0)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, loc="upper right")
    figure.suptitle("Evaluation data during training")
    return figure


def draw_losses(run: Run) -> Figure:
    """A figure with loss and learning rate over the steps of a run."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.4, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    events = read_events(run.folder, ("loss", "learning_rate"))
    if events["loss"]:
        left.plot(*zip(*events["loss"]), color="tab:gray", linewidth=1, label="training")
    steps = [row["step"] for row in run.curve]
    left.plot(steps, [row["loss"] for row in run.curve], "o-", markersize=3, label="evaluation")
    left.set(title="Loss", xlabel="step", yscale="log")
    plain_log_numbers(left.yaxis)
    left.legend()
    right.set(title="Learning rate", xlabel="step")
    if events["learning_rate"]:
        right.plot(*zip(*events["learning_rate"]), color="tab:green")
        right.set_ylim(bottom=0)
    else:
        right.text(0.5, 0.5, "not in the events", ha="center", transform=right.transAxes)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    return figure


def plain_log_numbers(axis: Axis) -> None:
    """Numbers such as 0.5, 20 and 6000 on a logarithmic axis, where matplotlib writes 6x10^1.

    Args:
      axis: `axes.xaxis` or `axes.yaxis`, when all is drawn.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    low, high = axis.get_view_interval()
    if high < 10 * low:  # there may be no 1, 2 or 5 of a power of ten in it
        axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    else:
        subs = (1.0, 2.0, 5.0) if high < 1000 * low else (1.0,)
        axis.set_major_locator(LogLocator(subs=subs, numticks=20))
    axis.set_major_formatter(FuncFormatter(lambda value, _: np.format_float_positional(
        value, precision=6, trim="-", fractional=False)))  # fmt: skip
    axis.set_minor_formatter(NullFormatter())


def svg(figure: Figure) -> bytes:
    """A figure as SVG, the same bytes each time."""
    from matplotlib import rc_context

    stream = io.BytesIO()
    with rc_context({"svg.hashsalt": "open_seq2seq", "svg.fonttype": "none"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()
