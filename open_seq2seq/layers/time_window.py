"""What a convolution sees of the time axis: lengths, padding, context and look-ahead."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from keras import ops

from open_seq2seq.ops.padding import Padding, padding_widths
from open_seq2seq.tensors import Tensor


@dataclass(frozen=True)
class TimeWindow:
    """The time axis of a convolution; all numbers are frames of its input.

    Output t sees the inputs from `stride * t - left` to `stride * t - left + span`, zeros
    where there are none.

    Args:
      kernel_size, stride, dilation: of the time axis.
      padding: SAME, VALID, CAUSAL, or (left, right).
    """

    kernel_size: int
    stride: int = 1
    dilation: int = 1
    padding: Padding = "SAME"

    @property
    def described(self) -> str:
        """In a few words: `11 taps, stride 2, dilation 2`."""
        more = (("stride", self.stride), ("dilation", self.dilation))
        numbers = [f"{name} {number}" for name, number in more if number > 1]
        return ", ".join([f"{self.kernel_size} tap{'s' * (self.kernel_size > 1)}", *numbers])

    @property
    def span(self) -> int:
        """Frames between the first and the last that an output sees."""
        return (self.kernel_size - 1) * self.dilation

    @property
    def widths(self) -> tuple[int, int]:
        """The zeros before and after a sequence."""
        return padding_widths(self.padding, self.kernel_size, self.stride, self.dilation)

    @property
    def context(self) -> tuple[int, int]:
        """Frames that an output sees before its own, `stride * t`, and after it."""
        left, _ = self.widths
        return left, self.span - left

    @property
    def keeps_length(self) -> bool:
        """Whether a length becomes ceil(length / stride)."""
        return sum(self.widths) == self.span

    def output_length(self, frames: Tensor) -> Tensor:
        """Output frames of a whole sequence, for an int, an array or a tensor of its frames.

        SAME and CAUSAL: ceil(frames / stride). VALID: as many as fit, 0 when the kernel is
        longer than the sequence.
        """
        return self._fitting(frames, sum(self.widths))

    def ready(self, frames: Tensor) -> Tensor:
        """Output frames whose inputs are all there, of a sequence that goes on after `frames`."""
        return self._fitting(frames, self.widths[0])

    def _fitting(self, frames: Tensor, zeros: int) -> Tensor:
        # Never divided below zero, nor written -(-a // b): exporters turn this into a division
        # that truncates.
        more = zeros - self.span - 1 + self.stride
        if more >= 0:
            return (frames + more) // self.stride
        if isinstance(frames, (int, np.integer)):
            return max(int(frames) + more, 0) // self.stride
        maximum = np.maximum if isinstance(frames, np.ndarray) else ops.maximum
        return maximum(frames + more, 0) // self.stride


def total_context(windows: Sequence[TimeWindow]) -> tuple[int, int]:
    """Frames of the first one's input that an output of the last sees, before and after its own."""
    left = right = 0
    step = 1
    for window in windows:
        before, after = window.context
        left, right = left + before * step, right + after * step
        step *= window.stride
    return left, right


def fixed_look_ahead(windows: Sequence[TimeWindow]) -> int:
    """The look-ahead of a stack that `with_look_ahead` can't take away: of what isn't SAME."""
    steps = _steps(windows)
    return sum(w.context[1] * step for w, step in zip(windows, steps) if w.padding != "SAME")


def with_look_ahead(windows: Sequence[TimeWindow], look_ahead: int | None) -> list[TimeWindow]:
    """The windows of a stack that sees at most `look_ahead` frames ahead.

    From the first window up, each with SAME padding keeps as much of its own look-ahead as is
    left of all, and pads the rest on the left: lengths stay as they are. What the others see
    ahead is counted first. So the lower layers, of finer frames, look ahead, and the upper ones
    become causal, as in Pratap et al. 2020 (arXiv:2001.09727).

    Args:
      windows: from the input upwards.
      look_ahead: in frames of the first one's input, at least `fixed_look_ahead`; None: no limit.
    """
    if look_ahead is None:
        return list(windows)
    rest = look_ahead - fixed_look_ahead(windows)
    assert rest >= 0, "checked with the parameters"
    limited = []
    for window, step in zip(windows, _steps(windows)):
        if window.padding == "SAME":
            ahead = min(window.context[1], rest // step)
            rest -= ahead * step
            window = dataclasses.replace(window, padding=(window.span - ahead, ahead))
        limited.append(window)
    return limited


def _steps(windows: Sequence[TimeWindow]) -> list[int]:
    """Frames of the stack's input in a frame of each window's input."""
    steps = [1]
    for window in windows:
        steps.append(steps[-1] * window.stride)
    return steps[:-1]
