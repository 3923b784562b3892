"""How many frames layers keep of a stream, and by how many their outputs are behind.

Pieces of a stream have fixed sizes, so a convolution with frames to its right gives its outputs
later: the first row of a piece has the number `position - delay`. The numbers have to meet the
strides, of this layer and of those above it; what a layer keeps beyond its kernel sees to that.
"""

from __future__ import annotations

from collections.abc import Iterable

from open_seq2seq.export.networks.windows import Chunks, Step
from open_seq2seq.layers.time_window import TimeWindow


def kept_frames(window: TimeWindow, delay: int) -> int:
    """Frames of its input that a convolution keeps.

    Args:
      window: of its time axis.
      delay: of its input.
    """
    left, _ = window.widths
    kept = max(window.span + 1 - window.stride, 0)
    return kept + (left - delay - kept) % window.stride


def unseen_frames(window: TimeWindow, kept: int) -> int:
    """Frames at the end of a piece that are for the next one's first output already."""
    return (kept - (window.span + 1 - window.stride)) // window.stride * window.stride


def delay_after(window: Step, delay: int) -> int:
    """The delay of a layer's outputs, in frames of these.

    Args:
      window: of its time axis; or chunks, which begin where a piece does.
      delay: of its input.
    """
    if isinstance(window, Chunks):
        return delay + -delay % window.size
    return (delay + kept_frames(window, delay) - window.widths[0]) // window.stride


def delay_through(windows: Iterable[Step], delay: int) -> int:
    """The delay after layers that follow each other."""
    for window in windows:
        delay = delay_after(window, delay)
    return delay


def most_delay(windows: Iterable[Step], delay: int) -> int:
    """The largest delay there is, each in frames of its own layer."""
    most = delay
    for window in windows:
        delay = delay_after(window, delay)
        most = max(most, delay)
    return most


def most_span(windows: Iterable[Step]) -> int:
    """The most frames that a layer keeps the numbers of, in frames of its own."""
    return max((one.span for one in windows if isinstance(one, TimeWindow)), default=0)
