"""What flows through a network while its graph is built: values, and which frames count."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from open_seq2seq.graphs.builder import GraphBuilder, Recurrence, Value
from open_seq2seq.layers.attention import RelativeAttention
from open_seq2seq.layers.time_window import TimeWindow


class TimeAxis:
    """How many frames the utterances have at some layer.

    Args:
      count: `[batch]`, frames of each; or one number for all, which are equally long.
      masks: whether what lies past a length must change nothing; `count` is `[batch]`.
      fewest: frames that there are at least, those past each length included.
    """

    def __init__(self, count: Value, masks: bool, fewest: int = 1):
        self.count, self.masks, self.fewest = count, masks, fewest
        self._made: dict[int, Value] = {}

    @property
    def lengths(self) -> Value | None:
        """`[batch]`; None where all frames are computed alike."""
        return self.count if self.masks else None

    def through(self, g: GraphBuilder, window: TimeWindow) -> TimeAxis:
        """The frames after a convolution; see `TimeWindow.output_length`."""
        more = sum(window.widths) - window.span - 1 + window.stride
        if more == 0 and window.stride == 1:
            return self
        count = g.add(self.count, more) if more else self.count
        count = g.maximum(count, 0) if more < 0 else count
        count = g.floor_divide(count, window.stride) if window.stride > 1 else count
        fewest = (self.fewest + more) // window.stride
        return TimeAxis(count, self.masks, max(fewest, 1))

    def without_masks(self) -> TimeAxis:
        """The same, where what lies past a length may change something."""
        return TimeAxis(self.count, masks=False, fewest=self.fewest)

    def long_enough(self, g: GraphBuilder, frames: Frames, fewest: int) -> Frames:
        """Frames with zeros behind them, if they are fewer than so many.

        A layer that has too few would have no output, but a graph can't be without one. Done once
        at the input, where frames are small; it costs a copy of them.
        """
        if fewest <= self.fewest:
            return frames
        missing = g.maximum(g.subtract(fewest, g.size(frames.values, 1)), 0)
        values = g.pad(frames.values, 1, 0, missing)
        return dataclasses.replace(
            frames, values=values, time=TimeAxis(self.count, self.masks, fewest)
        )

    def seen(
        self, g: GraphBuilder, frames: Frames, window: TimeWindow, name: str
    ) -> tuple[Value, tuple[int, int]]:
        """What a convolution runs over.

        Args:
          g: what writes.
          frames: its input, of this axis.
          window: of its time axis.
          name: of its layer.

        Returns:
          The values, at least as many frames as the kernel spans, and the zeros that it pads them
          with.
        """
        frames = ready_for(g, frames, window)
        least = window.span + 1 - sum(window.widths)
        return self.long_enough(g, frames, least).values, window.widths

    def aligned(
        self, g: GraphBuilder, sources: Sequence[Frames], windows: Sequence[TimeWindow], name: str
    ) -> list[Frames]:
        """Residual sources as they are added to the outputs of a block, frame by frame.

        Args:
          g: what writes.
          sources: of as many frames.
          windows: of the block's convolutions, whose input is of this axis.
          name: of the block.
        """
        return list(sources)

    def recur(
        self, g: GraphBuilder, values: Value, directions: Sequence[Recurrence], name: str
    ) -> list[Frames]:
        """The outputs of each direction of a recurrent layer; see `GraphBuilder.recur`.

        Args:
          g: what writes.
          values: its input.
          directions: the layer's.
          name: of the layer.
        """
        outputs = g.recur(values, directions, self.lengths)
        return [Frames(one, self, are_zero_past=True) for one in outputs]

    def in_chunks(self, g: GraphBuilder, frames: Frames, chunk: int, name: str) -> Frames:
        """Frames as layers take them that compute so many together, from the first one on.

        Args:
          g: what writes.
          frames: of this axis.
          chunk: how many.
          name: of the layer.
        """
        return frames

    def attend(
        self,
        g: GraphBuilder,
        frames: Frames,
        layer: RelativeAttention,
        whole: Callable[[RelativeAttention, Value], Value],
        name: str,
    ) -> Frames:
        """The outputs of an attention.

        Args:
          g: what writes.
          frames: its input, of this axis, in the chunks of its context.
          layer: the attention.
          whole: computes it where all frames are there.
          name: of the layer.
        """
        return frames.become(whole(layer, frames.values))

    def masked(self, g: GraphBuilder, values: Value, axes: int) -> Value:
        """Values `[batch, time, ...]` that are zero where a frame is not of its utterance.

        Args:
          g: what writes.
          values: they.
          axes: how many axes they have.
        """
        return g.multiply(values, self.mask(g, values, axes))

    def mask(self, g: GraphBuilder, values: Value, axes: int) -> Value:
        """1.0 where a frame belongs to its utterance, else 0.0: `[batch, time, 1, ...]`.

        Args:
          values: what it is for, `[batch, time, ...]`.
          axes: how many axes that has.
        """
        if axes not in self._made:
            numbers = g.expand_dims(g.arange(g.size(values, 1)), 0)
            mask = g.to_float(g.less(numbers, g.expand_dims(self.count, 1)))
            for axis in range(2, axes):
                mask = g.expand_dims(mask, axis)
            self._made[axes] = mask
        return self._made[axes]


@dataclass(frozen=True)
class Frames:
    """The output of a layer.

    Args:
      values: `[batch, time, channel]` or `[batch, time, width, channel]`.
      time: its time axis.
      axes: how many axes `values` has.
      are_zero_past: whether `values` are zero past each length.
    """

    values: Value
    time: TimeAxis
    axes: int = 3
    are_zero_past: bool = False

    def become(self, values: Value) -> Frames:
        """Other values of the same frames, not zero past each length."""
        return dataclasses.replace(self, values=values, are_zero_past=False)


def zero_past(g: GraphBuilder, frames: Frames) -> Frames:
    """The same, zero past each length: multiplied, which every runtime does fast."""
    if frames.are_zero_past or not frames.time.masks:
        return frames
    values = frames.time.masked(g, frames.values, frames.axes)
    return dataclasses.replace(frames, values=values, are_zero_past=True)


def ready_for(g: GraphBuilder, frames: Frames, window: TimeWindow) -> Frames:
    """What a convolution may see: zeros past each length, where it looks there.

    An output within its utterance's length sees frames past the end only where there is padding
    after it.
    """
    return zero_past(g, frames) if window.widths[1] else frames
