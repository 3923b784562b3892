"""ONNX of streams: from a piece and the state before it to rows and the state after it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx

from open_seq2seq.export.onnx_builder import OnnxBuilder, OnnxValue
from open_seq2seq.export.streams.names import after, before, described
from open_seq2seq.export.streams.network import build_stream, row_samples
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.exported.stream import StreamGraph, StreamState


class OnnxStates:
    """States as inputs and outputs of an ONNX graph; see `GraphStates`.

    Args:
      g: what the graph is written with.
    """

    def __init__(self, g: OnnxBuilder):
        self._g = g
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._kept: dict[str, OnnxValue] = {}
        self.described: list[StreamState] = []

    def old(
        self,
        name: str,
        shape: Sequence[int],
        initial: float | np.ndarray = 0.0,
        is_whole: bool = False,
    ) -> OnnxValue:
        """See `GraphStates`."""
        assert name not in self._shapes, f"two states {name}"
        self._shapes[name] = tuple(shape)
        self.described.append(described(name, shape, initial, is_whole))
        dtype = np.dtype(self.described[-1].dtype)
        return self._g.input(before(name), dtype, ("batch", *shape))

    def keep(self, name: str, value: OnnxValue) -> None:
        """See `GraphStates`."""
        self._kept[name] = value

    def outputs(self) -> list[tuple[str, OnnxValue, type, Sequence[int | str]]]:
        """What `OnnxBuilder.model` takes."""
        return [
            (after(name), self._kept[name], np.int32 if self._kept[name].kind == "whole" else
             np.float32, ("batch", *shape))
            for name, shape in self._shapes.items()
        ]  # fmt: skip


def onnx_stream(model: TrainedModel) -> tuple[onnx.ModelProto, StreamGraph]:
    """The graph of a model that has no `stream_problems`, and how it is used."""
    g = OnnxBuilder()
    samples = g.input("samples", np.float32, ("batch", "n"))
    counts = g.input("num_samples", np.int32, ("batch",))
    states = OnnxStates(g)
    found = build_stream(g, model, states, samples, counts)
    proto = g.model(
        [
            ("log_probs", found.log_probs, np.float32, ("batch", "time", model.classes)),
            ("first_row", found.first_row, np.int32, ("batch",)),
            ("num_rows", found.num_rows, np.int32, ("batch",)),
            *states.outputs(),
        ],
        "A piece of each stream: samples [batch, n] float32 in [-1, 1], num_samples [batch] of "
        "them real (fewer than n: the stream ends there) and the state before it -> log_probs "
        "[batch, time, class], of which num_rows [batch] from first_row [batch] on count, and the "
        "state after it. recognizer.json has the states.",
    )
    described = tuple(states.described)
    return proto, StreamGraph(row_samples(model), found.delay, described, found.piece_rows)


def write_onnx_stream(model: TrainedModel, path: Path) -> StreamGraph:
    """Writes `onnx_stream` to a file; returns how it is used."""
    proto, graph = onnx_stream(model)
    onnx.save(proto, str(path))
    return graph
