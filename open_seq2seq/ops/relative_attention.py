"""Attention whose scores know how far apart two frames are (Dai et al. 2019, Transformer-XL)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from keras import ops

from open_seq2seq.tensors import DType, Tensor

_LONGEST_WAVE = 10000.0
# In place of the scores of frames that are not seen; its exponential is 0 in all number formats.
_NEVER = -1e4


def relative_positions(first: Tensor, count: Tensor, width: int, dtype: DType) -> Tensor:
    """Sines and cosines of the positions `first`, `first - 1`, ...: [count, width].

    Columns 2i and 2i + 1 are sine and cosine of `position * 10000 ** (-2i / width)`.

    Args:
      first: the largest position, how far a key lies before its query; an int or a tensor.
      count: how many positions, an int or a tensor.
      width: columns, an even number.
      dtype: of the result; it is computed in float32.
    """
    rates = _LONGEST_WAVE ** -(np.arange(0, width, 2) / width)
    positions = ops.cast(first - ops.arange(count, dtype="int32"), "float32")
    angles = positions[:, None] * rates.astype(np.float32)[None, :]
    waves = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)
    return ops.cast(ops.reshape(waves, (-1, width)), dtype)


def relative_attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    positions: Tensor,
    content_bias: Tensor,
    position_bias: Tensor,
    seen: Tensor | None,
    dropped: Callable[[Tensor], Tensor],
) -> Tensor:
    """Attends from every query to the keys around it.

    The score of query i and key j is `((q_i + content_bias) . k_j + (q_i + position_bias) .
    p_ij) / sqrt(size)` for each head of `size` channels, where p_ij is the row of `positions`
    for their distance.

    Args:
      queries: [batch, query, channel].
      keys, values: [batch, key, channel].
      positions: [1, query + key, channel]: row n is that of the last query and key n, and of the
        query before it and key n - 1; the last row is of no use.
      content_bias, position_bias: [head, size].
      seen: [1 or batch, 1 or query, key] bool, which keys a query sees; None: all.
      dropped: dropout of the weights, or what returns them as they are.

    Returns:
      [batch, query, channel].
    """
    heads, size = content_bias.shape
    scale = size**-0.5
    each = _by_head(queries * scale, heads)
    biases = [
        ops.cast(bias, each.dtype)[:, None, None, :] * scale
        for bias in (content_bias, position_bias)
    ]
    scores = ops.matmul(each + biases[0], ops.swapaxes(_by_head(keys, heads), -1, -2))
    scores = scores + _position_scores(each + biases[1], positions, heads)
    if seen is not None:
        hidden = ops.where(seen, ops.zeros((), scores.dtype), ops.cast(_NEVER, scores.dtype))
        scores = scores + hidden[None]
    # Keras warns of a softmax over one number.
    one = scores.shape[-1] == 1
    weights = dropped(ops.ones_like(scores) if one else ops.softmax(scores, axis=-1))
    mixed = ops.transpose(ops.matmul(weights, _by_head(values, heads)), (1, 2, 0, 3))
    return ops.reshape(mixed, (-1, ops.shape(queries)[1], heads * size))


def _by_head(values: Tensor, heads: int) -> Tensor:
    """[batch, time, channel] -> [head, batch, time, size]."""
    size = values.shape[-1] // heads
    values = ops.reshape(values, (-1, ops.shape(values)[1], heads, size))
    return ops.transpose(values, (2, 0, 1, 3))


def _position_scores(queries: Tensor, positions: Tensor, heads: int) -> Tensor:
    """[head, batch, query, size], [1, query + key, channel] -> [head, batch, query, key]."""
    batch, count, size = ops.shape(queries)[1], ops.shape(queries)[2], queries.shape[3]
    rows = ops.shape(positions)[1]
    positions = ops.transpose(ops.reshape(positions, (-1, heads, size)), (1, 2, 0))
    # The same for all utterances: one product of each head.
    scores = ops.matmul(ops.reshape(queries, (heads, -1, size)), positions)
    # Query i wants the columns from `count - 1 - i` on: seen as one line of numbers, each query
    # begins `rows - 1` after the one before.
    # `slice`, as the gradient of `[...]` is many times slower.
    line = ops.reshape(scores, (heads, batch, count * rows))
    line = ops.slice(line, (0, 0, count - 1), (heads, batch, count * (rows - 1)))
    line = ops.reshape(line, (heads, batch, count, rows - 1))
    return ops.slice(line, (0, 0, 0, 0), (heads, batch, count, rows - count))
