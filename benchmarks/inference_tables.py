"""What `inference.py` prints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# A contestant's figures by its label, as `inference.merged` makes them.
Figures = Mapping[str, Mapping[str, Any]]

PYTORCH = ("PyTorch eager", "PyTorch compiled", "PyTorch ONNX")
# Precisions in which log-probabilities differ.
LOWER = ("dynamic_int8", "static_int8", "float16", "bfloat16")
# Above that the machine was not idle.
BUSY = 0.5
# Log-probabilities in float32 that differ by more are of another network.
SAME = 1e-3


class Ratio(NamedTuple):
    """A ratio of times.

    Args:
      name: of what.
      aim: how much it should be, in words; or "".
      values: by the seconds of the recording.
    """

    name: str
    aim: str
    values: dict[float, float]


def ratios(found: Figures, seconds: Sequence[float]) -> list[Ratio]:
    """The ratios that the contestants allow.

    Args:
      found: the figures of one network and number of threads.
      seconds: of the recordings.
    """

    def wall(label: str) -> dict[float, float]:
        one = found.get(label, {})
        return {s: one[f"{s:g}"]["wall"] for s in seconds if f"{s:g}" in one}

    def by(above: dict[float, float], below: dict[float, float]) -> dict[float, float]:
        return {s: above[s] / below[s] for s in seconds if s in above and s in below}

    base = wall("onnxruntime float32")
    best: dict[float, float] = {}
    for each in map(wall, PYTORCH):
        best |= {s: min(time, best.get(s, time)) for s, time in each.items()}
    made = [
        Ratio("PyTorch's best by ONNX Runtime float32", "above 1", by(best, base)),
        Ratio("the same without our front-end", "", by(best, wall("network alone"))),
        Ratio("the framework by ONNX Runtime float32", "", by(wall("framework"), base)),
        Ratio("LiteRT by ONNX Runtime, float32", "at most 1.8", by(wall("litert float32"), base)),
    ]
    for label in found:
        runtime, _, precision = label.partition(" ")
        float32 = wall(f"{runtime} float32")
        if precision not in ("", "float32") and float32:
            aim = "at most 0.5" if precision == "static_int8" else ""
            values = by(wall(label), float32)
            made.append(Ratio(f"{runtime}: {precision} by float32", aim, values))
    shares = {s: ratio - 1 for s, ratio in by(base, wall("network alone")).items()}
    made.append(Ratio("front-end, as a share of the network's time", "at most 0.05", shares))
    return [one for one in made if one.values]


def print_about(about: Mapping[str, Any]) -> None:
    """The machine, the versions and the command."""
    print(f"{about['processor']}, {about['cores']} cores; {about['platform']}")
    print(", ".join(f"{name} {version}" for name, version in about["packages"].items()))
    print(about["command"])
    if about["load_before"] > BUSY:
        print(
            f"WARNING: the machine was busy (load {about['load_before']:.1f} at the start): these "
            "figures don't count."
        )


def print_network(
    name: str, parameters: int, threads: int, found: Figures, seconds: Sequence[float]
) -> None:
    """The table of one network and number of threads, and its ratios."""
    word = "one thread" if threads == 1 else f"{threads} threads"
    print(f"\n{name}, {parameters:,} parameters, {word}")
    lengths = [f"{s:g}" for s in seconds]
    heads = [f"ms {s} s" for s in lengths] + [f"RTF {s} s" for s in lengths]
    heads += ["file MB", "import MB", *(f"peak MB {s} s" for s in lengths)]
    heads += ["import s", "loaded s", "first s", "difference"]
    print(f"{'':26}" + "".join(f"{head:>13}" for head in heads))
    for label, one in found.items():
        cells = [_number(one.get(s, {}).get("wall"), 1e3, 1) for s in lengths]
        cells += [_number(one.get(s, {}).get("wall"), 1 / float(s), 4) for s in lengths]
        cells += [_number(one.get("file_mb"), 1, 1), _number(one.get("imported_mb"), 1, 0)]
        cells += [_number(one.get(s, {}).get("peak_mb"), 1, 0) for s in lengths]
        cells += [_number(one.get(key), 1, 2) for key in ("imported", "loaded", "first")]
        each = [one[s]["difference"] for s in lengths if "difference" in one.get(s, {})]
        apart = max(each, default=math.nan)
        cells.append("" if math.isnan(apart) else f"{apart:.1e}")
        print(f"{label:26}" + "".join(f"{cell:>13}" for cell in cells))
        if apart > SAME and label.partition(" ")[2] not in LOWER:
            print(f"WARNING: {label} is another network: its figures don't count.")
    for ratio in ratios(found, seconds):
        values = "".join(f"{_number(ratio.values.get(s), 1, 2):>9}" for s in seconds)
        print(f"  {ratio.name:48}{values}   {ratio.aim and f'aim: {ratio.aim}'}")


def _number(value: float | None, factor: float, digits: int) -> str:
    if value is None or math.isnan(value):
        return ""
    return f"{value * factor:.{digits}f}"
