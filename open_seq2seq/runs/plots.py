"""Pictures of runs: error rates over time of several, loss and learning rate of one."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.runs.summary import read_curve, read_summary

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
      name: what it is called: the recipe, or the folder where there is no summary.
      seed: its seed, "" where there is no summary.
    """

    folder: Path
    curve: list[dict[str, Any]]
    name: str
    seed: str


def read_runs(folders: Sequence[Path], x: str, names: Sequence[str] = ()) -> list[Run]:
    """The runs in some log directories.

    Args:
      x: one of `AXES`, which their evaluations must have.
      names: what to call them, instead of their recipes' names.

    Raises:
      InputError: naming all that have no evaluations, or none with this axis.
    """
    runs, problems = [], []
    if names and len(names) != len(folders):
        expected = f"{len(folders)}, one for each run"
        problems.append(Problem("--names", f"{len(names)} names", expected))
    for folder, name in zip(folders, names or [""] * len(folders)):
        curve = read_curve(folder)
        if not curve:
            remedy = "Was it trained with --mode=train_eval?"
            problems.append(Problem(str(folder), "no evaluations.jsonl", "evaluations", remedy))
        elif AXES[x][0] not in curve[0]:
            remedy = "Runs of older versions have --x=steps and --x=epochs."
            problems.append(Problem(str(folder), f"no {AXES[x][0]}", "it for this axis", remedy))
        else:
            runs.append(_run(folder, curve, name))
    if problems:
        raise InputError("These runs cannot be drawn:", problems)
    return runs


def _run(folder: Path, curve: list[dict[str, Any]], name: str) -> Run:
    try:
        summary = read_summary(folder)
    except InputError:  # of an older version
        return Run(folder, curve, name or folder.name, "")
    return Run(folder, curve, name or summary["recipe"], str(summary["seed"]))


def draw_rates(runs: Sequence[Run], x: str) -> Any:
    """A figure with WER and CER (or perplexity) of the evaluation data of all runs.

    Runs of one name share a colour.
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
    names = list(dict.fromkeys(run.name for run in runs))
    for axes, (kind, title) in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds):
        scale = 100 if speech else 1
        for index, run in enumerate(runs):
            number = names.index(run.name)
            place = sum(other.name == run.name for other in runs[:index])
            values = [scale * row[kind] for row in run.curve]
            seed = f", seed {run.seed}" if run.seed else ""
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


def draw_losses(run: Run) -> Any:
    """A figure with loss and learning rate over the steps of a run."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.4, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    events = read_events(run.folder, ("train_loss", "learning_rate"))
    if events["train_loss"]:
        left.plot(*zip(*events["train_loss"]), color="tab:gray", linewidth=1, label="training")
    steps = [row["step"] for row in run.curve]
    left.plot(steps, [row["loss"] for row in run.curve], "o-", markersize=3, label="evaluation")
    left.set(title="Loss", xlabel="step", yscale="log")
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


def read_events(folder: Path, tags: Sequence[str]) -> dict[str, list[tuple[int, float]]]:
    """(step, value) pairs of scalars in the TensorBoard events of a run, by tag.

    A tag that is not there has none: without TensorFlow a run writes no events.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    where = folder if list(folder.glob("events.out*")) else folder / "logs"
    if not list(where.glob("events.out*")):
        return {tag: [] for tag in tags}
    events = EventAccumulator(str(where), size_guidance={"tensors": 0})
    known = events.Reload().Tags()["tensors"]
    return {
        tag: [
            (event.step, float(tensor_util.make_ndarray(event.tensor_proto)))
            for event in (events.Tensors(tag) if tag in known else ())
        ]
        for tag in tags
    }


def svg(figure: Any) -> bytes:
    """A figure as SVG, the same bytes each time."""
    from matplotlib import rc_context

    stream = io.BytesIO()
    with rc_context({"svg.hashsalt": "open_seq2seq", "svg.fonttype": "none"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()
