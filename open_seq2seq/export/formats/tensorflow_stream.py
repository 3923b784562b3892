"""Graphs of streams as TensorFlow functions, for SavedModels and for LiteRT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from open_seq2seq.export.streams.names import after, before
from open_seq2seq.export.streams.network import StreamOutputs, build_stream, row_samples
from open_seq2seq.export.tensorflow_builder import TensorFlowBuilder, TensorFlowValue
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.exported.stream import StreamGraph, StreamState

STREAM_SIGNATURE = "stream"


class TensorFlowStates:
    """States as arguments and results of a function; see `GraphStates`.

    Args:
      batch: how many streams, an int or a tensor.
      given: the arguments by name; None: they are not known yet, and zeros stand for them.
    """

    def __init__(self, batch: Any, given: Mapping[str, tf.Tensor] | None):
        self._batch, self._given = batch, given
        self.described: list[StreamState] = []
        self.results: dict[str, tf.Tensor] = {}

    def old(
        self,
        name: str,
        shape: Sequence[int],
        initial: float | np.ndarray = 0.0,
        is_whole: bool = False,
        is_convolved: bool = False,
    ) -> TensorFlowValue:
        """See `GraphStates`."""
        dtype = np.dtype(np.int32 if is_whole else np.float32)
        begin = tuple(np.asarray(initial, dtype).ravel().tolist())
        named = before(name), after(name)
        self.described.append(StreamState(*named, dtype.name, tuple(shape), begin))
        if self._given is None:
            return TensorFlowValue(tf.zeros((self._batch, *shape), dtype))
        return TensorFlowValue(self._given[before(name)])

    def keep(self, name: str, value: TensorFlowValue) -> None:
        """See `GraphStates`."""
        tensor = tf.squeeze(value.tensor, 1) if value.is_image else value.tensor
        self.results[after(name)] = tensor


def stream_function(
    model: TrainedModel, batch: int | None, depthwise_taps: int | None = None
) -> tuple[Any, StreamGraph]:
    """A concrete function of a model that has no `stream_problems`, and how it is used.

    Args:
      model: the model.
      batch: how many streams it takes; None: any number.
      depthwise_taps: see `TensorFlowBuilder`.
    """

    def build(
        samples: tf.Tensor, num_samples: tf.Tensor, given: Mapping[str, tf.Tensor] | None
    ) -> tuple[StreamOutputs, TensorFlowStates, TensorFlowBuilder]:
        g = TensorFlowBuilder(depthwise_taps=depthwise_taps, batch=batch)
        states = TensorFlowStates(tf.shape(samples)[0] if batch is None else batch, given)
        found = build_stream(g, model, states, g.value(samples), g.value(num_samples))
        return found, states, g

    inputs = {
        "samples": tf.TensorSpec((batch, None), tf.float32, name="samples"),
        "num_samples": tf.TensorSpec((batch,), tf.int32, name="num_samples"),
    }
    # Which states there are is known when it has been built once.
    built: list[tuple[StreamOutputs, TensorFlowStates]] = []

    def described(samples: tf.Tensor, num_samples: tf.Tensor) -> tf.Tensor:
        built.append(build(samples, num_samples, None)[:2])
        return num_samples

    tf.function(described, autograph=False).get_concrete_function(**inputs)
    found, states = built[0]
    specs = {
        one.input: tf.TensorSpec((batch, *one.shape), one.dtype, name=one.input)
        for one in states.described
    }

    def stream(
        samples: tf.Tensor, num_samples: tf.Tensor, **given: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        found, states, g = build(samples, num_samples, given)
        return {
            "log_probs": g.tensor(found.log_probs),
            "first_row": g.tensor(found.first_row),
            "num_rows": g.tensor(found.num_rows),
            **states.results,
        }

    function = tf.function(stream, autograph=False).get_concrete_function(**inputs, **specs)
    graph = StreamGraph(row_samples(model), found.delay, tuple(states.described))
    return function, graph
