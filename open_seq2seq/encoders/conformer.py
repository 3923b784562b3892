"""The Conformer and its faster relatives, with NeMo's mathematics.

Sources: Gulati et al. 2020 (Conformer), Rekesh et al. 2023 (FastConformer), Noroozi et al. 2023
(cache-aware streaming); the formulas are those of NeMo's `ConformerEncoder`, so that its weights
give its numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from open_seq2seq.config.schema import Params
from open_seq2seq.encoders.conformer_params import CONFORMER, attention_context, conv_window
from open_seq2seq.encoders.encoder import Encoder, IntermediateOutput
from open_seq2seq.encoders.layer_context import LayerContext, of_windows
from open_seq2seq.errors import Problem
from open_seq2seq.layers.attention import PositionBiases, RelativeAttention
from open_seq2seq.layers.conformer_block import ConformerBlock, layer_norm
from open_seq2seq.layers.conv_module import ConvolutionModule
from open_seq2seq.layers.dense import FrameDense
from open_seq2seq.layers.feed_forward import FeedForward
from open_seq2seq.layers.normalization import BatchNorm
from open_seq2seq.layers.streaming import Piece, StateSpec, StreamState, scoped
from open_seq2seq.layers.subsampling import Subsampling
from open_seq2seq.layers.time_window import total_context
from open_seq2seq.ops.dropout import Dropout
from open_seq2seq.ops.initializers import fresh_initializer
from open_seq2seq.ops.masks import zero_past
from open_seq2seq.tensors import Initializer, Regularizer, Tensor


class ConformerEncoder(Encoder):
    """Subsampling by convolutions, then layers of feed-forward, attention and convolution.

    Variables, with `<l>` from 1, are named

    * `subsampling/conv<s>/{kernel, bias}`, of separable stages `{depthwise_kernel,
      depthwise_bias, pointwise_kernel, bias}`; `subsampling/dense/{kernel, bias}`, whose rows
      are ordered by frequency, then channel;
    * `layer<l>/feed_forward1_norm/{gamma, beta}`, and so `attention_norm`, `convolution_norm`,
      `feed_forward2_norm` and `norm`;
    * `layer<l>/feed_forward<1, 2>/{filter_input, filter_output}/{kernel, bias}`;
    * `layer<l>/attention/{queries_keys_values, positions, attention_output}/{kernel, bias}`
      (`positions` without bias), `layer<l>/attention/biases/{content, position}`, or
      `position_biases/{content, position}` where all layers have the same;
    * `layer<l>/convolution/{gated_input, conv_output}/{kernel, bias}`,
      `layer<l>/convolution/{depthwise_kernel, depthwise_bias}`, `layer<l>/convolution/bn/{gamma,
      beta, moving_mean, moving_variance}` or `layer<l>/convolution/ln/{gamma, beta}`;
    * `output/{kernel, bias}` with `output_size`.

    Args:
      params: see `PARAMS`.
      regularizer, initializer: of the kernels; None is none, and Glorot uniform.
    """

    PARAMS = CONFORMER

    def __init__(
        self,
        params: Params,
        regularizer: Regularizer = None,
        initializer: Initializer = None,
        **kwargs: Any,
    ):
        super().__init__(params, regularizer, initializer, **kwargs)
        self.width: int = self.params["hidden_size"]
        self.heads: int = self.params["num_heads"]
        self.context_of_attention = attention_context(self.params)
        self.window = conv_window(self.params)
        self.time_stride = self.params["subsampling_factor"]
        self._shared = {
            "regularizer": self.regularizer,
            "initializer": self.initializer,
            "dtype": self.dtype_policy,
        }
        self.subsampling = Subsampling(
            self.width,
            self.time_stride,
            self.params["subsampling_channels"] or self.width,
            self.params["subsampling"] == "dw_striding",
            self.params["causal_subsampling"],
            self.params["use_conv_mask"],
            name="subsampling",
            **self._shared,
        )
        self.position_biases = None
        if self.params["tie_position_biases"]:
            self.position_biases = self._make_biases("position_biases")
        self.blocks = [self._make_block(n) for n in range(self.params["num_layers"])]
        self.output_dense = None
        if self.params["output_size"] not in (None, self.width):
            self.output_dense = FrameDense(
                self.params["output_size"],
                kernel_initializer=fresh_initializer(self.initializer or "glorot_uniform"),
                kernel_regularizer=self.regularizer,
                name="output",
                dtype=self.dtype_policy,
            )

    def _make_block(self, index: int) -> ConformerBlock:
        params, dtype = self.params, self.dtype_policy
        feed_forward = [
            FeedForward(
                self.width,
                params["filter_size"] or 4 * self.width,
                params["use_bias"],
                self._dropout("dropout_keep_prob"),
                name=f"feed_forward{number}",
                **self._shared,
            )
            for number in (1, 2)
        ]
        attention = RelativeAttention(
            self.width,
            self.heads,
            self.context_of_attention,
            params["use_bias"],
            self.position_biases or self._make_biases("biases"),
            self._dropout("attention_keep_prob"),
            name="attention",
            **self._shared,
        )
        convolution = ConvolutionModule(
            self.width,
            self.window,
            self._make_norm(),
            params["use_bias"],
            name="convolution",
            **self._shared,
        )
        return ConformerBlock(
            feed_forward,
            attention,
            convolution,
            self._dropout("dropout_keep_prob"),
            params["drop_layer_prob"] * index / max(params["num_layers"] - 1, 1),
            name=f"layer{index + 1}",
            dtype=dtype,
        )

    def _make_biases(self, name: str) -> PositionBiases:
        size = self.width // self.heads
        return PositionBiases(self.heads, size, name=name, dtype=self.dtype_policy)

    def _make_norm(self) -> keras.layers.Layer:
        if self.params["conv_normalization"] == "layer_norm":
            return layer_norm("ln", self.dtype_policy)
        momentum, epsilon = self.params["bn_momentum"], self.params["bn_epsilon"]
        return BatchNorm(momentum, epsilon, name="bn", dtype=self.dtype_policy)

    def _dropout(self, name: str) -> Dropout:
        keep = self.params[name]
        keep = self.params["dropout_keep_prob"] if keep is None else keep
        return Dropout(1.0 - keep, self.seed)

    def build(self, features_shape: Sequence[int | None], lengths_shape: object = None) -> None:
        """Makes the variables for features [batch, time, feature]."""
        self.subsampling.build(features_shape)
        shape = (None, None, self.width)
        if self.position_biases is not None:
            self.position_biases.build()
        for block in self.blocks:
            block.build(shape)
        if self.output_dense is not None:
            self.output_dense.build(shape)
        self.built = True

    @classmethod
    def num_intermediate(cls, params: Params) -> int:
        """The layers but the last, whose output is the encoder's."""
        return int(params["num_layers"]) - 1

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
          training: batch statistics, dropout and stochastic depth.
          intermediate: whether the outputs of the layers inside are wanted too.

        Returns:
          outputs: [batch, time', hidden_size or output_size] in the compute dtype, zero past
            each length.
          lengths: [batch] int32, frames of each utterance in `outputs`.
          with `intermediate` also a dictionary of `IntermediateOutput`s by layer, from 1.
        """
        lengths = ops.cast(lengths, "int32")
        outputs, lengths = self.subsampling(zero_past(features, lengths), lengths)
        outputs = self._dropout("input_keep_prob")(self._scaled(outputs), training)
        table = self.blocks[0].attention.position_table(ops.shape(outputs)[1])
        inner: dict[int, IntermediateOutput] = {}
        for number, block in enumerate(self.blocks, start=1):
            outputs = block(outputs, lengths, table, training=training)
            if intermediate and number < len(self.blocks):
                inner[number] = IntermediateOutput(zero_past(outputs, lengths), lengths)
            if number < len(self.blocks):
                outputs = self._conditioned(number, outputs, lengths)
        outputs = zero_past(self._projected(outputs), lengths)
        return (outputs, lengths, inner) if intermediate else (outputs, lengths)

    def _scaled(self, outputs: Tensor) -> Tensor:
        return outputs * math.sqrt(self.width) if self.params["scale_inputs"] else outputs

    def _projected(self, outputs: Tensor) -> Tensor:
        return outputs if self.output_dense is None else self.output_dense(outputs)

    def output_length(self, frames: Tensor) -> Tensor:
        """Output frames for so many feature frames: an int, an integer array or a tensor."""
        for window in self.subsampling.windows:
            frames = window.output_length(frames)
        return frames

    @property
    def context(self) -> tuple[float, float]:
        """See `Encoder.context`; with chunks, that of the frame that sees most."""
        if not self.context_of_attention.is_limited:
            return math.inf, math.inf
        left, right = total_context(self.subsampling.windows)
        behind, ahead = self._context_of_layers()
        return left + behind * self.time_stride, right + ahead * self.time_stride

    def _context_of_layers(self) -> tuple[int, int]:
        """Frames after the subsampling, before and after its own, that an output may see."""
        attention, (left, right) = self.context_of_attention, self.window.context
        behind = ahead = 0
        for frame in range(attention.chunk):
            first = last = frame
            for _ in self.blocks:
                first = attention.first_seen(first - left)
                last = attention.last_seen(last + right)
            behind, ahead = max(behind, frame - first), max(ahead, last - frame)
        return behind, ahead

    def ready(self, frames: int) -> int:
        """See `Encoder.ready`: whole chunks, where there are chunks."""
        for window in self.subsampling.windows:
            frames = window.ready(frames)
        for _ in self.blocks:
            frames = self.window.ready(self.context_of_attention.ready(frames))
        return frames

    def layer_contexts(self) -> list[LayerContext]:
        """See `Encoder.layer_contexts`: subsampling, then attention and convolution."""
        problem = next(iter(self.streaming_problems()), None)
        name = f"subsampling: {self.params['subsampling']}"
        contexts = [of_windows(name, self.subsampling.windows)]
        attention = self.context_of_attention
        if attention.is_limited and attention.chunked:
            # Chunks of all layers begin at the same frames: what they see doesn't add up.
            name = f"{len(self.blocks)} layers: chunks of {attention.chunk}"
            return [*contexts, LayerContext(name, *self._context_of_layers(), 1, problem)]
        left, right = math.inf, math.inf
        if attention.is_limited:
            left, right = attention.before, attention.after
        for block in self.blocks:
            contexts.append(LayerContext(f"{block.name}: attention", left, right, 1, problem))
            contexts.append(of_windows(f"{block.name}: {self.window.described}", [self.window]))
        return contexts

    def streaming_problems(self) -> list[Problem]:
        """See `Encoder.streaming_problems`."""
        problems = self._conditioning_problems()
        if not self.context_of_attention.is_limited:
            given = self.params["attention_context"]
            problems.append(
                Problem(
                    "encoder_params/attention_context",
                    f"{given!r}: attention without an end",
                    "two numbers of frames, [left, right]",
                    "Set attention_context to [70, 13] and attention_style to 'chunked_limited', "
                    "with conv_padding 'CAUSAL' and causal_subsampling, and train again.",
                )
            )
        if not self.params["use_conv_mask"]:
            problems.append(
                Problem(
                    "encoder_params/use_conv_mask",
                    "False: an utterance's end depends on the padding after it",
                    "True",
                    "Set use_conv_mask to True.",
                )
            )
        return problems

    def _state_spec(self) -> StateSpec:
        spec = scoped("subsampling", self.subsampling.state_spec())
        for block in self.blocks:
            spec |= scoped(block.name, block.state_spec())
        return spec

    def _stream(self, features: Tensor, piece: Piece, state: StreamState) -> tuple[Tensor, Piece]:
        outputs, piece = self.subsampling.stream(features, piece, state.scope("subsampling"))
        outputs = self._scaled(outputs)
        for block in self.blocks:
            outputs, piece = block.stream(outputs, piece, state.scope(block.name))
        return zero_past(self._projected(outputs), piece.lengths), piece
