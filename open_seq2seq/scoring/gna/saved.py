"""Compiled models of GNA's arithmetic in an open form: safetensors with a description in JSON.

The file's metadata have one entry, `model`: nodes, factors, rules, the hash of all of it, and the
fingerprint of the float network. Loading executes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import parsed_json, write_whole
from open_seq2seq.interop.kaldi.network import Input, Network, Node, Output
from open_seq2seq.scoring.gna.packing import hash_of, packed, smallest, unpacked
from open_seq2seq.scoring.gna.quantizing import IntegerNetwork, Rules

FORMAT = 1


def save(path: str | Path, quantized: IntegerNetwork) -> None:
    """Writes a quantised network.

    Raises:
      RunError: the file cannot be written.
    """
    tensors: dict[str, np.ndarray] = {}
    network = quantized.network
    nodes = [
        {"name": one.name, "inputs": list(one.inputs), "dim": one.dim,
         "layer": packed(one.layer, f"{place}", tensors)}
        for place, one in enumerate(network.nodes)
    ]  # fmt: skip
    tensors = {name: smallest(one) for name, one in tensors.items()}
    described: dict[str, Any] = {
        "format": FORMAT,
        "kind": network.kind,
        "inputs": [asdict(one) for one in network.inputs],
        "outputs": [asdict(one) for one in network.outputs],
        "left_context": network.left_context,
        "right_context": network.right_context,
        "frame_subsampling": network.frame_subsampling,
        "nodes": nodes,
        "scales": quantized.scales,
        "input_scales": quantized.input_scales,
        "in_float": quantized.in_float,
        "rules": asdict(quantized.rules),
        "fingerprint": quantized.fingerprint,
    }
    described["sha256"] = _hash(described, tensors)
    write_whole(path, to_bytes(tensors, {"model": json.dumps(described)}))


def load(path: str | Path) -> IntegerNetwork:
    """Reads a quantised network.

    Raises:
      InputError: it is none, or damaged.
    """
    try:
        with safe_open(os.fspath(path), "numpy") as file:
            described = parsed_json((file.metadata() or {}).get("model", ""))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if described["format"] > FORMAT:
            raise ValueError(f"the format {described['format']} of a newer version")
        if described.pop("sha256") != _hash(described, tensors):
            raise ValueError("numbers that are not those that were written")
        return _network_of(described, tensors)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        problem = Problem(str(path), reason, "a compiled model of -wg", "Export it again.")
        raise InputError("The compiled model cannot be read:", [problem]) from error


def _hash(described: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of all that the file holds."""
    text = json.dumps(described, sort_keys=True) + hash_of(tensors)
    return hashlib.sha256(text.encode()).hexdigest()


def _network_of(described: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> IntegerNetwork:
    saturations: Counter[str] = Counter()
    network = Network(
        kind=described["kind"],
        inputs=tuple(Input(**one) for one in described["inputs"]),
        nodes=tuple(
            Node(
                one["name"],
                unpacked(one["layer"], tensors, saturations),
                tuple(one["inputs"]),
                one["dim"],
            )
            for one in described["nodes"]
        ),
        outputs=tuple(Output(**one) for one in described["outputs"]),
        left_context=described["left_context"],
        right_context=described["right_context"],
        frame_subsampling=described["frame_subsampling"],
    )
    return IntegerNetwork(
        network,
        described["scales"],
        described["input_scales"],
        Rules(**described["rules"]),
        described["in_float"],
        saturations,
        described["fingerprint"],
    )
