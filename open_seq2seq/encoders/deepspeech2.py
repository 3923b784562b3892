"""Deep Speech 2: convolutions over time and frequency, recurrent layers, a dense layer.

Source: Amodei et al. 2015, arXiv:1512.02595, as in OpenSeq2Seq.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from open_seq2seq.config.schema import Params
from open_seq2seq.encoders.deepspeech2_params import (
    DEEP_SPEECH_2,
    arrangement,
    has_row_convolution,
    is_cudnn,
    windows_of,
)
from open_seq2seq.encoders.encoder import (
    BACKWARD,
    Encoder,
    IntermediateOutput,
    activation_function,
)
from open_seq2seq.encoders.layer_context import LayerContext, of_recurrence, of_windows
from open_seq2seq.errors import Problem
from open_seq2seq.layers.conv_block import BlockConfig, SubBlock
from open_seq2seq.layers.recurrent import RecurrentLayer
from open_seq2seq.layers.row_convolution import RowConvolution
from open_seq2seq.layers.streaming import Piece, StateSpec, StreamState, scoped
from open_seq2seq.layers.time_window import TimeWindow, total_context, with_look_ahead
from open_seq2seq.ops.dropout import Dropout, dropout
from open_seq2seq.ops.initializers import fresh_initializer
from open_seq2seq.ops.masks import zero_past
from open_seq2seq.tensors import Initializer, Regularizer, Tensor


class DeepSpeech2Encoder(Encoder):
    """Convolutions, recurrent layers, an optional row convolution and a dense layer.

    Lengths are respected everywhere: what lies past an utterance's end changes nothing, and
    backward layers start at its own last frame.

    Args:
      params: see `PARAMS`.
      regularizer: of the convolutions' and the dense kernels and of batch normalizations'
        gammas; the recurrent layers have none.
      initializer: of the kernels; None is Glorot uniform, and orthogonal for the recurrent ones.
    """

    PARAMS = DEEP_SPEECH_2

    def __init__(
        self,
        params: Params,
        regularizer: Regularizer = None,
        initializer: Initializer = None,
        **kwargs: Any,
    ):
        super().__init__(params, regularizer, initializer, **kwargs)
        self.activation = activation_function(self.params["activation_fn"])
        self.is_interleaved = arrangement(self.params) == "interleaved"
        self.windows = with_look_ahead(windows_of(self.params), self.params["look_ahead"])
        self.convolutions = self._make_convolutions()
        self.rnn_layers = [self._make_rnn(n) for n in range(self.params["num_rnn_layers"])]
        self.row_conv = self._make_row_conv(self.windows)
        self.fully_connected = keras.layers.Dense(
            self.params["n_hidden"],
            kernel_initializer=fresh_initializer(self.initializer or "glorot_uniform"),
            kernel_regularizer=self.regularizer,
            name="fully_connected",
            dtype=self.dtype_policy,
        )
        self.time_stride = math.prod(layer["stride"][0] for layer in self.params["conv_layers"])

    @property
    def _batch_norm(self) -> tuple[float, float]:
        return self.params["bn_momentum"], self.params["bn_epsilon"]

    def _make_convolutions(self) -> list[SubBlock]:
        momentum, epsilon = self._batch_norm
        config = BlockConfig(
            activation=self.activation,
            normalization="batch_norm",
            momentum=momentum,
            epsilon=epsilon,
            regularizer=self.regularizer,
            initializer=self.initializer,
            drop_block_prob=0.0,
            seed=self.seed,
            dtype=self.dtype_policy,
        )
        layers = zip(self.params["conv_layers"], self.windows)
        return [
            SubBlock(
                {**layer, "type": "conv2d", "dilation": [1, 1], "padding": window.padding},
                config,
                keep_prob=1.0,
                name=f"conv{number}",
            )
            for number, (layer, window) in enumerate(layers, start=1)
        ]

    def _make_rnn(self, number: int) -> RecurrentLayer:
        kind = self.params["rnn_type"].removeprefix("cudnn_")
        names = {"layernorm_lstm": "layer_norm_lstm", "relu_rnn": "relu"}
        cudnn, rate = is_cudnn(self.params), self.params["rnn_weight_drop_prob"]
        return RecurrentLayer(
            "gru_reset_after" if kind == "gru" and cudnn else names.get(kind, kind),
            self.params["rnn_cell_dim"],
            bidirectional=not self.params["rnn_unidirectional"],
            recurrent_bias=cudnn,
            unit_gate_bias=not cudnn,
            batch_norm=self._batch_norm if self.params["rnn_batch_norm"] else None,
            initializer=self.initializer,
            weight_drop=Dropout(rate, self.seed) if rate else None,
            name=f"rnn_{number}",
            dtype=self.dtype_policy,
        )

    def _make_row_conv(self, windows: Sequence[TimeWindow]) -> RowConvolution | None:
        if not has_row_convolution(self.params):
            return None
        return RowConvolution(
            self.params["row_conv_width"],
            self.activation,
            *self._batch_norm,
            regularizer=self.regularizer,
            initializer=self.initializer,
            padding=windows[-1].padding,
            name="row_conv",
            dtype=self.dtype_policy,
        )

    def build(self, features_shape: Sequence[int | None], lengths_shape: object = None) -> None:
        """Makes the variables for features [batch, time, feature]."""
        shape: Any = tuple(features_shape)
        if self.convolutions:
            shape = (*shape, 1)
            for convolution in self.convolutions:
                convolution.build(shape)
                shape = convolution.compute_output_shape(shape)
            shape = (*shape[:2], shape[2] * shape[3])
        for layer in self.rnn_layers:
            layer.build(shape)
            directions = len(layer.directions) if self._joins_at(layer) else 1
            shape = (*shape[:2], layer.units * directions)
        if self.row_conv is not None:
            self.row_conv.build(shape)
        self.fully_connected.build((None, shape[-1]))
        self.built = True

    def _joins_at(self, layer: RecurrentLayer) -> bool:
        """Whether both directions lie side by side after this layer."""
        if self.params["rnn_merge"] == "sum":
            return False
        return self.is_interleaved or layer is self.rnn_layers[-1]

    @classmethod
    def num_intermediate(cls, params: Params) -> int:
        """The recurrent layers: above them are the row convolution and the dense layer."""
        return int(params["num_rnn_layers"])

    @classmethod
    def conditioning_problem(cls, params: Params) -> str | None:
        """See `Encoder.conditioning_problem`."""
        filled = cls.PARAMS.fill(params)
        if not filled["rnn_unidirectional"] and arrangement(filled) != "interleaved":
            return "its directions do not meet between layers (rnn_arrangement)"
        return super().conditioning_problem(params)

    def call(
        self,
        features: Tensor,
        lengths: Tensor,
        training: bool = False,
        intermediate: bool = False,
    ) -> tuple[Tensor, ...]:
        """Encodes a batch.

        Args:
          features: [batch, time, feature].
          lengths: [batch], frames of each utterance.
          training: batch statistics and dropout.
          intermediate: whether the outputs of the recurrent layers are wanted too, with dropout
            and both directions merged.

        Returns:
          outputs: [batch, time', n_hidden] in the compute dtype, zero past each length.
          lengths: [batch] int32, frames of each utterance in `outputs`.
          with `intermediate` also a dictionary of `IntermediateOutput`s by recurrent layer,
            from 1.
        """
        lengths = ops.cast(lengths, "int32")
        outputs = zero_past(features, lengths)
        outputs, lengths = self._convolve(outputs, lengths, training)
        outputs, each = self._recur(outputs, lengths, training)
        if self.row_conv is not None:
            outputs = self.row_conv(outputs, lengths, training=training)
        outputs = self._dropped(zero_past(self._dense(outputs), lengths), training)
        if not intermediate:
            return outputs, lengths
        merged = [IntermediateOutput(self._merged(one), lengths) for one in each]
        return outputs, lengths, dict(enumerate(merged, start=1))

    def _dense(self, outputs: Tensor) -> Tensor:
        # Of two axes: a product of more is computed, and differentiated, utterance by utterance.
        rows = self.fully_connected(ops.reshape(outputs, (-1, outputs.shape[-1])))
        rows = self.activation(rows)
        return ops.reshape(rows, (-1, ops.shape(outputs)[1], rows.shape[-1]))

    def _convolve(self, outputs: Tensor, lengths: Tensor, training: bool) -> tuple[Tensor, Tensor]:
        if not self.convolutions:
            return outputs, lengths
        outputs = ops.expand_dims(outputs, -1)  # [batch, time, frequency, channel]
        for convolution in self.convolutions:
            lengths = convolution.output_length(lengths)
            outputs = convolution(outputs, lengths=lengths, training=training)
        return _without_frequency(outputs), lengths

    def _recur(
        self, outputs: Tensor, lengths: Tensor, training: bool
    ) -> tuple[Tensor, list[Tensor]]:
        """The recurrent layers: [batch, time, input] -> [batch, time, directions * units].

        Returns: that of the last one, and for each layer what `_merged` takes.
        """
        inputs, each = outputs, []
        for number, layer in enumerate(self.rnn_layers, start=1):
            is_last = layer is self.rnn_layers[-1]
            outputs = layer(inputs, lengths, training=training)
            if self.is_interleaved:
                inputs = self._merged(outputs)
                inputs = inputs if is_last else self._dropped(inputs, training)
                each.append([inputs])
                inputs = self._conditioned(number, inputs, lengths)
            else:
                inputs = [self._dropped(output, training) for output in outputs]
                each.append(inputs)
                if len(inputs) == 1:
                    inputs = [self._conditioned(number, inputs[0], lengths)]
                inputs = self._merged(inputs) if is_last else inputs
        return inputs, each

    def _merged(self, outputs: Sequence[Tensor]) -> Tensor:
        if len(outputs) == 1:
            return outputs[0]
        if self.params["rnn_merge"] == "sum":
            return outputs[0] + outputs[1]
        return ops.concatenate(outputs, axis=-1)

    def _dropped(self, outputs: Tensor, training: bool) -> Tensor:
        rate = 1.0 - self.params["dropout_keep_prob"]
        if not training or rate == 0:
            return outputs
        return dropout(outputs, rate, self.seed)

    def output_length(self, frames: Tensor) -> Tensor:
        """Output frames for so many feature frames: an int, an integer array or a tensor."""
        for convolution in self.convolutions:
            frames = convolution.output_length(frames)
        return frames

    @property
    def context(self) -> tuple[float, float]:
        """See `Encoder.context`."""
        if self.streaming_problems():
            return math.inf, math.inf
        left, right = total_context(self.windows)
        return math.inf if self.rnn_layers else left, right

    def layer_contexts(self) -> list[LayerContext]:
        """See `Encoder.layer_contexts`: convolutions, recurrent layers, row convolution."""
        problem = next(iter(self.streaming_problems()), None)
        contexts = [
            of_windows(f"conv_layers[{number}]: {one.window.described}", [one.window])
            for number, one in enumerate(self.convolutions)
        ]
        kind = self.params["rnn_type"]
        contexts += [of_recurrence(f"{layer.name}: {kind}", problem) for layer in self.rnn_layers]
        if self.row_conv is not None:
            window = self.row_conv.window
            contexts.append(of_windows(f"row_conv: {window.described}", [window]))
        return contexts

    def streaming_problems(self) -> list[Problem]:
        """See `Encoder.streaming_problems`."""
        one_way = self.params["rnn_unidirectional"] or not self.rnn_layers
        return [*([] if one_way else [BACKWARD]), *self._conditioning_problems()]

    def _state_spec(self) -> StateSpec:
        layers: list[Any] = [*self.convolutions, *self.rnn_layers]
        layers += [self.row_conv] if self.row_conv is not None else []
        spec: StateSpec = {}
        for layer in layers:
            spec |= scoped(layer.name, layer.state_spec())
        return spec

    def _stream(self, features: Tensor, piece: Piece, state: StreamState) -> tuple[Tensor, Piece]:
        outputs = features
        if self.convolutions:
            outputs = ops.expand_dims(outputs, -1)
            for convolution in self.convolutions:
                scope = state.scope(convolution.name)
                outputs, piece = convolution.stream(outputs, [], piece, scope)
            outputs = _without_frequency(outputs)
        for layer in self.rnn_layers:
            outputs = layer.stream(outputs, piece, state.scope(layer.name))
        if self.row_conv is not None:
            scope = state.scope(self.row_conv.name)
            outputs, piece = self.row_conv.stream(outputs, piece, scope)
        return zero_past(self._dense(outputs), piece.lengths), piece


def _without_frequency(outputs: Tensor) -> Tensor:
    """[batch, time, frequency, channel] -> [batch, time, frequency * channel]."""
    width = outputs.shape[2] * outputs.shape[3]
    return ops.reshape(outputs, (-1, ops.shape(outputs)[1], width))
