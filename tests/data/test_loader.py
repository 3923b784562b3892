"""Worker threads: order, bounds, errors, and that they stop."""

from __future__ import annotations

import gc
import threading
import time

import pytest

from open_seq2seq.data.loader import PREFETCH, Stopped, load_in_order


def loader_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("loader")]


@pytest.fixture(autouse=True)
def no_threads_left():
    assert loader_threads() == []
    yield
    assert loader_threads() == []


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_results_come_in_order(workers):
    def load(item: int, stop: threading.Event) -> int:
        time.sleep(0.01 if item % 3 == 0 else 0.0)
        return item * item

    expected = [item * item for item in range(40)]
    assert list(load_in_order(load, range(40), workers)) == expected


@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_is_loaded_than_said(workers):
    started = []

    def load(item: int, stop: threading.Event) -> int:
        started.append(item)
        return item

    results = load_in_order(load, range(100), workers)
    for taken in range(1, 20):
        next(results)
        time.sleep(0.002)
        assert len(started) <= taken + workers + PREFETCH
    results.close()


def test_workers_run_at_the_same_time():
    together = threading.Barrier(3, timeout=600)
    list(load_in_order(lambda item, stop: together.wait(), range(6), workers=3))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_comes_at_its_place(workers):
    def load(item: int, stop: threading.Event) -> int:
        if item == 5:
            raise ValueError("five")
        return item

    results = load_in_order(load, range(10), workers)
    assert [next(results) for _ in range(5)] == list(range(5))
    with pytest.raises(ValueError, match="five"):
        next(results)
    with pytest.raises(StopIteration):
        next(results)


@pytest.mark.parametrize("drop", [False, True])
def test_closing_stops_the_workers(drop):
    finished, stopped = [], []

    def load(item: int, stop: threading.Event) -> int:
        if item == 0:
            return 0
        # Only a hang is waited for so long: who is not told to stop, has finished.
        (stopped if stop.wait(timeout=600) else finished).append(item)
        raise Stopped

    results = load_in_order(load, range(1000), workers=3)
    assert next(results) == 0
    if drop:
        del results
        gc.collect()
    else:
        results.close()
    # Both return only when the threads have ended, which no item but a stopped one lets them.
    assert loader_threads() == []
    assert finished == [] and len(stopped) <= 3


def test_nothing_runs_before_it_is_asked_for():
    load_in_order(lambda item, stop: pytest.fail("loaded"), range(3), workers=2)
