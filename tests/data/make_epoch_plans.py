"""Writes golden/epoch_plans.json: what epochs' plans were before they were made with less memory.

    python -m tests.data.make_epoch_plans

`CASES` and `digest_of` are what test_epoch_plans.py computes again.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from pathlib import Path

import numpy as np

from open_seq2seq.data.batching import BatchPlanner

GOLDEN = Path(__file__).parent / "golden" / "epoch_plans.json"


def count_frames(samples: np.ndarray, factors: np.ndarray, pauses: np.ndarray) -> np.ndarray:
    return 1 + ((samples * factors).astype(np.int64) + pauses) // 160


def samples_of(count: int, voices: int) -> np.ndarray:
    """[count, voices] lengths as read sentences have."""
    rng = np.random.default_rng(count)
    return ((17.0 - 15.0 * rng.beta(1.2, 3.0, (count, voices))) * 16000).astype(np.int64)


def _speeds(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.uniform(0.9, 1.1, n)


def _chosen(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.choice([0.9, 1.0, 1.1], n)


def _pauses(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.integers(0, 1001, (n, 3))


PLAIN: dict[str, object] = {"batch_size": 16}
SPEED = {"draw_speed_factors": _speeds, "longest_factor": 1.1}
CHOICE = {"draw_speed_factors": _chosen, "longest_factor": 1.1}
PAUSES = {"draw_pauses": _pauses, "longest_pauses": 3000}
OPTIONS: dict[str, dict[str, object]] = {
    "plain": PLAIN,
    "seed": {**PLAIN, "seed": -3},
    "speed": {**PLAIN, **SPEED},
    "choice of speeds": {**PLAIN, **CHOICE},
    "pauses": {**PLAIN, **PAUSES},
    "forms": {**PLAIN, **PAUSES, "num_forms": 3},
    "all": {**PLAIN, **SPEED, **PAUSES, "num_forms": 2, "max_batch_frames": 9000},
    "limit": {"batch_size": 64, "max_batch_frames": 20000},
    "limit of devices": {"batch_size": 8, "max_batch_frames": 9000, "devices": 3},
    "sorted": {**PLAIN, "sorted_epochs": 1},
    "as in the manifest": {**PLAIN, "shuffle": False},
    "whole batches": {**PLAIN, "shuffle": False, "takes_whole_batches": True},
    "one bucket": {**PLAIN, "num_buckets": 1, "pad_to": 0},
    "rank 1 of 3": {**PLAIN, **SPEED, "rank": 1, "world_size": 3},
}
COUNTS = {"7": (7, 1), "300": (300, 1), "2000": (2000, 1), "500 of 2 voices": (500, 2)}
CASES = list(itertools.product(COUNTS, OPTIONS))


def digest_of(count: str, name: str) -> str:
    """Of everything that two epochs hand out."""
    planner = BatchPlanner(samples_of(*COUNTS[count]), count_frames, **OPTIONS[name])
    digest = hashlib.sha256(np.int64(planner.bucket_lengths).tobytes())
    for epoch in (0, 3):
        plan = planner.epoch(epoch)
        digest.update(repr((len(plan), plan.padding_share)).encode())
        for step in range(len(plan)):
            one = plan.batch(step)
            for array in (one.rows, one.voices, one.forms, one.pauses, one.frames):
                digest.update(np.int64(array).tobytes())
            digest.update(np.float64(one.speed_factors).tobytes())
            digest.update(repr((int(one.length), bool(one.is_padding))).encode())
    return digest.hexdigest()[:16]


def main() -> None:
    found = {f"{count}, {name}": digest_of(count, name) for count, name in CASES}
    GOLDEN.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
