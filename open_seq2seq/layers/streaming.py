"""How layers take a sequence piece by piece: what is known of a piece, and what is kept.

A layer that sees more than one frame keeps the last frames of its input, of a fixed number,
with zeros before the first piece. Each row of a batch is a stream of its own: it may bring any
number of frames with a piece, and end with any of them. Positions are counted from a stream's
first frame, so that the frames of an output are found wherever the pieces were cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from keras import ops

from open_seq2seq.layers.time_window import TimeWindow
from open_seq2seq.tensors import Tensor

# By name: the shape without the batch axis, and the dtype, of an array that a stream keeps.
StateSpec = dict[str, tuple[tuple[int | None, ...], str]]


class Piece(NamedTuple):
    """A piece of each stream of a batch, at one layer's input or output.

    Args:
      frames: the size of the piece's time axis.
      before, after: [batch] int32, frames of the stream before the piece, and with it.
      last: [batch] bool, the streams that end with it; None: none of them. With an array, the
        time axis has room for what follows after the end.
    """

    frames: Tensor
    before: Tensor
    after: Tensor
    last: Tensor = None

    @property
    def lengths(self) -> Tensor:
        """[batch] int32, the frames of the piece that belong to each stream."""
        return self.after - self.before

    def through(self, window: TimeWindow) -> Piece:
        """The piece after a convolution: the outputs that are ready, all of them at the end."""
        before, after, frames = window.ready(self.before), window.ready(self.after), self.frames
        if self.last is not None:
            after = ops.where(self.last, window.output_length(self.after), after)
            frames = frames + window.widths[1]
        return Piece((frames + window.stride - 1) // window.stride, before, after, self.last)


class StreamState:
    """The arrays that streams keep: read as the last piece left them, written for the next.

    Args:
      old: by name, `[batch, ...]`.
    """

    def __init__(
        self, old: Mapping[str, Tensor], new: dict[str, Tensor] | None = None, scope: str = ""
    ):
        self._old, self._scope = old, scope
        self.new: dict[str, Tensor] = {} if new is None else new

    def scope(self, name: str) -> StreamState:
        """The same arrays, for a layer that knows its own part of their names."""
        return StreamState(self._old, self.new, f"{self._scope}{name}/")

    def __getitem__(self, name: str) -> Tensor:
        return self._old[self._scope + name]

    def __setitem__(self, name: str, value: Tensor) -> None:
        self.new[self._scope + name] = value


def scoped(name: str, spec: StateSpec) -> StateSpec:
    """The spec of a layer, as `StreamState.scope(name)` finds it."""
    return {f"{name}/{key}": value for key, value in spec.items()}


def kept_frames(name: str, count: int, shape: Sequence[int | None], dtype: str) -> StateSpec:
    """The spec of `count` kept frames [...]; nothing for none."""
    return {name: ((count, *shape), dtype)} if count else {}


def windowed(
    window: TimeWindow, inputs: Tensor, piece: Piece, state: StreamState, name: str
) -> Tensor:
    """What a convolution without padding has to see for the outputs of a piece.

    Args:
      window: of the convolution.
      inputs: [batch, time, ...], zero past the piece's lengths.
      piece: that of the inputs.
      state: holds the last `window.span` frames as `name`, if there are any.

    Returns:
      [batch, time', ...], from which `piece.through(window).frames` outputs come; those
      past its lengths are of no use.
    """
    if window.span == 0 and window.stride == 1:
        return inputs
    end = piece.through(window)
    first = window.stride * end.before - window.widths[0]
    count = window.stride * (end.frames - 1) + window.span + 1
    return frames_from(first, count, inputs, piece, window.span, state, name)


def delayed(
    values: Tensor, start: Piece, end: Piece, delay: int, state: StreamState, name: str
) -> Tensor:
    """The frames of `values` that go with the outputs of a later layer of the same frame rate.

    Args:
      values: [batch, time, ...]; what is past the lengths of `start` is of no use.
      start, end: their piece, and that of the outputs.
      delay: the most frames by which the outputs are behind: what they look ahead.
      state: holds the last `delay` frames as `name`, if there are any.

    Returns:
      [batch, time', ...], as many frames as `end` has.
    """
    if delay == 0:
        return values
    return frames_from(end.before, end.frames, values, start, delay, state, name)


def frames_from(
    first: Tensor,
    count: Tensor,
    values: Tensor,
    piece: Piece,
    kept: int,
    state: StreamState,
    name: str,
) -> Tensor:
    """`count` frames of each stream from its frame `first` on, of a piece and of what was kept.

    Args:
      first: [batch] int32, at most `kept` frames before the piece.
      count: a number or a tensor.
      values: [batch, time, ...], the piece's.
      piece: theirs.
      kept: how many frames before the piece the state holds.
      state: holds them as `name`, if there are any.

    Returns:
      [batch, count, ...]; zeros after the piece's last frame.
    """
    joined = _joined(values, piece, state, name, kept)
    return _taken(joined, first - piece.before + kept, count)


def _joined(values: Tensor, piece: Piece, state: StreamState, name: str, kept: int) -> Tensor:
    """The kept frames and a piece, one after the other; keeps the last frames of the two."""
    if kept == 0:
        return values
    joined = ops.concatenate([ops.cast(state[name], values.dtype), values], axis=1)
    state[name] = _taken(joined, piece.lengths, kept)
    return joined


def _taken(values: Tensor, first: Tensor, count: Tensor) -> Tensor:
    """`count` frames of each row [batch, time, ...] from its `first` [batch] on; 0 past the end."""
    # One frame of zeros stands for all that are past the end.
    values = ops.pad(values, [(0, 0), (0, 1)] + [(0, 0)] * (len(values.shape) - 2))
    batch, frames = ops.shape(values)[:2]
    numbers = first[:, None] + ops.arange(count, dtype="int32")[None, :]
    # None is below zero; a clip to both sides would do, but LiteRT takes one to 6 for a Relu6.
    numbers = ops.minimum(numbers, frames - 1)
    rows = ops.arange(batch, dtype="int32")[:, None] * frames
    sizes = tuple(values.shape[2:])
    return ops.take(ops.reshape(values, (-1, *sizes)), rows + numbers, axis=0)
