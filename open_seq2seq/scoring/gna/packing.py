"""Networks of layers as JSON and named tensors."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from open_seq2seq.interop.kaldi import layers
from open_seq2seq.interop.kaldi.network import Network
from open_seq2seq.scoring.gna.affine import IntegerAffine, IntegerDiagonal
from open_seq2seq.scoring.gna.integer_layers import Dequantize, IntegerLayer, IntegerSum, Quantize
from open_seq2seq.scoring.gna.lstm import IntegerLstm
from open_seq2seq.scoring.gna.segments import Segments

_OWN = (IntegerAffine, IntegerDiagonal, IntegerLayer, IntegerLstm, IntegerSum, Quantize,
        Dequantize, Segments)  # fmt: skip
_CLASSES: dict[str, type] = {one.__name__: one for one in _OWN}
_CLASSES |= {
    name: one for name, one in vars(layers).items() if isinstance(one, type) and is_dataclass(one)
}
# The smallest types that whole numbers are stored in.
_TYPES = (np.int8, np.int16, np.int32, np.int64)


def packed(value: Any, name: str, tensors: dict[str, np.ndarray]) -> Any:
    """A layer as JSON; its arrays go to `tensors`."""
    if isinstance(value, np.ndarray):
        tensors[name] = value
        return {"tensor": name, "type": value.dtype.str}
    if isinstance(value, Counter):
        return {"counter": True}
    if is_dataclass(value):
        parts = {
            one.name: packed(getattr(value, one.name), f"{name}.{one.name}", tensors)
            for one in fields(value)
        }
        return {"class": type(value).__name__, "fields": parts}
    if isinstance(value, tuple):
        return {
            "tuple": [packed(one, f"{name}.{place}", tensors) for place, one in enumerate(value)]
        }
    return value


def unpacked(value: Any, tensors: Mapping[str, np.ndarray], saturations: Counter[str]) -> Any:
    """The layer of `packed`; what counts saturations does so in `saturations`.

    Raises:
      KeyError, TypeError: it is none.
    """
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]].astype(np.dtype(value["type"]))
    if "counter" in value:
        return saturations
    if "tuple" in value:
        return tuple(unpacked(one, tensors, saturations) for one in value["tuple"])
    parts = {key: unpacked(one, tensors, saturations) for key, one in value["fields"].items()}
    return _CLASSES[value["class"]](**parts)


def smallest(array: np.ndarray) -> np.ndarray:
    """Whole numbers in the smallest type that has them: int8 and int16 weights."""
    if array.size and np.array_equal(array, np.rint(array)):
        for one in _TYPES:
            limits = np.iinfo(one)
            if array.min() >= limits.min and array.max() <= limits.max:
                return np.ascontiguousarray(array.astype(one))
    return np.ascontiguousarray(array)


def hash_of(tensors: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of tensors with their names, types and shapes."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def fingerprint(network: Network) -> str:
    """The hash of a float network: its layers and all of their numbers."""
    tensors: dict[str, np.ndarray] = {}
    nodes = [
        [one.name, one.inputs, packed(one.layer, str(place), tensors)]
        for place, one in enumerate(network.nodes)
    ]
    return hashlib.sha256((json.dumps(nodes) + hash_of(tensors)).encode()).hexdigest()
