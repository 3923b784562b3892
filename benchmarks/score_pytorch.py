"""The layers of `score_networks.py` as somebody would compute them in PyTorch, frame by frame where
they recur."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from open_seq2seq.interop.kaldi import Network
from open_seq2seq.interop.kaldi import layers as L


class PyTorchNetwork:
    """Scores of a batch; only layers and descriptors of the benchmark's networks."""

    def __init__(self, network: Network):
        self.network = network
        self.spans = {one.name: (0, 0) for one in network.inputs}
        self.weights = {
            node.name: {
                name: torch.from_numpy(np.ascontiguousarray(array))
                for name, array in vars(node.layer).items()
                if isinstance(array, np.ndarray)
            }
            for node in network.nodes
        }

    @torch.inference_mode()
    def __call__(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        network = self.network
        x = torch.from_numpy(inputs["input"])
        first = -network.left_context if network.pads_input else 0
        if network.pads_input:
            sides = (network.left_context, network.right_context)
            ends = [x[:, :1].expand(-1, sides[0], -1), x, x[:, -1:].expand(-1, sides[1], -1)]
            x = torch.cat(ends, 1)
        # Of each node: the number of its first frame, and its rows.
        values: dict[str, tuple[int, Any]] = {"input": (first, x)}
        if "ivector" in inputs:
            values["ivector"] = (0, torch.from_numpy(inputs["ivector"])[:, None])
        frames = inputs["input"].shape[1]
        for node in network.nodes:
            given = [values[name] for name in node.inputs]
            values[node.name] = self._computed(node, given)
        first, rows = values[network.outputs[0].node]
        return rows[:, -first : -first + frames : network.frame_subsampling].numpy()

    def _computed(self, node: Any, given: list[tuple[int, Any]]) -> tuple[int, Any]:
        layer, w, (first, x) = node.layer, self.weights[node.name], given[0]
        if isinstance(layer, L.Affine):
            return first, functional.linear(x, w["weight"], w.get("bias"))
        if isinstance(layer, L.Activation):
            return first, torch.relu(x) if layer.kind == "relu" else torch.sigmoid(x)
        if isinstance(layer, L.Diagonal):
            y = x * w["scale"]
            return first, y + w["offset"] if "offset" in w else y
        if isinstance(layer, L.Splice) and layer.clamp:
            left, right = -min(layer.offsets), max(layer.offsets)
            ends = [x[:, :1].expand(-1, left, -1), x, x[:, -1:].expand(-1, right, -1)]
            return first, self._spliced(torch.cat(ends, 1), layer.offsets)
        if isinstance(layer, L.Splice):
            return first - min(layer.offsets), self._spliced(x, layer.offsets)
        if isinstance(layer, L.Tdnn):
            spliced = self._spliced(x, layer.offsets)
            rows = functional.linear(spliced, w["weight"], w.get("bias"))
            return first - min(layer.offsets), rows
        if isinstance(layer, L.Sum):
            return self._sum(given)
        if isinstance(layer, L.AtFrame):
            return 0, x
        if isinstance(layer, L.Concatenate):
            other = given[1][1].expand(-1, x.shape[1], -1)
            return first, torch.cat([x, other], 2)
        assert isinstance(layer, L.Lstm), layer
        return first, self._lstm(layer, w, x)

    def _spliced(self, x: Any, offsets: tuple[int, ...]) -> Any:
        least, count = min(offsets), x.shape[1] - (max(offsets) - min(offsets))
        return torch.cat([x[:, one - least : one - least + count] for one in offsets], 2)

    def _sum(self, given: list[tuple[int, Any]]) -> tuple[int, Any]:
        first = max(start for start, _ in given)
        end = min(start + x.shape[1] for start, x in given)
        return first, sum(x[:, first - start : end - start] for start, x in given)

    def _lstm(self, layer: L.Lstm, w: Mapping[str, Any], x: Any) -> Any:
        projected = functional.linear(x, w["weight"], w["bias"])
        r = x.new_zeros(len(x), len(w["projection"]))
        c = x.new_zeros(len(x), len(w["peephole_i"]))
        found = []
        for gates in projected.unbind(1):
            g, i, f, o = (gates + r @ w["recurrent"].T).chunk(4, 1)
            i, f = torch.sigmoid(i + w["peephole_i"] * c), torch.sigmoid(f + w["peephole_f"] * c)
            c = torch.clamp(torch.tanh(g) * i + c * f, -layer.cell_clip, layer.cell_clip)
            r = (torch.sigmoid(o + w["peephole_o"] * c) * torch.tanh(c)) @ w["projection"].T
            found.append(r)
        return torch.stack(found, 1)
