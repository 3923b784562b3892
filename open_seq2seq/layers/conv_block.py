"""A sub-block of a block: convolution, normalization, residual, activation, dropout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from open_seq2seq.config.schema import Params
from open_seq2seq.layers.convolution import Convolution
from open_seq2seq.layers.normalization import (
    NORMALIZATION_NAMES,
    BatchNorm,
    make_normalization,
)
from open_seq2seq.layers.squeeze_excitation import SqueezeExcitation
from open_seq2seq.layers.streaming import Piece, StreamState
from open_seq2seq.ops.convolution import every
from open_seq2seq.ops.dropout import dropout
from open_seq2seq.ops.masks import zero_past
from open_seq2seq.tensors import Activation, DType, Initializer, Regularizer, Tensor


@dataclass(frozen=True)
class BlockConfig:
    """What all sub-blocks of an encoder have in common.

    Args:
      activation: applied after the normalization.
      normalization: batch_norm, layer_norm, instance_norm or None.
      momentum, epsilon: of batch_norm.
      regularizer: of kernels and gammas; residual convolutions have none.
      initializer: of kernels.
      drop_block_prob: probability that a residual block passes only its residual, as in
        networks of stochastic depth (Huang et al. 2016).
      seed: where dropout and dropped blocks draw from.
      dtype: the dtype policy.
      pointwise_residual: whether residual convolutions are plain, whatever the block's type.
    """

    activation: Activation
    normalization: str | None
    momentum: float
    epsilon: float
    regularizer: Regularizer
    initializer: Initializer
    drop_block_prob: float
    seed: keras.random.SeedGenerator
    dtype: DType
    pointwise_residual: bool = False

    @property
    def is_relu(self) -> bool:
        """Whether the activation is the plain ReLU, by whichever library's name."""
        module = getattr(self.activation, "__module__", None) or ""
        name = getattr(self.activation, "__name__", "")
        return name == "relu" and module.split(".")[0] in ("keras", "tensorflow")


class SubBlock(Convolution):
    """A convolution followed by normalization, activation and dropout.

    The last sub-block of a residual block also adds its sources, each through a 1x1
    convolution and a normalization of its own, before the activation.

    Args:
      layer: an entry of `convnet_layers`, parsed.
      shared: what the whole encoder has in common.
      keep_prob: probability of keeping an output in training.
      residual_names: the suffix of each source's variables; empty without residual.
      residual_stride: of their convolutions, one number per axis: that of the block.
      reduction: of squeeze and excitation; None: there is none.
      always_drop: in evaluation, pass only the residual (`drop_block_index`).
    """

    def __init__(
        self,
        layer: Params,
        shared: BlockConfig,
        keep_prob: float,
        residual_names: Sequence[str] = (),
        residual_stride: Sequence[int] = (),
        reduction: int | None = None,
        always_drop: bool = False,
        **kwargs: Any,
    ):
        super().__init__(
            layer["type"],
            layer["num_channels"],
            layer["kernel_size"],
            layer["stride"],
            layer["dilation"],
            layer["padding"],
            shared.regularizer,
            shared.initializer,
            dtype=shared.dtype,
            **kwargs,
        )
        self.shared, self.always_drop = shared, always_drop
        self.norm = self._normalization("")
        self.excitation = self._excitation(reduction)
        self.residual_stride = tuple(residual_stride or [1] * len(self.kernel_size))
        self.residual_convolutions = [
            self._residual_convolution(f"res{suffix}") for suffix in residual_names
        ]
        self.residual_norms = [self._normalization("res_", suffix) for suffix in residual_names]
        self.drop_prob = 1.0 - keep_prob

    @property
    def _drops_blocks(self) -> bool:
        return bool(self.residual_convolutions) and self.shared.drop_block_prob > 0

    @property
    def _finishes_in_one(self) -> bool:
        """Whether the normalization does all that follows it in the same pass."""
        plain = self.excitation is None and not self._drops_blocks
        return plain and isinstance(self.norm, BatchNorm) and self.shared.is_relu

    @property
    def passes_residual_only(self) -> bool:
        """Whether the convolution's branch is dropped in evaluation (`drop_block_index`)."""
        return self._drops_blocks and self.always_drop

    def _residual_convolution(self, name: str) -> Convolution:
        is_separable = self.layer_type == "sep_conv1d"
        is_plain = is_separable and self.shared.pointwise_residual
        return Convolution(
            "conv1d" if is_plain else self.layer_type,
            self.channels,
            [1] * len(self.kernel_size),
            initializer=self.shared.initializer,
            name=name,
            dtype=self.shared.dtype,
        )

    def _excitation(self, reduction: int | None) -> SqueezeExcitation | None:
        shared = self.shared
        if reduction is None:
            return None
        return SqueezeExcitation(
            reduction,
            shared.activation,
            shared.regularizer,
            shared.initializer,
            name="se",
            dtype=shared.dtype,
        )

    def _normalization(self, prefix: str, suffix: str = "") -> keras.layers.Layer | None:
        shared = self.shared
        if shared.normalization is None:
            return None
        name = f"{prefix}{NORMALIZATION_NAMES[shared.normalization]}{suffix}"
        return make_normalization(
            shared.normalization,
            name,
            shared.momentum,
            shared.epsilon,
            shared.regularizer,
            shared.dtype,
        )

    def build(
        self,
        input_shape: Sequence[int | None],
        source_shapes: Sequence[Sequence[int | None]] = (),
    ) -> None:
        """Makes all variables, in the order of OpenSeq2Seq's names.

        Args:
          input_shape: [batch, time, ..., channel].
          source_shapes: the same of each residual source.
        """
        super().build(input_shape)
        output_shape = self.compute_output_shape(input_shape)
        if self.norm is not None:
            self.norm.build(output_shape)
        if self.excitation is not None:
            self.excitation.build(output_shape)
        for convolution, norm, shape in zip(
            self.residual_convolutions, self.residual_norms, source_shapes
        ):
            convolution.build(shape)
            if norm is not None:
                norm.build(output_shape)

    def call(
        self,
        inputs: Tensor,
        sources: Sequence[Tensor] = (),
        lengths: Tensor = None,
        training: bool = False,
    ) -> Tensor:
        """The sub-block's output [batch, time', ..., channel], zero past each length.

        Args:
          inputs: [batch, time, ..., channel], zero past each length.
          sources: the residual sources, of the block's input's length.
          lengths: [batch], frames of each utterance in the output; None: all.
          training: batch statistics, dropout and dropped blocks.
        """
        return self._finished(self.convolve(inputs), sources, lengths, training)

    def stream(
        self, inputs: Tensor, sources: Sequence[Tensor], piece: Piece, state: StreamState
    ) -> tuple[Tensor, Piece]:
        """A piece's outputs in evaluation, zero past its lengths, and their piece.

        Args:
          inputs: [batch, time, ..., channel], zero past the piece's lengths.
          sources: the residual sources, for the frames of the outputs.
          piece: that of the inputs.
          state: see `state_spec`.
        """
        convolved = self.convolve_piece(inputs, piece, state)
        piece = piece.through(self.window)
        return self._finished(convolved, sources, piece.lengths, training=False), piece

    def _finished(
        self, convolved: Tensor, sources: Sequence[Tensor], lengths: Tensor, training: bool
    ) -> Tensor:
        """What follows the convolution."""
        residual = None
        if sources:
            sources = [every(one, self.residual_stride, convolved) for one in sources]
            residual = self._residual_sum(sources, lengths, training)
        if self._finishes_in_one and self.norm is not None:
            outputs = self.norm(
                convolved, lengths=lengths, training=training, relu=True, residual=residual
            )
        else:
            outputs = _normalized(convolved, self.norm, lengths, training)
            if self.excitation is not None:
                outputs = self.excitation(outputs, lengths)
            outputs = self._kept(outputs, training)
            outputs = outputs if residual is None else outputs + residual
            outputs = zero_past(self.shared.activation(outputs), lengths)
        if training and self.drop_prob > 0:
            outputs = dropout(outputs, self.drop_prob, self.shared.seed)
        return outputs

    def _residual_sum(self, sources: Sequence[Tensor], lengths: Tensor, training: bool) -> Tensor:
        total = None
        paths = zip(sources, self.residual_convolutions, self.residual_norms)
        for source, convolution, norm in paths:
            convolved = convolution(source)
            if isinstance(norm, BatchNorm):
                total = norm(convolved, training=training, residual=total)
            else:
                path = _normalized(convolved, norm, lengths, training)
                total = path if total is None else total + path
        return total

    def _kept(self, outputs: Tensor, training: bool) -> Tensor:
        """The convolution's branch, or zero when this block is dropped."""
        if not self._drops_blocks:
            return outputs
        if not training:
            return ops.zeros_like(outputs) if self.passes_residual_only else outputs
        draw = keras.random.uniform((), seed=self.shared.seed, dtype="float32")
        keep = draw >= self.shared.drop_block_prob
        return ops.where(keep, outputs, ops.zeros((), outputs.dtype))


def _normalized(
    inputs: Tensor, norm: keras.layers.Layer, lengths: Tensor, training: bool
) -> Tensor:
    return inputs if norm is None else norm(inputs, lengths=lengths, training=training)
