"""Loops over frames as TensorFlow's own operations, which LiteRT takes too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from open_seq2seq.export.tensorflow_recurrence import BLOCK

# Frames and states, `[batch, 1, dim]` each, to states and frames.
Step = Callable[[list[tf.Tensor], list[tf.Tensor]], tuple[Sequence[tf.Tensor], Sequence[tf.Tensor]]]


def scan(
    step: Step, states: Sequence[int], sequences: Sequence[tf.Tensor], batch: int | None
) -> list[tf.Tensor]:
    """The outputs `[batch, time, dim]`; see `GraphBuilder.scan`.

    Args:
      step: see there.
      states: dimensions.
      sequences: `[batch, time, dim]`.
      batch: the number of utterances, if it is known: LiteRT's lists of tensors need it. To write
        an element of a list LiteRT copies the list, so the loop is one over blocks of frames, each
        a loop of its own.
    """
    count = tf.shape(sequences[0])[0] if batch is None else batch
    start = [tf.zeros((count, 1, dim)) for dim in states]
    frames = [tf.transpose(one, (1, 0, 2)) for one in sequences]
    loop = _Loop(step, states, batch)
    if batch is None:
        outputs, _ = loop.run(frames, tf.shape(frames[0])[0], start)
    else:
        outputs = _in_blocks(loop, frames, start)
    return [tf.transpose(one, (1, 0, 2)) for one in outputs]


class _Loop:
    """Frames one after the other."""

    def __init__(self, step: Step, states: Sequence[int], batch: int | None):
        self.step, self.states, self.batch = step, states, batch
        self._dims: list[int] = []

    def dims(self, frames: Sequence[tf.Tensor], start: Sequence[tf.Tensor]) -> list[int]:
        """Dimensions of the outputs: known once the step has been called."""
        if not self._dims:
            zeros = [tf.zeros((tf.shape(start[0])[0], 1, one.shape[-1])) for one in frames]
            _, outputs = self.step(zeros, list(start))
            self._dims = [one.shape[-1] for one in outputs]
        return self._dims

    def run(
        self, frames: Sequence[tf.Tensor], count: tf.Tensor | int, start: Sequence[tf.Tensor]
    ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """Outputs `[time, batch, dim]` of `[time, batch, dim]`, and the states at the end."""
        dims = self.dims(frames, start)
        lists = [
            tf.TensorArray(tf.float32, size=count, element_shape=(self.batch, dim)) for dim in dims
        ]
        kept = len(self.states)

        def body(number: tf.Tensor, *carried: tf.Tensor) -> tuple[tf.Tensor, ...]:
            before = list(carried[:kept])
            for state, dim in zip(before, self.states):
                state.set_shape((self.batch, 1, dim))
            seen = []
            for one in frames:
                frame = tf.expand_dims(tf.gather(one, number), 1)
                frame.set_shape((self.batch, 1, one.shape[-1]))
                seen.append(frame)
            news, outputs = self.step(seen, before)
            for new, dim in zip(news, self.states):
                new.set_shape((self.batch, 1, dim))
            written = [
                one.write(number, tf.squeeze(output, 1))
                for one, output in zip(carried[kept:], outputs)
            ]
            return (number + 1, *news, *written)

        _, *rest = tf.while_loop(
            lambda number, *_: number < count, body, (tf.constant(0), *start, *lists)
        )
        return [one.stack() for one in rest[kept:]], rest[:kept]


def _in_blocks(
    loop: _Loop, frames: Sequence[tf.Tensor], start: Sequence[tf.Tensor]
) -> list[tf.Tensor]:
    count = tf.shape(frames[0])[0]
    blocks = (count + BLOCK - 1) // BLOCK
    padded = []
    for one in frames:
        whole = tf.pad(one, [[0, blocks * BLOCK - count], [0, 0], [0, 0]])
        padded.append(tf.reshape(whole, (-1, BLOCK, loop.batch, one.shape[-1])))
    dims = loop.dims(frames, start)
    lists = [
        tf.TensorArray(tf.float32, size=blocks, element_shape=(BLOCK, loop.batch, dim))
        for dim in dims
    ]
    kept = len(start)

    def body(number: tf.Tensor, *carried: tf.Tensor) -> tuple[tf.Tensor, ...]:
        seen = [tf.gather(one, number) for one in padded]
        written, ends = loop.run(seen, BLOCK, carried[:kept])
        for one, dim in zip(written, dims):
            one.set_shape((BLOCK, loop.batch, dim))
        lists = [one.write(number, rows) for one, rows in zip(carried[kept:], written)]
        return (number + 1, *ends, *lists)

    _, *rest = tf.while_loop(
        lambda number, *_: number < blocks, body, (tf.constant(0), *start, *lists)
    )
    outputs = [one.stack() for one in rest[kept:]]
    return [tf.reshape(one, (-1, loop.batch, dim))[:count] for one, dim in zip(outputs, dims)]
