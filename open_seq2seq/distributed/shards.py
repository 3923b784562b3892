"""What depends on how many workers there are: threads, random numbers, the learning rate."""

from __future__ import annotations

import os

import numpy as np


def threads_per_worker(cores: int, local_size: int) -> int:
    """Threads for each of `local_size` workers on a machine with so many cores.

    A launcher that binds processes to cores has divided them already.
    """
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    return mine if mine < cores else max(cores // local_size, 1)


def own_state(state: np.ndarray, rank: int) -> np.ndarray:
    """A random generator's state for one worker: rank 0's is as it was, the others have their own.

    Args:
      state: [2] uint32, seed and counter, as Keras keeps them.
    """
    seed, counter = state.tolist()
    # An odd number near 2^32 / the golden ratio: the seeds of many workers lie far apart.
    return np.array([(seed + rank * 0x9E3779B1) % 2**32, counter], state.dtype)


def rate_factor(rule: str | None, group: int) -> float:
    """What the learning rate is multiplied by for so many workers.

    Args:
      rule: None: 1; "linear": the number of workers (Goyal et al. 2017, arXiv:1706.02677);
        "sqrt": its square root, as suits Adam and its like (Krizhevsky 2014, arXiv:1404.5997).
    """
    return {None: 1.0, "linear": float(group), "sqrt": group**0.5}[rule]
