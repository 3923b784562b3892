"""How OpenSeq2Seq's graphs name the variables of a model of this framework.

A `WeightMapping` says which variables of the model come from which of the checkpoint, and how. Most
are one to one; a recurrent layer's come from several, or all of them from one cuDNN blob.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from open_seq2seq.interop.openseq2seq.recurrent_weights import (
    FORGET_BIAS,
    Arrays,
    blob_size,
    from_blob,
    from_cudnn_compatible_gru,
    from_gru_cell,
    from_layer_norm_lstm,
    from_lstm_cell,
)

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

ENCODERS = {"TDNNEncoder": "w2l_encoder", "DeepSpeech2Encoder": "ds2_encoder"}
_DECODER = "fully_connected_ctc_decoder"
_RNN = "encoder/rnn_"
_DIRECTIONS = {"forward": "fw", "backward": "bw"}
_LAYER_NORM_PARTS = [
    f"{gate}/{name}"
    for gate in ("input", "transform", "forget", "output", "state")
    for name in ("gamma", "beta")
]


@dataclass(frozen=True)
class WeightMapping:
    """Variables that are converted together.

    Args:
      targets: the model's variables.
      sources: the checkpoint's variables and their shapes, by the key `convert` knows.
      convert: (arrays by key) -> arrays by target.
      fallback: mappings of the same variables from another form of the same weights.
    """

    targets: Sequence[str]
    sources: Mapping[str, tuple[str, Shape]]
    convert: Callable[[Arrays], Mapping[str, np.ndarray]]
    fallback: Sequence[WeightMapping] = ()


def weight_mappings(
    encoder_class: str, variables: Shapes, stored: Shapes, data_format: str = "BTFC"
) -> Iterator[WeightMapping]:
    """All mappings of a model.

    Args:
      encoder_class: a key of `ENCODERS`.
      variables: shapes of the model's variables by name, generators left out.
      stored: shapes of what the checkpoint has, by the names of the model's variables in it
        (master copies and averages under the name of their variable).
      data_format: of a DeepSpeech2Encoder.
    """
    scope = f"ForwardPass/{ENCODERS[encoder_class]}"
    for name, shape in variables.items():
        if name.startswith(_RNN):
            continue
        room, _, rest = name.partition("/")
        source = f"{scope if room == 'encoder' else f'ForwardPass/{_DECODER}'}/{rest}"
        if rest == "row_conv/kernel":
            source = f"{scope}/row_conv/w"
        is_image = encoder_class == "DeepSpeech2Encoder" and len(shape) == 4
        if (
            is_image
            and rest.startswith("conv")
            and _is_frequency_first(shape, stored.get(source), data_format)
        ):
            yield _transposed(name, source, shape)
        else:
            yield _same(name, source, shape)
    layers = _recurrent_layers(variables)
    if layers:
        yield from _recurrent_mappings(scope, layers, stored)


def _same(name: str, source: str, shape: Shape) -> WeightMapping:
    return WeightMapping([name], {name: (source, shape)}, lambda arrays: arrays)


def _transposed(name: str, source: str, shape: Shape) -> WeightMapping:
    swapped = (shape[1], shape[0], *shape[2:])
    convert = partial(_swap_axes, name)
    return WeightMapping([name], {name: (source, swapped)}, convert)


def _swap_axes(name: str, arrays: Arrays) -> Arrays:
    return {name: np.ascontiguousarray(np.swapaxes(arrays[name], 0, 1))}


def _is_frequency_first(shape: Shape, stored: Shape | None, data_format: str) -> bool:
    """Whether a kernel is [frequency, time, ...], as in graphs with frequency before time."""
    if stored is not None and shape[0] != shape[1]:
        return stored == (shape[1], shape[0], *shape[2:])
    return data_format in ("BFTC", "BCFT")


@dataclass(frozen=True)
class _Layer:
    """A recurrent layer of the model: shapes of its variables by direction and name."""

    number: int
    directions: Mapping[str, Shapes]

    @property
    def inputs(self) -> int:
        return self.directions["forward"]["kernel"][0]

    @property
    def units(self) -> int:
        return self.directions["forward"]["recurrent_kernel"][0]

    @property
    def kind(self) -> str:
        """gru, gru_reset_after, lstm or layer_norm_lstm."""
        shapes = self.directions["forward"]
        if shapes["kernel"][1] == 3 * self.units:
            return "gru_reset_after" if "recurrent_bias" in shapes else "gru"
        return "layer_norm_lstm" if "gate_gamma" in shapes else "lstm"

    def target(self, direction: str, name: str) -> str:
        return f"{_RNN}{self.number}/{direction}_{name}"

    def targets(self) -> list[str]:
        return [self.target(d, n) for d, shapes in self.directions.items() for n in shapes]


def _recurrent_layers(variables: Shapes) -> list[_Layer]:
    found: dict[int, dict[str, dict[str, Shape]]] = {}
    for name, shape in variables.items():
        if name.startswith(_RNN):
            number, _, rest = name.removeprefix(_RNN).partition("/")
            direction, _, what = rest.partition("_")
            found.setdefault(int(number), {}).setdefault(direction, {})[what] = shape
    return [_Layer(number, found[number]) for number in sorted(found)]


def _recurrent_mappings(
    scope: str, layers: Sequence[_Layer], stored: Shapes
) -> Iterator[WeightMapping]:
    """The mappings of all recurrent layers, in the form in which the checkpoint has them."""
    cudnn = f"{scope}/{'cudnn_lstm' if 'lstm' in layers[0].kind else 'cudnn_gru'}"
    blob = f"{cudnn}/opaque_kernel"
    cells = list(_cell_mappings(cudnn, scope, layers, stored))
    if blob not in stored:
        yield from cells
        return
    yield _blob_mapping(blob, layers, cells)


def _blob_mapping(
    blob: str, layers: Sequence[_Layer], cells: Sequence[WeightMapping]
) -> WeightMapping:
    kind = "lstm" if "lstm" in layers[0].kind else "gru"
    inputs = [layer.inputs for layer in layers]
    directions, units = len(layers[0].directions), layers[0].units

    def convert(arrays: Arrays) -> dict[str, np.ndarray]:
        by_layer = from_blob(arrays["blob"], kind, inputs, directions, units)
        return {
            layer.target(direction, name): value
            for layer, pair in zip(layers, by_layer)
            for (direction, shapes), cell in zip(layer.directions.items(), pair)
            for name, value in cell.joined("recurrent_bias" in shapes).items()
        }

    size = blob_size(kind, inputs, directions, units)
    targets = [name for layer in layers for name in layer.targets()]
    return WeightMapping(targets, {"blob": (blob, (size,))}, convert, cells)


def _cell_mappings(
    cudnn: str, scope: str, layers: Sequence[_Layer], stored: Shapes
) -> Iterator[WeightMapping]:
    for layer in layers:
        for direction, shapes in layer.directions.items():
            # Both arrangements, since either may have been trained with either kind of cell.
            places = [
                f"{place}/{cell}"
                for place in _places(cudnn, scope, layer.number, direction, len(layer.directions))
                for cell in _CELLS[layer.kind]
            ]
            prefix = next(
                (p for p in places if any(n.startswith(f"{p}/") for n in stored)), places[0]
            )
            yield _cell_mapping(prefix, layer, direction, "recurrent_bias" in shapes)


# The scopes of the cells that compute the same as this framework's, usual one first.
_CELLS = {
    "gru": ("gru_cell",),
    "gru_reset_after": ("cudnn_compatible_gru_cell",),
    "lstm": ("cudnn_compatible_lstm_cell", "basic_lstm_cell", "lstm_cell"),
    "layer_norm_lstm": ("layer_norm_basic_lstm_cell",),
}


def _places(cudnn: str, scope: str, layer: int, direction: str, directions: int) -> tuple[str, ...]:
    """Where the cells of a layer may be: as cuDNN layers are saved, and in stacks."""
    cell = f"multi_rnn_cell/cell_{layer}"
    if directions == 1:
        return f"{cudnn}/rnn/{cell}", f"{cudnn}/{cell}", f"{scope}/rnn/{cell}"
    way = _DIRECTIONS[direction]
    stacked = f"{cudnn}/stack_bidirectional_rnn/cell_{layer}/bidirectional_rnn/{way}"
    return stacked, f"{scope}/bidirectional_rnn/{way}/{cell}"


def _cell_mapping(
    prefix: str, layer: _Layer, direction: str, has_recurrent_bias: bool
) -> WeightMapping:
    inputs, units, kind = layer.inputs, layer.units, layer.kind
    rows = inputs + units
    if kind == "gru":
        shapes = {"gates/kernel": (rows, 2 * units), "gates/bias": (2 * units,)}
        shapes |= {"candidate/kernel": (rows, units), "candidate/bias": (units,)}
        read = from_gru_cell
    elif kind == "gru_reset_after":
        shapes = {"gates/kernel": (rows, 2 * units), "gates/bias": (2 * units,)}
        for name, size in (("input_projection", inputs), ("hidden_projection", units)):
            shapes |= {f"candidate/{name}/kernel": (size, units)}
            shapes |= {f"candidate/{name}/bias": (units,)}
        read = from_cudnn_compatible_gru
    elif kind == "lstm":
        shapes = {"kernel": (rows, 4 * units), "bias": (4 * units,)}
        forget_bias = 0.0 if "cudnn_compatible" in prefix else FORGET_BIAS
        read = partial(from_lstm_cell, forget_bias=forget_bias)
    else:
        shapes = {"kernel": (rows, 4 * units)}
        shapes |= dict.fromkeys(_LAYER_NORM_PARTS, (units,))

    def convert(arrays: Arrays) -> dict[str, np.ndarray]:
        if kind == "layer_norm_lstm":
            values = from_layer_norm_lstm(arrays, inputs)
        else:
            values = read(arrays, inputs).joined(has_recurrent_bias)
        return {layer.target(direction, name): value for name, value in values.items()}

    targets = [layer.target(direction, name) for name in layer.directions[direction]]
    sources = {key: (f"{prefix}/{key}", shape) for key, shape in shapes.items()}
    return WeightMapping(targets, sources, convert)
