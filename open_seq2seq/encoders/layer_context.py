"""What each layer of an encoder sees of the time axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from open_seq2seq.errors import Problem
from open_seq2seq.layers.time_window import TimeWindow, total_context


class LayerContext(NamedTuple):
    """A layer, or a block of some.

    Args:
      name: as the config or the checkpoint has it, with what it is.
      left, right: frames of its input that an output depends on, before its own and after it;
        `math.inf`: all of them.
      stride: frames of its input for one of its output.
      problem: why it can't take an utterance piece by piece; None: it can.
    """

    name: str
    left: float
    right: float
    stride: int = 1
    problem: Problem | None = None


def of_windows(
    name: str, windows: Sequence[TimeWindow], problem: Problem | None = None
) -> LayerContext:
    """That of convolutions, one on top of the other.

    Args:
      name: of all of them.
      windows: from the input upwards.
      problem: why what is between them needs the whole utterance, if it does.
    """
    left, right = (math.inf, math.inf) if problem else total_context(windows)
    return LayerContext(name, left, right, math.prod(one.stride for one in windows), problem)


def of_recurrence(name: str, problem: Problem | None = None) -> LayerContext:
    """That of a recurrent layer, which sees all that was before.

    Args:
      name: the layer's.
      problem: of one that goes backward too.
    """
    return LayerContext(name, math.inf, math.inf if problem else 0, 1, problem)
