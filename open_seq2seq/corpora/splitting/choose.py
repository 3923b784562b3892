"""Which groups of utterances make a split of the size that is wanted."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from open_seq2seq.corpora.splitting.groups import Group
from open_seq2seq.corpora.splitting.sizes import Size
from open_seq2seq.errors import InputError, Problem

REST = "train"
# Groups are drawn so many times, and the split that is nearest to its size is taken.
_TRIES = 20


def choose(groups: Sequence[Group], sizes: Mapping[str, Size], seed: int) -> dict[str, list[Group]]:
    """Draws the splits; what is left is `train`.

    Args:
      groups: what may not be divided.
      sizes: of each split but `train`, by its name.
      seed: of the draw; the same groups, sizes and seed give the same splits.

    Returns:
      The groups of each split, `train` first; no split is empty.

    Raises:
      InputError: there are too few groups, or a split is larger than all there is.
    """
    if len(groups) <= len(sizes):
        found = f"{len(groups)} that can be separated" if len(groups) > 1 else "all in one piece"
        raise InputError(
            "The data cannot be split:",
            [Problem("the manifests", found, f"at least {len(sizes) + 1}, one for each split")],
        )
    rng = random.Random(seed)
    total = {unit: sum(_weight(group, unit) for group in groups) for unit in ("seconds", "share",
             "utterances", "speakers")}  # fmt: skip
    targets = {}
    for name, size in sizes.items():
        targets[name] = size.amount * (total["share"] if size.unit == "share" else 1)
        if targets[name] >= total[size.unit]:
            found = f"{size.written}, and {_shown(total[size.unit], size.unit)} in all"
            problem = Problem(f"--{name}", found, "less than there is")
            raise InputError("The data cannot be split:", [problem])
    left = list(groups)
    splits: dict[str, list[Group]] = {}
    # The smallest first: it has the least choice.
    for place, name in enumerate(sorted(sizes, key=lambda name: (targets[name], name))):
        spare = len(sizes) - place  # one group for each split that follows, and for training
        chosen = _nearest(left, targets[name], sizes[name].unit, len(left) - spare, rng)
        splits[name] = chosen
        taken = set(map(id, chosen))
        left = [group for group in left if id(group) not in taken]
    return {REST: left, **{name: splits[name] for name in sizes}}


def _nearest(
    groups: Sequence[Group], target: float, unit: str, most: int, rng: random.Random
) -> list[Group]:
    """Some groups, one to `most`, whose sum is near to the target."""
    best: list[Group] = []
    least = float("inf")
    for _ in range(_TRIES):
        chosen: list[Group] = []
        weight = 0.0
        for group in rng.sample(groups, len(groups)):
            more = weight + _weight(group, unit)
            # The first group of a try is taken: no split is empty.
            if len(chosen) < most and (not chosen or abs(more - target) < abs(weight - target)):
                chosen.append(group)
                weight = more
        if abs(weight - target) < least:
            best, least = chosen, abs(weight - target)
    return best


def _weight(group: Group, unit: str) -> float:
    if unit == "utterances":
        return len(group.rows)
    return group.speakers if unit == "speakers" else group.seconds


def _shown(amount: float, unit: str) -> str:
    return f"{amount / 60:.1f} min" if unit in ("seconds", "share") else f"{amount:g} {unit}"
