"""The time axis of a piece of streams: what layers keep between pieces, and which rows count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from open_seq2seq.export.networks.attention import products_of
from open_seq2seq.export.networks.frames import Frames, TimeAxis, zero_past
from open_seq2seq.export.networks.windows import Chunks, attention_window
from open_seq2seq.export.streams.attention import hidden_keys, stream_attention
from open_seq2seq.export.streams.delays import (
    delay_after,
    delay_through,
    kept_frames,
    unseen_frames,
)
from open_seq2seq.export.streams.recurrence import build_recurrence
from open_seq2seq.graphs.builder import GraphBuilder, Recurrence, Value
from open_seq2seq.graphs.states import GraphStates
from open_seq2seq.layers.attention import RelativeAttention
from open_seq2seq.layers.attention_context import AttentionContext
from open_seq2seq.layers.time_window import TimeWindow


@dataclass
class Clock:
    """What all layers of one frame rate have in common.

    Args:
      position: `[batch]`, frames before the piece.
      count: `[batch]`, frames of the whole stream, or a large number.
      frames: of the piece.
      most: the largest delay of a layer.
    """

    position: Value
    count: Value
    frames: Value
    most: int
    made: dict[int | str, Value] = field(default_factory=dict)

    def inside(self, g: GraphBuilder, delay: int, axes: int) -> Value:
        """1.0 where a row belongs to its stream, else 0.0: `[batch, time, 1, ...]`.

        Args:
          g: what writes.
          delay: of the rows.
          axes: of what it is for.
        """
        if axes not in self.made:
            self.made[axes] = self._inside(g, axes)
        return g.cut(self.made[axes], 1, self.most - delay, -delay if delay else None)

    def _inside(self, g: GraphBuilder, axes: int) -> Value:
        """Of all numbers that rows of a piece may have, with any delay."""
        first = g.expand_dims(g.subtract(self.position, self.most), 1)
        places = g.expand_dims(g.arange(g.add(self.frames, self.most)), 0)
        numbers = g.add(first, places)
        began = g.to_float(g.less(-1, numbers))
        goes_on = g.to_float(g.less(numbers, g.expand_dims(self.count, 1)))
        inside = g.multiply(began, goes_on)
        for axis in range(2, axes):
            inside = g.expand_dims(inside, axis)
        return inside

    def began(self, g: GraphBuilder, delay: int) -> Value:
        """1.0 from a stream's first frame on, else 0.0: `[batch, time, 1]`."""
        first = g.expand_dims(g.subtract(self.position, delay), 1)
        numbers = g.add(first, g.expand_dims(g.arange(self.frames), 0))
        return g.expand_dims(g.to_float(g.less(-1, numbers)), 2)

    def hidden_keys(self, g: GraphBuilder, context: AttentionContext, delay: int) -> Value:
        """See `attention.hidden_keys`; the same for all attentions of a delay."""
        key = f"keys {delay}"
        if key not in self.made:
            kept = attention_window(context).span
            first = g.expand_dims(g.subtract(self.position, delay + kept), 1)
            numbers = g.add(first, g.expand_dims(g.arange(g.add(self.frames, kept)), 0))
            began = g.to_float(g.less(-1, numbers))
            goes_on = g.to_float(g.less(numbers, g.expand_dims(self.count, 1)))
            own = g.multiply(began, goes_on)
            self.made[key] = hidden_keys(g, context, self.frames, own)
        return self.made[key]

    def through(self, g: GraphBuilder, window: TimeWindow, count: Value) -> Clock:
        """That of a convolution's outputs, of which there are `count`."""
        position, frames = self.position, self.frames
        if window.stride > 1:
            position = g.floor_divide(position, window.stride)
            frames = g.floor_divide(frames, window.stride)
        return Clock(position, count, frames, self.most)


class StreamTime(TimeAxis):
    """The time axis of a piece of each stream, in place of a whole recording's.

    Args:
      clock: that of the layer's frame rate.
      states: holds what layers keep.
      delay: by how many frames the layer's rows are behind.
    """

    def __init__(self, clock: Clock, states: GraphStates, delay: int):
        super().__init__(clock.count, masks=True)
        self.clock, self.states, self.delay = clock, states, delay

    def without_masks(self) -> StreamTime:
        """The same: a recording alone has nothing past its end, which zeros stand for here."""
        return self

    def through(self, g: GraphBuilder, window: TimeWindow) -> StreamTime:
        """See `TimeAxis`."""
        whole = TimeAxis(self.count, masks=True)
        after = whole.through(g, window)
        clock = self.clock if after is whole else self.clock.through(g, window, after.count)
        return StreamTime(clock, self.states, delay_after(window, self.delay))

    def long_enough(self, g: GraphBuilder, frames: Frames, fewest: int) -> Frames:
        """See `TimeAxis`: with what is kept a piece is."""
        return frames

    def mask(self, g: GraphBuilder, values: Value, axes: int) -> Value:
        """See `TimeAxis`: 0.0 before the first frame too."""
        if axes not in self._made:
            self._made[axes] = self.clock.inside(g, self.delay, axes)
        return self._made[axes]

    def masked(self, g: GraphBuilder, values: Value, axes: int) -> Value:
        """See `TimeAxis`; laid out as they are kept."""
        return super().masked(g, g.by_frames(values), axes)

    def seen(
        self, g: GraphBuilder, frames: Frames, window: TimeWindow, name: str
    ) -> tuple[Value, tuple[int, int]]:
        """See `TimeAxis`: what the layer kept, and the piece; without any padding."""
        kept = kept_frames(window, self.delay)
        values = self._joined(g, zero_past(g, frames), kept, name) if kept else frames.values
        unseen = unseen_frames(window, kept)
        return g.cut(values, 1, 0, -unseen) if unseen > 0 else values, (0, 0)

    def aligned(
        self, g: GraphBuilder, sources: Sequence[Frames], windows: Sequence[TimeWindow], name: str
    ) -> list[Frames]:
        """See `TimeAxis`: the sources wait until the block's outputs come."""
        end = delay_through(windows, self.delay)
        found = []
        for index, source in enumerate(sources):
            assert isinstance(source.time, StreamTime)
            found.append(source.time._waited(g, source, end, f"{name}/source{index}"))
        return found

    def in_chunks(self, g: GraphBuilder, frames: Frames, chunk: int, name: str) -> Frames:
        """See `TimeAxis`: the frames wait until the first one of a piece begins a chunk."""
        return self._waited(g, frames, delay_after(Chunks(chunk), self.delay), name)

    def attend(
        self,
        g: GraphBuilder,
        frames: Frames,
        layer: RelativeAttention,
        whole: Callable[[RelativeAttention, Value], Value],
        name: str,
    ) -> Frames:
        """See `TimeAxis`."""
        window = attention_window(layer.context)
        queries, keys, contents = products_of(g, layer, frames.values)
        both = frames.become(g.concatenate([keys, contents], 2))
        joined = self._joined(g, both, window.span, f"{name}/keys_values")
        time = self.through(g, window)
        queries = self._waited(g, frames.become(queries), time.delay, f"{name}/queries").values
        hidden = self.clock.hidden_keys(g, layer.context, self.delay)
        outputs = stream_attention(g, layer, queries, joined, hidden)
        return Frames(outputs, time)

    def _waited(self, g: GraphBuilder, frames: Frames, delay: int, name: str) -> Frames:
        """The same frames with a larger delay."""
        wait = delay - self.delay
        if not wait:
            return frames
        values = g.cut(self._joined(g, frames, wait, name), 1, 0, -wait)
        time = StreamTime(self.clock, self.states, delay)
        return Frames(values, time, frames.axes, frames.are_zero_past)

    def _joined(self, g: GraphBuilder, frames: Frames, kept: int, name: str) -> Value:
        """The last frames of the pieces before, and those of this one."""
        if kept == 0:
            return frames.values
        axes = range(2, frames.axes)
        shape = (kept, *(g.size(frames.values, axis) for axis in axes))
        old = self.states.old(name, shape)
        joined = g.concatenate([old, g.by_frames(frames.values)], 1)
        self.states.keep(name, g.cut(joined, 1, -kept, None))
        return joined

    def recur(
        self, g: GraphBuilder, values: Value, directions: Sequence[Recurrence], name: str
    ) -> list[Frames]:
        """See `TimeAxis`: from the last piece's state on."""
        (direction,) = directions
        began = self.clock.began(g, self.delay) if self.delay else None
        return [Frames(build_recurrence(g, self.states, values, direction, began, name), self)]

    def rows(self, g: GraphBuilder) -> tuple[Value, Value]:
        """The first row of the piece that belongs to its stream, and how many do: `[batch]`."""
        clock = self.clock
        number = g.subtract(clock.position, self.delay)
        first = g.minimum(g.maximum(g.subtract(0, number), 0), clock.frames)
        end = g.minimum(g.subtract(clock.count, number), clock.frames)
        return first, g.maximum(g.subtract(end, first), 0)
