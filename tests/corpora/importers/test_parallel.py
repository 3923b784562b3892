"""Work in threads: results in order, and an end when one part fails."""

import threading

import pytest

from open_seq2seq.corpora.importers.parallel import CHUNK, in_parallel, progress, together


def test_chunks_come_back_in_order():
    items = list(range(5 * CHUNK + 3))
    threads = set()

    def double(chunk):
        threads.add(threading.current_thread())
        return [2 * item for item in chunk]

    results = [
        pair for chunk, doubled in in_parallel(double, items, "") for pair in zip(chunk, doubled)
    ]
    assert results == [(item, 2 * item) for item in items]
    assert threading.current_thread() not in threads
    assert list(in_parallel(double, [], "")) == []


def test_a_failure_ends_the_chunks_not_begun():
    begun = []

    def fail(chunk):
        begun.append(chunk)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(in_parallel(fail, list(range(300)), "", chunk=1))
    assert len(begun) < 300


def test_a_failing_job_ends_the_others():
    started = threading.Event()
    ended = []

    def long():
        with progress("long", 10**9) as advance:
            started.set()
            try:
                while True:
                    advance(1)
            finally:
                ended.append("long")

    def failing():
        started.wait()
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        together([long, failing, lambda: ended.append("never begun")], threads=2)
    assert ended == ["long"]
    # What comes afterwards is not stopped.
    with progress("next", 1) as advance:
        advance(1)
