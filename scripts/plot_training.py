"""Draws the curves of a run from its log directory.

python scripts/plot_training.py runs/demo/2026-01-31_12-00-00_seed0 curve.png
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def train_losses(logdir: Path) -> list[tuple[int, float]]:
    """(step, loss) pairs from the TensorBoard events."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    events = EventAccumulator(str(logdir), size_guidance={"tensors": 0})
    events.Reload()
    return [
        (event.step, float(tensor_util.make_ndarray(event.tensor_proto)))
        for event in events.Tensors("train_loss")
    ]


def evaluations(logdir: Path) -> list[dict[str, float]]:
    """The rows of `evaluations.jsonl`."""
    path = logdir / "evaluations.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def draw(logdir: Path, target: Path) -> None:
    """Loss of training and evaluation, and the error rates, over the steps."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    losses, rows = train_losses(logdir), evaluations(logdir)
    steps = [row["step"] for row in rows]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.2), constrained_layout=True)
    left.plot(*zip(*losses), color="tab:gray", linewidth=1, label="training")
    left.plot(steps, [row["loss"] for row in rows], "o-", color="tab:blue", label="evaluation")
    left.set(title="Loss", xlabel="step", yscale="log")
    if "perplexity" in rows[0]:
        values = [row["perplexity"] for row in rows]
        right.plot(steps, values, "o-", color="tab:red", label=f"last {values[-1]:.1f}")
        right.set(title="Perplexity of the evaluation data", xlabel="step", yscale="log")
    else:
        for name, color in (("wer", "tab:red"), ("cer", "tab:orange")):
            values = [100 * row[name] for row in rows]
            label = f"{name.upper()}, last {values[-1]:.1f} %"
            right.plot(steps, values, "o-", color=color, label=label)
        right.set(title="Error rates on the evaluation data, %", xlabel="step", ylim=(0, None))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draws the curves of a run.")
    parser.add_argument("logdir", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    if not (arguments.logdir / "evaluations.jsonl").is_file():
        sys.exit(f"{arguments.logdir} has no evaluations.jsonl; was it trained with train_eval?")
    draw(arguments.logdir, arguments.target)
