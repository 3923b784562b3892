"""Weights of recurrent cells, from the layouts of TensorFlow 1 and cuDNN to this framework's.

A cell's weights are first taken apart by gate, whatever they came as, and then put together
in this framework's order: GRU z, r, h (update, reset, candidate); LSTM i, f, c, o (input,
forget, candidate, output). TensorFlow 1 has r, z and i, c, f, o; cuDNN r, z, h and
i, f, c, o. All of them compute h' = z h + (1 - z) candidate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Arrays = Mapping[str, np.ndarray]

GRU = ("z", "r", "h")
LSTM = ("i", "f", "c", "o")
_TENSORFLOW_LSTM = ("i", "c", "f", "o")
_CUDNN = {"gru": ("r", "z", "h"), "lstm": ("i", "f", "c", "o")}
# TensorFlow 1's LSTM cells add this to the forget gate when they run; here it is in the bias.
FORGET_BIAS = 1.0
# The variables of a LayerNormBasicLSTMCell, by gate.
_LAYER_NORM = {"i": "input", "f": "forget", "c": "transform", "o": "output"}


@dataclass(frozen=True)
class Cell:
    """One direction of one layer, by gate.

    Args:
      kernel: [input, units] each.
      recurrent: [units, units] each.
      bias: [units] each, added to the inputs' product.
      recurrent_bias: [units] each, added to the state's product.
    """

    kernel: Arrays
    recurrent: Arrays
    bias: Arrays
    recurrent_bias: Arrays

    def joined(self, has_recurrent_bias: bool) -> dict[str, np.ndarray]:
        """This framework's variables: kernel, recurrent_kernel, bias, recurrent_bias.

        Args:
          has_recurrent_bias: whether the cell keeps both biases; otherwise it has their sum.
        """
        gates = GRU if "z" in self.kernel else LSTM
        bias = _side_by_side(self.bias, gates)
        recurrent_bias = _side_by_side(self.recurrent_bias, gates)
        joined = {
            "kernel": _side_by_side(self.kernel, gates),
            "recurrent_kernel": _side_by_side(self.recurrent, gates),
            "bias": bias if has_recurrent_bias else bias + recurrent_bias,
        }
        return {**joined, "recurrent_bias": recurrent_bias} if has_recurrent_bias else joined


def _side_by_side(parts: Arrays, gates: Sequence[str]) -> np.ndarray:
    return np.concatenate([parts[gate] for gate in gates], axis=-1)


def _split(array: np.ndarray, gates: Sequence[str]) -> dict[str, np.ndarray]:
    return dict(zip(gates, np.split(array, len(gates), axis=-1)))


def _zeros(parts: Arrays) -> dict[str, np.ndarray]:
    return {gate: np.zeros_like(part) for gate, part in parts.items()}


def from_gru_cell(sources: Arrays, inputs: int) -> Cell:
    """A TensorFlow 1 GRUCell; the reset gate multiplies the state before its product.

    Args:
      sources: `gates/kernel` [input + units, 2 units] (r, z), `candidate/kernel`
        [input + units, units], and their biases.
      inputs: size of the input.
    """
    gates, candidate = sources["gates/kernel"], sources["candidate/kernel"]
    bias = {**_split(sources["gates/bias"], ("r", "z")), "h": sources["candidate/bias"]}
    return Cell(
        {**_split(gates[:inputs], ("r", "z")), "h": candidate[:inputs]},
        {**_split(gates[inputs:], ("r", "z")), "h": candidate[inputs:]},
        bias,
        _zeros(bias),
    )


def from_cudnn_compatible_gru(sources: Arrays, inputs: int) -> Cell:
    """A TensorFlow 1 CudnnCompatibleGRUCell, as which a CudnnGRU layer is saved.

    Args:
      sources: `gates/kernel` [input + units, 2 units] (r, z) and `gates/bias`, the sum of
        cuDNN's two; `candidate/input_projection` and `candidate/hidden_projection`, each
        `/kernel` and `/bias`.
      inputs: size of the input.
    """
    gates = sources["gates/kernel"]
    entering, hidden = "candidate/input_projection", "candidate/hidden_projection"
    bias = _split(sources["gates/bias"], ("r", "z"))
    return Cell(
        {**_split(gates[:inputs], ("r", "z")), "h": sources[f"{entering}/kernel"]},
        {**_split(gates[inputs:], ("r", "z")), "h": sources[f"{hidden}/kernel"]},
        {**bias, "h": sources[f"{entering}/bias"]},
        {**_zeros(bias), "h": sources[f"{hidden}/bias"]},
    )


def from_lstm_cell(sources: Arrays, inputs: int, forget_bias: float) -> Cell:
    """A TensorFlow 1 LSTM cell.

    Args:
      sources: `kernel` [input + units, 4 units] (i, c, f, o) and `bias`.
      inputs: size of the input.
      forget_bias: what the cell adds to the forget gate when it runs: 1 in LSTMCell and
        BasicLSTMCell, 0 in CudnnCompatibleLSTMCell.
    """
    kernel = sources["kernel"]
    bias = _split(sources["bias"], _TENSORFLOW_LSTM)
    bias["f"] = bias["f"] + np.float32(forget_bias)
    return Cell(
        _split(kernel[:inputs], _TENSORFLOW_LSTM),
        _split(kernel[inputs:], _TENSORFLOW_LSTM),
        bias,
        _zeros(bias),
    )


def from_layer_norm_lstm(sources: Arrays, inputs: int) -> dict[str, np.ndarray]:
    """A TensorFlow 1 LayerNormBasicLSTMCell -> this framework's variables.

    Args:
      sources: `kernel` [input + units, 4 units] (i, c, f, o) without bias, and gamma and
        beta of `input`, `transform`, `forget`, `output` and `state`.
      inputs: size of the input.
    """
    kernel = sources["kernel"]
    gamma, beta = (
        np.stack([sources[f"{_LAYER_NORM[gate]}/{name}"] for gate in LSTM])
        for name in ("gamma", "beta")
    )
    beta[LSTM.index("f")] += FORGET_BIAS
    return {
        "kernel": _side_by_side(_split(kernel[:inputs], _TENSORFLOW_LSTM), LSTM),
        "recurrent_kernel": _side_by_side(_split(kernel[inputs:], _TENSORFLOW_LSTM), LSTM),
        "gate_gamma": gamma,
        "gate_beta": beta,
        "state_gamma": sources["state/gamma"],
        "state_beta": sources["state/beta"],
    }


def blob_size(kind: str, inputs: Sequence[int], directions: int, units: int) -> int:
    """Numbers in a cuDNN parameter blob.

    Args:
      kind: gru or lstm.
      inputs: the size of each layer's input.
      directions: 1 or 2.
      units: of each layer and direction.
    """
    gates = len(_CUDNN[kind])
    return sum(directions * gates * units * (size + units + 2) for size in inputs)


def from_blob(
    blob: np.ndarray, kind: str, inputs: Sequence[int], directions: int, units: int
) -> list[list[Cell]]:
    """cuDNN's opaque parameters, by layer and direction.

    cuDNN's documented layout (cudnnGetRNNLinLayerMatrixParams): for each layer and each
    direction the matrices of the inputs, then those of the state, in gate order, each
    [units, input] by rows; after all of them the biases in the same order.

    Args:
      blob: [blob_size] numbers.
      kind, inputs, directions, units: as in `blob_size`.
    """
    gates, place = _CUDNN[kind], 0

    def take(*shape: int) -> np.ndarray:
        nonlocal place
        size = int(np.prod(shape))
        place += size
        return blob[place - size : place].reshape(shape)

    pairs = [(size, direction) for size in inputs for direction in range(directions)]
    matrices = [
        (
            {gate: take(units, size).T for gate in gates},
            {gate: take(units, units).T for gate in gates},
        )
        for size, _ in pairs
    ]
    biases = [
        ({gate: take(units) for gate in gates}, {gate: take(units) for gate in gates})
        for _ in pairs
    ]
    cells = [Cell(*matrix, *bias) for matrix, bias in zip(matrices, biases)]
    return [cells[start : start + directions] for start in range(0, len(cells), directions)]
