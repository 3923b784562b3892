"""What layers keep of a stream, against outputs that are computed one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_seq2seq.export.networks.windows import Chunks
from open_seq2seq.export.streams.delays import (
    delay_after,
    delay_through,
    kept_frames,
    most_delay,
    unseen_frames,
)
from open_seq2seq.layers.time_window import TimeWindow


@st.composite
def windows(draw):
    size, dilation = draw(st.integers(1, 9)), draw(st.integers(1, 3))
    span = (size - 1) * dilation
    left = draw(st.integers(0, span))
    right = draw(st.integers(0, span - left))
    paddings = ["SAME", "VALID", "CAUSAL", (left, right)]
    return TimeWindow(size, draw(st.integers(1, 4)), dilation, draw(st.sampled_from(paddings)))


@given(window=windows(), delay=st.integers(0, 12), pieces=st.integers(1, 4))
def test_outputs_come_in_whole_pieces(window, delay, pieces):
    """The frames that an output needs are those that its place in a piece sees."""
    stride, size = window.stride, 3 * window.stride
    kept, after = kept_frames(window, delay), delay_after(window, delay)
    assert kept >= 0 and after >= 0
    seen = kept + size - unseen_frames(window, kept)
    outputs = (seen - window.span - 1) // stride + 1
    assert outputs == size // stride
    for piece in range(pieces):
        first_input = piece * size - delay - kept  # the number of the first frame that is seen
        first_output = piece * size // stride - after
        assert stride * first_output - window.widths[0] == first_input


def test_the_figures_of_quartznets_first_layer():
    """11 taps, stride 2: with 9 kept frames windows would sit on odd ones."""
    window = TimeWindow(11, 2)
    assert (window.widths[0], kept_frames(window, 0), delay_after(window, 0)) == (4, 10, 3)


@given(st.integers(0, 50), st.integers(1, 9))
def test_chunks_begin_where_a_piece_of_chunks_does(delay, size):
    after = delay_after(Chunks(size), delay)
    assert 0 <= after - delay < size and (3 * size - after) % size == 0


@pytest.mark.parametrize("delay", [0, 1, 5])
def test_delays_add_up(delay):
    stack = [TimeWindow(11, 2), TimeWindow(13), TimeWindow(5, dilation=2)]
    steps = [delay]
    for window in stack:
        steps.append(delay_after(window, steps[-1]))
    assert delay_through(stack, delay) == steps[-1]
    assert most_delay(stack, delay) == np.max(steps)
