"""Windows that overlap: rows are those of the same windows offline, none twice, none missing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.errors import InputError
from open_seq2seq.streaming import BufferedNetwork, Session, WindowLengths
from tests.exported_models import FRAME_SHIFT, HOP, RATE, SYMBOLS, network
from tests.streaming.levels import decoder, whole
from tests.streaming.test_session import fed, recording, same


def smoothed(samples):
    """Rows that depend on the three rows before and the two after, with zeros around."""
    rows = network(samples)
    padded = np.pad(rows, [(3, 2), (0, 0)])
    kernel = np.array([0.1, 0.2, 0.3, 1.0, 0.3, 0.2])
    parts = [padded[shift : shift + len(rows)] * weight for shift, weight in enumerate(kernel)]
    return sum(parts).astype(np.float32)


def rows_of(net, samples, sizes):
    """All rows of a stream in whole pieces, put together."""
    from open_seq2seq.streaming.network import Piece

    state, found, done = net.initial_state(), [], 0
    while done < len(samples):
        size = sizes[len(found) % len(sizes)] * HOP
        piece = Piece(samples[done : done + size], state, done + size >= len(samples))
        [(rows, state)] = net.compute([piece])
        found.append(rows.reshape(-1, len(SYMBOLS) + 1))
        done += size
    return np.concatenate(found)


def buffered(left, chunk, right, logits=smoothed):
    lengths = WindowLengths(left * FRAME_SHIFT, chunk * FRAME_SHIFT, right * FRAME_SHIFT)

    def all_logits(inputs):
        return [logits(one) for one in inputs]

    return BufferedNetwork(lambda samples: samples, all_logits, RATE, HOP, lengths)


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    left=st.integers(3, 20),
    chunk=st.integers(1, 15),
    right=st.integers(2, 9),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
)
def test_equal_to_the_whole_where_the_windows_reach_far_enough(seed, left, chunk, right, sizes):
    samples = recording(seed=seed)
    found = rows_of(buffered(left, chunk, right), samples, sizes)
    np.testing.assert_allclose(found, smoothed(samples), atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(left=st.integers(0, 5), chunk=st.integers(1, 9), right=st.integers(0, 4))
def test_equal_to_the_same_windows_offline(left, chunk, right):
    samples = recording()
    total, expected, row = len(samples) // HOP, [], 0
    while row < total:
        last = (row + chunk + right) * HOP
        begin = max(row - left, 0)
        rows = smoothed(samples[begin * HOP : last])
        end = None if last >= len(samples) else row - begin + chunk
        if last == len(samples):  # a whole chunk: the rest is computed when the end is known
            end = row - begin + chunk
        expected.append(rows[row - begin : end])
        row += len(expected[-1])
    found = rows_of(buffered(left, chunk, right), samples, [7])
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-5)


def test_a_session_of_windows():
    samples = recording()
    net = buffered(20, 10, 5, network)
    stream = Session(net, decoder(), SYMBOLS, FRAME_SHIFT, chunk_seconds=0.1)
    assert stream.latency == pytest.approx(0.15)
    fed(stream, samples, [123])
    same(stream.finish(), whole(samples))


def test_memory_does_not_grow():
    net = buffered(20, 10, 5)
    stream = Session(net, decoder(), SYMBOLS, FRAME_SHIFT, chunk_seconds=0.1)
    sizes = set()
    for seed in range(20):
        stream.accept(recording(seed=seed))
        sizes.add(len(net.arrays_of(stream._state)["samples"]) // HOP)
    assert max(sizes) <= 20 + 10 + 5


@pytest.mark.parametrize("lengths", [(-1, 1, 1), (1, 0, 1), (1, 1, float("nan"))])
def test_there_are_such_windows_only(lengths):
    with pytest.raises(InputError, match="seconds, not below 0"):
        BufferedNetwork(None, None, RATE, HOP, WindowLengths(*lengths))
