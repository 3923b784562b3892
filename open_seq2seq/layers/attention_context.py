"""Which frames an attention sees: lengths, context, and what a stream keeps."""

from __future__ import annotations

from dataclasses import dataclass

from keras import ops

from open_seq2seq.layers.streaming import Piece
from open_seq2seq.tensors import Tensor

# Blocks of fewer queries cost more than they save.
_SMALLEST_BLOCK = 16


@dataclass(frozen=True)
class AttentionContext:
    """The frames that a frame attends to, besides its own.

    Args:
      left, right: how many before and after it; None: all of them.
      chunked: frames come in chunks of `right + 1`, from an utterance's first frame on. A frame
        sees its own chunk and `left // (right + 1)` chunks before it, as in NeMo's
        `chunked_limited`; so all layers together look ahead no farther than one.
    """

    left: int | None = None
    right: int | None = None
    chunked: bool = False

    @property
    def is_limited(self) -> bool:
        """Whether both sides have an end."""
        return self.left is not None and self.right is not None

    @property
    def chunk(self) -> int:
        """Frames that are computed together: 1 without chunks."""
        return self._right + 1 if self.chunked else 1

    @property
    def _right(self) -> int:
        assert self.right is not None
        return self.right

    @property
    def _left(self) -> int:
        assert self.left is not None
        return self.left

    @property
    def before(self) -> int:
        """Frames that the first of a chunk sees before itself."""
        return self._left // self.chunk * self.chunk

    @property
    def after(self) -> int:
        """Frames that the last of a chunk sees after itself."""
        return 0 if self.chunked else self._right

    @property
    def block(self) -> int:
        """Queries that are computed together: as many as they see around them, or more."""
        size = max(self.before + self.after, _SMALLEST_BLOCK)
        return (size + self.chunk - 1) // self.chunk * self.chunk

    @property
    def delay(self) -> int:
        """The most frames by which a stream's outputs are behind."""
        return self.after + self.chunk - 1

    @property
    def span(self) -> int:
        """Frames of its input that a stream keeps: those that a later piece may still see."""
        return self.before + self.delay

    def visible(self, queries: Tensor, keys: Tensor) -> Tensor | None:
        """Whether a query sees a key.

        Args:
          queries, keys: int32 positions, to be broadcast; not negative with chunks.

        Returns:
          bool, of their common shape; None: all see all.
        """
        if self.chunked:
            queries, keys = queries // self.chunk, keys // self.chunk
            past = None if self.left is None else self.left // self.chunk
            return _within(keys, queries, past, 0)
        return _within(keys, queries, self.left, self.right)

    def ready(self, frames: Tensor) -> Tensor:
        """Frames whose context is all there, of a sequence that goes on after `frames`."""
        if self.chunked:
            return frames // self.chunk * self.chunk
        return _at_least_zero(frames - self._right)

    def through(self, piece: Piece) -> Piece:
        """The piece after the attention: the frames that are ready, all of them at the end."""
        before, after = self.ready(piece.before), self.ready(piece.after)
        frames = piece.frames + self.chunk - 1
        if piece.last is not None:
            after = ops.where(piece.last, piece.after, after)
            frames = frames + self.after
        return Piece(frames, before, after, piece.last)

    def first_seen(self, frame: int) -> int:
        """The first frame that `frame` sees."""
        return frame // self.chunk * self.chunk - self.before

    def last_seen(self, frame: int) -> int:
        """The last frame that `frame` sees."""
        return frame // self.chunk * self.chunk + self.chunk - 1 + self.after


def _within(keys: Tensor, queries: Tensor, left: int | None, right: int | None) -> Tensor | None:
    seen = []
    if left is not None:
        seen.append(keys + left >= queries)
    if right is not None:
        seen.append(keys <= queries + right)
    if not seen:
        return None
    return seen[0] if len(seen) == 1 else seen[0] & seen[1]


def _at_least_zero(frames: Tensor) -> Tensor:
    return max(frames, 0) if isinstance(frames, int) else ops.maximum(frames, 0)
