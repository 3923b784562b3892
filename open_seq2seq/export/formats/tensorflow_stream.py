"""Streams in TensorFlow: from a piece and the state before it to rows and the state after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from open_seq2seq.export.streams.names import after, before, described
from open_seq2seq.export.streams.network import build_stream, row_samples
from open_seq2seq.export.tensorflow_builder import TensorFlowBuilder, TensorFlowValue
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.exported.stream import StreamGraph, StreamState

STREAM_SIGNATURE = "stream"


class TensorFlowStates:
    """States as inputs and outputs of a function; see `GraphStates`.

    Args:
      given: the inputs by name; what is not there is read as zeros, which finds out what states
        there are.
      batch: see `stream_function`.
    """

    def __init__(self, given: Mapping[str, Any], batch: int | None):
        self._given, self._batch = given, batch
        self.described: list[StreamState] = []
        self.kept: dict[str, Any] = {}

    def old(
        self,
        name: str,
        shape: Sequence[int],
        initial: float | np.ndarray = 0.0,
        is_whole: bool = False,
    ) -> TensorFlowValue:
        """See `GraphStates`."""
        one = described(name, shape, initial, is_whole)
        assert one not in self.described, f"two states {name}"
        self.described.append(one)
        if before(name) in self._given:
            return TensorFlowValue(self._given[before(name)])
        zeros = tf.zeros((1, *shape), one.dtype)
        # Not of one stream, as these zeros are, for what looks at the shape.
        tensor = tf.compat.v1.placeholder_with_default(zeros, (self._batch, *shape))
        return TensorFlowValue(tensor)

    def keep(self, name: str, value: TensorFlowValue) -> None:
        """See `GraphStates`."""
        self.kept[after(name)] = value


def stream_function(
    model: TrainedModel, batch: int | None = None, depthwise_taps: int | None = None
) -> tuple[Any, StreamGraph]:
    """The function of a model that has no `stream_problems`, and how it is used.

    Args:
      model: what is written.
      batch: streams that it takes at once; None: any number.
      depthwise_taps: see `TensorFlowBuilder`.
    """
    found: list[StreamGraph] = []

    def step(samples: Any, num_samples: Any, **given: Any) -> dict[str, Any]:
        g, states = TensorFlowBuilder(depthwise_taps, batch), TensorFlowStates(given, batch)
        outputs = build_stream(g, model, states, g.value(samples), g.value(num_samples))
        described = tuple(states.described)
        graph = StreamGraph(row_samples(model), outputs.delay, described, outputs.piece_rows)
        found.append(graph)
        rows = {
            "log_probs": outputs.log_probs,
            "first_row": outputs.first_row,
            "num_rows": outputs.num_rows,
        }
        return {name: g.tensor(value) for name, value in (rows | states.kept).items()}

    specs = {
        "samples": tf.TensorSpec((batch, None), tf.float32),
        "num_samples": tf.TensorSpec((batch,), tf.int32),
    }
    function = tf.function(step, autograph=False)
    function.get_concrete_function(**specs)
    for one in found[0].states:
        specs[one.input] = tf.TensorSpec((batch, *one.shape), one.dtype)
    return function.get_concrete_function(**specs), found[-1]
