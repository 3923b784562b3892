"""The model of training with many workers, against numbers worked out by hand."""

import pytest

from benchmarks.scaling_model import (
    Link,
    Piece,
    bytes_on_the_wire,
    fitted_link,
    ring_seconds,
    step_of_workers,
    sum_seconds,
    tree_seconds,
)
from benchmarks.scaling_plan import NVLINK, count, link_of

# A hop takes 1 ms, a megabyte 1 ms.
LINK = Link(1e-3, 1e9)


@pytest.mark.parametrize(("workers", "share"), [(1, 0), (2, 1), (4, 1.5), (8, 1.75)])
def test_bytes_on_the_wire(workers, share):
    assert bytes_on_the_wire(1000, workers) == 1000 * share


def test_a_ring_by_its_definition():
    """Each of 2(N-1) times every worker sends an Nth of the whole."""
    workers, size = 4, 8e6
    assert ring_seconds(size, workers, LINK) == pytest.approx(6 * (1e-3 + 2e6 / 1e9))


def test_the_faster_algorithm_is_taken():
    # Two ways along 6 levels of a tree against 126 hops of a ring.
    assert tree_seconds(0, 64, LINK) == pytest.approx(12e-3)
    assert sum_seconds(0, 64, LINK) == pytest.approx(12e-3)
    # 126 + 1968.75 ms against 12 + 2000 ms; and 126 + 9843.75 against 12 + 10000.
    assert sum_seconds(1e9, 64, LINK) == pytest.approx(2.012)
    assert sum_seconds(5e9, 64, LINK) == pytest.approx(9.96975)


class TestStep:
    """Two workers: a sum takes 2 ms and 1 ms for each megabyte; a cycle is 1 ms."""

    def test_one_worker_sends_nothing(self):
        step = step_of_workers(0.01, [Piece(0.02, 1e6)], 1, LINK)
        assert step == (pytest.approx(0.03), 0, 0)
        assert step.efficiency == 1

    def test_the_last_gradient_is_exposed(self):
        # The small sum takes 2, after a cycle. Ready at 20, starts at 21, takes 2 + 4.
        step = step_of_workers(0.01, [Piece(0.02, 4e6)], 2, LINK)
        assert step == (pytest.approx(0.03), pytest.approx(8e-3), pytest.approx(10e-3))
        assert step.efficiency == pytest.approx(30 / 40)

    def test_what_waits_is_fused(self):
        # Ready at 10, 11, 12, 30. The first goes at 11 with the second: 2 + 4, until 17; the third
        # from 17 until 17 + 2 + 3 = 22; the last from 31 until 31 + 2 + 5 = 38: 8 after the end.
        pieces = [Piece(0.01, 3e6), Piece(0.001, 1e6), Piece(0.001, 3e6), Piece(0.018, 5e6)]
        step = step_of_workers(0, pieces, 2, LINK)
        assert step.compute == pytest.approx(0.030)
        assert step.communication == pytest.approx(2e-3 + 6e-3 + 5e-3 + 7e-3)
        assert step.exposed == pytest.approx(3e-3 + 8e-3)

    def test_the_fusion_threshold(self):
        # All are ready at 1; by pairs: 2 + 2, and 2 + 1 of the third.
        pieces = [Piece(0.001, 1e6), Piece(0, 1e6), Piece(0, 1e6)]
        fused = step_of_workers(0, pieces, 2, LINK, cycle=0, fusion=2e6)
        assert fused.exposed == pytest.approx(2e-3 + 7e-3)
        # A tensor larger than the threshold goes alone.
        alone = step_of_workers(0, pieces, 2, LINK, cycle=0, fusion=1)
        assert alone.exposed == pytest.approx(2e-3 + 9e-3)

    def test_without_overlap_all_is_exposed(self):
        pieces = [Piece(0.01, 3e6), Piece(0.001, 1e6), Piece(0.019, 5e6)]
        step = step_of_workers(0, pieces, 2, LINK, overlaps=False)
        # Small sum, cycle, and one message of 9 MB.
        assert step.exposed == pytest.approx(3e-3 + 1e-3 + 2e-3 + 9e-3)


def test_the_fitted_link_gives_the_times_back():
    sizes = [1e3, 1e6, 1e8]
    for workers in (2, 5):
        times = [ring_seconds(size, workers, LINK) for size in sizes]
        assert fitted_link(sizes, times, workers) == pytest.approx(LINK)


def test_a_ring_through_nodes_is_as_fast_as_the_network():
    assert link_of(8, 100) == NVLINK
    link = link_of(64, 100)
    # 8 of 64 hops are between nodes; 80 % of 12.5 GB/s.
    assert link.latency == pytest.approx((8 * 14e-6 + 56 * 3.4e-6) / 64)
    assert link.bandwidth == pytest.approx(10e9)


def test_operations_are_counted_from_the_config():
    counts = count("quartznet5x5_LibriSpeech")
    kernels = dict(zip(range(2), counts.variables))
    # The first layer: 33 taps of 64 features, then 64 x 256, for each of 50 frames a second.
    assert kernels == {0: (33 * 64, 33 * 64), 1: (64 * 256, 64 * 256)}
    assert counts.frames == 50
    assert counts.flops == 2 * 50 * sum(products for products, _ in counts.variables)
    # One statistic for each of gamma and beta.
    assert counts.statistics[1] + sum(p for p, _ in counts.variables) + 29 == counts.parameters
