"""Kaldi's models on OpenVINO's devices: written as a graph in memory, run on whole utterances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from open_seq2seq.interop.kaldi import Network
from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.frame_layers import is_frame_layer
from open_seq2seq.interop.kaldi.graph import build
from open_seq2seq.scoring.kaldi_model import KaldiModel
from open_seq2seq.scoring.model import Arrays
from open_seq2seq.scoring.sessions.openvino import OpenVINOGraph, parse_graph

# Layers of several frames that only look a fixed number of them ahead.
_BOUNDED = (L.Tdnn, L.Concatenate, L.Sum, L.Shift, L.AtFrame)


class KaldiGraphModel(KaldiModel):
    """See `ScoringModel`: whole utterances by OpenVINO, pieces of streams by NumPy.

    Args:
      network: prepared.
      notes: sentences for the user.
      device: of OpenVINO.
      precision: "f32", "bf16" or "f16".
      threads: of a processor; None: all.
      profile: whether times of layers are kept.
    """

    def __init__(
        self,
        network: Network,
        notes: Sequence[str],
        device: str,
        precision: str,
        threads: int | None,
        profile: bool,
    ):
        super().__init__(network, notes)
        self.session = OpenVINOGraph(
            parse_graph(onnx_of(network)), device, precision, threads, profile
        )
        self.about, self.precision = self.session.about, self.session.precision
        self._may_be_padded = may_be_padded(network)

    def _score_whole(self, utterances: Sequence[Arrays], outputs: Sequence[str]) -> list[Arrays]:
        first = self.network.inputs[0].name
        lengths = [len(one[first]) for one in utterances]
        if len(utterances) > 1 and (self._may_be_padded or len(set(lengths)) == 1):
            return self._together(utterances, lengths, outputs)
        return [
            self._together([one], [length], outputs)[0] for one, length in zip(utterances, lengths)
        ]

    def _together(
        self, utterances: Sequence[Arrays], lengths: Sequence[int], outputs: Sequence[str]
    ) -> list[Arrays]:
        feeds = {}
        for one in self.network.inputs:
            arrays = [np.asarray(each[one.name], np.float32) for each in utterances]
            if one.per_utterance:
                feeds[one.name] = np.stack([array.reshape(-1) for array in arrays])
                continue
            feeds[one.name] = np.stack(
                [
                    np.pad(array, ((0, max(lengths) - len(array)), (0, 0)), "edge")
                    for array in arrays
                ]
            )
        found = self.session.run(feeds, outputs)
        rows = [-(-length // self.network.frame_subsampling) for length in lengths]
        return [
            {name: value[place, : rows[place]].copy() for name, value in zip(outputs, found)}
            for place in range(len(utterances))
        ]


def onnx_of(network: Network) -> bytes:
    """The network as an ONNX file: `[batch, time, dim]` (i-vectors `[batch, dim]`) to scores."""
    from open_seq2seq.export.onnx_builder import OnnxBuilder

    g = OnnxBuilder()
    values = {
        one.name: g.input(
            one.name,
            np.float32,
            ("batch", one.dim) if one.per_utterance else ("batch", "time", one.dim),
        )
        for one in network.inputs
    }
    found = build(g, network, values)
    outputs = [
        (one.name, found[one.name], np.float32, ("batch", "rows", one.dim))
        for one in network.outputs
    ]
    content: bytes = g.model(outputs).SerializeToString()
    return content


def may_be_padded(network: Network) -> bool:
    """Whether copies of the last frame behind an utterance leave its scores what they are.

    So it is where the end of an utterance is nothing but such copies: not where a splice of hidden
    layers repeats what these gave for the last frame, nor where something runs backward.
    """
    inputs = {one.name for one in network.inputs}
    places = {node.name: at for at, node in enumerate(network.nodes)}
    for at, node in enumerate(network.nodes):
        layer = node.layer
        circular = any(places.get(name, -1) >= at for name in node.inputs)
        if isinstance(layer, L.Splice):
            if layer.clamp and node.inputs[0] not in inputs and layer.offsets != (0,):
                return False
        elif isinstance(layer, L.Lstm):
            if layer.backward:
                return False
        elif circular or not (is_frame_layer(layer) or isinstance(layer, _BOUNDED)):
            return False
    return True
