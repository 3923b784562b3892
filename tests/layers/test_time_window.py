"""What a convolution sees of the time axis, against windows that are slid by hand."""

from itertools import pairwise, product

import keras
import numpy as np
import pytest

from open_seq2seq.layers.streaming import Piece
from open_seq2seq.layers.time_window import TimeWindow, total_context, with_look_ahead

PADDINGS = ["SAME", "VALID", "CAUSAL", (2, 1), (0, 0)]
WINDOWS = [
    TimeWindow(taps, stride, dilation, padding)
    for taps, stride, dilation, padding in product((1, 4, 5), (1, 2, 3), (1, 2), PADDINGS)
    if padding != (2, 1) or taps > 1
]


def slid(window, frames):
    """The outputs of a sequence, each as the frames it sees; zeros are those outside."""
    left, right = window.widths
    if window.keeps_length:  # SAME extends a sequence to a multiple of the stride.
        right += -frames % window.stride
    first, outputs = -left, []
    while frames and first + window.span < frames + right:
        outputs.append(range(first, first + window.span + 1, window.dilation))
        first += window.stride
    return outputs


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_lengths_and_what_is_ready(window):
    frames = np.arange(1, 25)
    expected = [slid(window, n) for n in frames]
    lengths = [len(outputs) for outputs in expected]
    assert window.output_length(frames).tolist() == lengths
    assert [window.output_length(int(n)) for n in frames] == lengths
    tensor = window.output_length(keras.ops.convert_to_tensor(frames))
    assert keras.ops.convert_to_numpy(tensor).tolist() == lengths
    ready = [sum(max(seen) < n for seen in slid(window, 60)) for n in frames]
    assert window.ready(frames).tolist() == ready
    left, right = window.context
    seen = slid(window, 60)[5]
    assert (5 * window.stride - min(seen), max(seen) - 5 * window.stride) == (left, right)


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_pieces_have_room_for_their_outputs(window):
    """Wherever a stream of 23 frames is cut, and at its end."""
    for cuts in ((0, 1, 2, 9, 23), (0, 23), (0, 20, 21, 22, 23)):
        came = 0
        for before, after in pairwise(cuts):
            last = np.array([after == 23])
            piece = Piece(after - before, np.array([before]), np.array([after]), last)
            for one in (piece, piece._replace(last=None)):
                through = one.through(window)
                assert through.lengths[0] <= through.frames
            came += int(piece.through(window).lengths[0])
        assert came == window.output_length(23)


def test_a_look_ahead_of_zero_is_causal():
    windows = [TimeWindow(7, 2), TimeWindow(3, 1, 4), TimeWindow(4)]
    limited = with_look_ahead(windows, 0)
    assert [window.widths for window in limited] == [(6, 0), (8, 0), (3, 0)]
    assert total_context(limited) == (6 + 2 * 8 + 2 * 3, 0)
    assert with_look_ahead(windows, None) == windows
    # As much as there is: every one of them stays as it was.
    enough = with_look_ahead(windows, total_context(windows)[1])
    assert [window.widths for window in enough] == [window.widths for window in windows]
