"""How convolutions change lengths, and which frames belong to an utterance."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops


def convolved_length(
    frames: Any, kernel_size: int, stride: int, dilation: int, padding: str
) -> Any:
    """Frames after a convolution over time.

    Args:
      frames: an int, an array or a tensor of integers.
      kernel_size, stride, dilation: of the time axis.
      padding: SAME (also of causal convolutions): ceil(frames / stride); VALID: as
        many as fit, 0 when the kernel is longer than the utterance.

    Returns:
      The same kind of value as `frames`.
    """
    if padding == "SAME":
        return -(-frames // stride)
    span = (kernel_size - 1) * dilation + 1
    fitting = (frames - span) // stride + 1
    if isinstance(frames, (int, np.integer)):
        return max(int(fitting), 0)
    return np.maximum(fitting, 0) if isinstance(frames, np.ndarray) else ops.maximum(fitting, 0)


def length_mask(lengths: Any, frames: Any, axes: int) -> Any:
    """True where a frame belongs to its utterance.

    Args:
      lengths: [batch].
      frames: length of the time axis.
      axes: how many axes the masked tensor has.

    Returns:
      [batch, time, 1, ...] bool, to be broadcast.
    """
    numbers = ops.reshape(ops.arange(frames, dtype="int32"), (1, -1) + (1,) * (axes - 2))
    return numbers < ops.reshape(ops.cast(lengths, "int32"), (-1,) + (1,) * (axes - 1))


def masked(inputs: Any, mask: Any | None) -> Any:
    """`inputs` with zeros past each utterance's end; unchanged without a mask.

    Chosen, not multiplied: whatever lies there, nan too, is gone.
    """
    return inputs if mask is None else ops.where(mask, inputs, ops.zeros((), inputs.dtype))
