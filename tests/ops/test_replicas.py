"""Where a layer learns how statistics are summed over workers."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from open_seq2seq.ops.replicas import statistics_sum, summed_statistics


def test_it_holds_inside_only():
    assert statistics_sum() is None
    with summed_statistics(list, 1.0):
        assert statistics_sum() == (list, 1.0)
        with summed_statistics(sorted, 0.0):
            assert statistics_sum() == (sorted, 0.0)
        assert statistics_sum() == (list, 1.0)
    with pytest.raises(KeyError), summed_statistics(list, 1.0):
        raise KeyError
    assert statistics_sum() is None


def test_threads_have_their_own():
    """The devices of a process are traced in a thread each."""
    with summed_statistics(list, 1.0), ThreadPoolExecutor(1) as pool:
        assert pool.submit(statistics_sum).result() is None
