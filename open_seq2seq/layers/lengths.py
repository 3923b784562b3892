"""How convolutions change lengths."""

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
