"""A grid of error rates as a table, a CSV and a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.files import write_csv, write_whole
from open_seq2seq.stored_logits.grid import GridPoint, GridSearch

# A wider table than this many values of beta doesn't fit on a terminal.
_WIDEST = 12


def point_text(point: GridPoint, precision: int = 2) -> str:
    """`alpha=2.00, beta=1.50`, with more digits where the steps need them."""
    return f"alpha={point.alpha:.{precision}f}, beta={point.beta:.{precision}f}"


def digits(values: Sequence[float]) -> int:
    """Decimals that tell the values of a grid apart, at least 2."""
    return max(2, *(len(f"{value:.6f}".rstrip("0").partition(".")[2]) for value in values))


def grid_table(search: GridSearch) -> str:
    """WER in %, a row for each alpha, a column for each beta; `~` marks estimates, `*` the best."""
    alphas, betas = search.alphas, search.betas
    every = -(-len(betas) // _WIDEST)
    best = search.best
    shown = [beta for index, beta in enumerate(betas) if index % every == 0 or beta == best.beta]
    lines = ["WER %".ljust(10) + "".join(f"{beta:>9g}" for beta in shown) + "  <- beta"]
    for alpha in alphas:
        cells = []
        for beta in shown:
            point = search.points[alpha, beta]
            mark = "*" if point is best else "" if point.exact else "~"
            cells.append(f"{100 * point.wer:.2f}{mark}".rjust(8).ljust(9))
        lines.append(f"{alpha:<10g}" + "".join(cells).rstrip())
    left_out = len(betas) - len(shown)
    lines.append("alpha" + (f"   ({left_out} values of beta are not shown)" if left_out else ""))
    return "\n".join(lines)


def plateau_note(search: GridSearch) -> str:
    """How many points have the best one's error rates, "" if none has."""
    count = int(search.plateau().sum())
    return f"It is the middle of {count} points with these rates." if count > 1 else ""


def border_note(search: GridSearch) -> str:
    """Which borders of the grid the best point lies on, "" if on none: it may be outside then.

    A border from which the error rates stay the same inwards says nothing of what is outside.
    """
    best, plateau = search.best, search.plateau()
    row, column = search.alphas.index(best.alpha), search.betas.index(best.beta)
    borders = []
    for name, along, place in (
        ("alpha", plateau[:, column], row),
        ("beta", plateau[row, :], column),
    ):
        last = len(along) - 1
        if last and place == 0 and not along[1]:
            borders.append(f"the lowest {name}")
        elif last and place == last and not along[last - 1]:
            borders.append(f"the highest {name}")
    return f"The best has {' and '.join(borders)}: try a wider grid." if borders else ""


def write_grid(path: Path, search: GridSearch) -> None:
    """A CSV with a row for each point; `exact` is 1 where it was decoded, 0 for estimates."""
    rows = [
        {
            "alpha": point.alpha,
            "beta": point.beta,
            "wer": point.wer,
            "cer": point.cer,
            "word_errors": point.errors.words.errors if point.errors else "",
            "exact": int(point.exact),
        }
        for point in search.points.values()
    ]
    write_csv(path, rows)


def draw_grid(path: Path, search: GridSearch, title: str) -> None:
    """A heat map of WER over the grid; dots mark the points that were decoded."""
    # Takes a second, which runs without a picture need not wait.
    from matplotlib.figure import Figure

    alphas, betas = search.alphas, search.betas
    wer = np.array([[100 * search.points[alpha, beta].wer for beta in betas] for alpha in alphas])
    size = (max(5.0, 0.4 * len(betas) + 2.5), max(4.0, 0.3 * len(alphas) + 1.8))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(wer, origin="lower", aspect="auto", cmap="viridis_r")
    figure.colorbar(image, ax=axes, label="WER, %")
    for values, axis in ((betas, axes.xaxis), (alphas, axes.yaxis)):
        every = -(-len(values) // 16)
        axis.set_ticks(range(0, len(values), every), [f"{v:g}" for v in values[::every]])
    exact = np.array([(betas.index(p.beta), alphas.index(p.alpha))
                      for p in search.points.values() if p.exact]).reshape(-1, 2)  # fmt: skip
    dots: dict[str, Any] = {"markersize": 5, "markerfacecolor": "white", "markeredgecolor": "black"}
    axes.plot(*exact.T, "o", label="decoded; others estimated", **dots)
    best = search.best
    axes.plot(betas.index(best.beta), alphas.index(best.alpha), "r*", markersize=13,
              label=f"best: {100 * best.wer:.2f} %")  # fmt: skip
    axes.set(xlabel="beta", ylabel="alpha", title=title)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    stream = io.BytesIO()
    figure.savefig(stream, format=path.suffix[1:].lower() or "png", dpi=120)
    write_whole(path, stream.getvalue())
