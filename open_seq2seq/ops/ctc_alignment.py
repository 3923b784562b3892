"""Which labels fit into which number of frames."""

from __future__ import annotations

from keras import ops

from open_seq2seq.tensors import Tensor


def shortest_alignment(labels: Tensor, label_lengths: Tensor) -> Tensor:
    """The fewest frames that can hold each row's labels: one each, one between repeats.

    Args:
      labels: [batch, label] integers.
      label_lengths: [batch].

    Returns:
      [batch] int32.
    """
    labels = ops.cast(labels, "int32")
    label_lengths = ops.cast(label_lengths, "int32")
    positions = ops.arange(ops.shape(labels)[1], dtype="int32")[1:]
    repeated = ops.logical_and(
        ops.equal(labels[:, 1:], labels[:, :-1]), positions[None, :] < label_lengths[:, None]
    )
    return label_lengths + ops.sum(ops.cast(repeated, "int32"), axis=1)
