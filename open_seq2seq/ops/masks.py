"""Which frames belong to an utterance."""

from __future__ import annotations

from keras import ops

from open_seq2seq.tensors import Tensor


def length_mask(lengths: Tensor, frames: Tensor, axes: int) -> Tensor:
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


def zero_past(inputs: Tensor, lengths: Tensor | None) -> Tensor:
    """`inputs` [batch, time, ...] with zeros past each utterance's end; all of it without lengths.

    Chosen, not multiplied: whatever lies there, nan too, is gone.
    """
    if lengths is None:
        return inputs
    mask = length_mask(lengths, ops.shape(inputs)[1], len(inputs.shape))
    return ops.where(mask, inputs, ops.zeros((), inputs.dtype))
