"""What training with many workers costs, on paper: nothing is measured here.

A message between neighbours costs `latency + size / bandwidth` (the alpha-beta model). Sums over
workers go round a ring (Patarasuk and Yuan 2009, "Bandwidth optimal all-reduce algorithms for
clusters of workstations") or along two trees (Sanders, Speck and Träff 2009, "Two-tree algorithms
for full bandwidth broadcast, reduction and scan"), whichever is faster, as NCCL chooses.

Times are in seconds, sizes in bytes, bandwidths in bytes per second and direction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

# Horovod's defaults, 0.28: HOROVOD_CYCLE_TIME and HOROVOD_FUSION_THRESHOLD.
CYCLE, FUSION = 1e-3, 128 * 2**20


class Link(NamedTuple):
    """Between two neighbours.

    Args:
      latency: of a message of no size.
      bandwidth: what one worker can send while it receives as much.
    """

    latency: float
    bandwidth: float


class Piece(NamedTuple):
    """One variable's part of the backward pass.

    Args:
      seconds: to compute its gradient, and what the next one needs.
      size: of the gradient as it is sent.
    """

    seconds: float
    size: float


class Step(NamedTuple):
    """A training step with many workers.

    Args:
      compute: what one worker alone needs.
      communication: the time in which sums are under way.
      exposed: the part of it that nothing is computed in.
    """

    compute: float
    communication: float
    exposed: float

    @property
    def seconds(self) -> float:
        """The whole step."""
        return self.compute + self.exposed

    @property
    def efficiency(self) -> float:
        """Throughput by that of as many workers without communication."""
        return self.compute / self.seconds


def bytes_on_the_wire(size: float, workers: int) -> float:
    """What each worker sends to sum `size` over all: no algorithm can do with less."""
    return 2 * (workers - 1) / workers * size


def ring_seconds(size: float, workers: int, link: Link) -> float:
    """A sum of `size` round a ring: twice, each worker passes on 1/N of it N - 1 times."""
    return 2 * (workers - 1) * link.latency + bytes_on_the_wire(size, workers) / link.bandwidth


def tree_seconds(size: float, workers: int, link: Link) -> float:
    """A sum of `size` up and down two trees, each of which carries one half."""
    return 2 * math.ceil(math.log2(workers)) * link.latency + 2 * size / link.bandwidth


def sum_seconds(size: float, workers: int, link: Link) -> float:
    """A sum of `size` over all workers, by the faster of the two."""
    return min(ring_seconds(size, workers, link), tree_seconds(size, workers, link))


def step_of_workers(
    forward: float,
    backward: Sequence[Piece],
    workers: int,
    link: Link,
    cycle: float = CYCLE,
    fusion: float = FUSION,
    overlaps: bool = True,
) -> Step:
    """A step whose gradients are summed while the backward pass goes on, as Horovod does it.

    Before the backward pass one small sum tells each worker its share of the mean. A gradient
    waits for at most a cycle until it is noticed, and for the message that is under way; all that
    wait go in one message, up to `fusion`. At the end nothing is left to overlap with.

    Args:
      forward: seconds of the forward pass.
      backward: in the order in which gradients are computed: the last layer's first.
      cycle: the whole of it is counted, though half is the mean.
      overlaps: False: sums begin when the backward pass is over.
    """
    compute = forward + sum(piece.seconds for piece in backward)
    if workers == 1:
        return Step(compute, 0.0, 0.0)
    small = sum_seconds(0, workers, link)
    end, ready = 0.0, []
    for piece in backward:
        end += piece.seconds
        ready.append(end)
    if not overlaps:
        ready = [end] * len(backward)
    clock, busy, sent = 0.0, 0.0, 0
    while sent < len(backward):
        start = max(clock, ready[sent] + cycle)
        size, first = 0.0, sent
        while sent < len(backward) and ready[sent] <= start:
            if sent > first and size + backward[sent].size > fusion:
                break
            size += backward[sent].size
            sent += 1
        took = sum_seconds(size, workers, link)
        clock, busy = start + took, busy + took
    return Step(compute, small + busy, cycle + small + max(clock - end, 0.0))


def fitted_link(sizes: Sequence[float], seconds: Sequence[float], workers: int) -> Link:
    """The link whose ring has the measured times of the smallest and of the largest message.

    Args:
      sizes, seconds: of sums over all workers, in any order.
    """
    small, large = min(zip(sizes, seconds)), max(zip(sizes, seconds))
    wire = bytes_on_the_wire(large[0] - small[0], workers)
    bandwidth = wire / (large[1] - small[1])
    latency = small[1] - bytes_on_the_wire(small[0], workers) / bandwidth
    return Link(max(latency, 0.0) / (2 * (workers - 1)), bandwidth)
