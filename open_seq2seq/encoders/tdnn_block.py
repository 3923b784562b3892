"""One repetition of a TDNN block: convolution, normalization, residual, activation, dropout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from open_seq2seq.encoders.convolution import Convolution
from open_seq2seq.encoders.normalization import NORMALIZATION_NAMES, make_normalization


@dataclass(frozen=True)
class Surroundings:
    """What all repetitions of an encoder share.

    Args:
      activation: applied after the normalization.
      normalization: batch_norm, layer_norm, instance_norm or None.
      momentum, epsilon: of batch_norm.
      regularizer: of kernels and gammas; residual convolutions have none.
      initializer: of kernels.
      drop_block_prob: probability that a residual block passes only its residual.
      seed: where dropout and dropped blocks draw from.
      dtype: the dtype policy.
    """

    activation: Callable[[Any], Any]
    normalization: str | None
    momentum: float
    epsilon: float
    regularizer: Any
    initializer: Any
    drop_block_prob: float
    seed: keras.random.SeedGenerator
    dtype: Any


class Repetition(Convolution):
    """A convolution followed by normalization, activation and dropout.

    The last repetition of a residual block also adds its sources, each through a 1x1
    convolution and a normalization of its own, before the activation.

    Args:
      layer: an entry of `convnet_layers`, parsed.
      shared: what the whole encoder has in common.
      keep_prob: probability of keeping an output in training.
      residual_names: the suffix of each source's variables; empty without residual.
      always_drop: in evaluation, pass only the residual (`drop_block_index`).
    """

    def __init__(
        self,
        layer: Mapping[str, Any],
        shared: Surroundings,
        keep_prob: float,
        residual_names: Sequence[str] = (),
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
        self.residual_convolutions = [
            self._residual_convolution(f"res{suffix}") for suffix in residual_names
        ]
        self.residual_norms = [self._normalization("res_", suffix) for suffix in residual_names]
        self.drop_prob = 1.0 - keep_prob

    @property
    def _drops_blocks(self) -> bool:
        return bool(self.residual_convolutions) and self.shared.drop_block_prob > 0

    def _residual_convolution(self, name: str) -> Convolution:
        return Convolution(
            self.layer_type,
            self.channels,
            [1] * len(self.kernel_size),
            initializer=self.shared.initializer,
            name=name,
            dtype=self.shared.dtype,
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
        for convolution, norm, shape in zip(
            self.residual_convolutions, self.residual_norms, source_shapes
        ):
            convolution.build(shape)
            if norm is not None:
                norm.build(output_shape)

    def call(
        self,
        inputs: Any,
        sources: Sequence[Any] = (),
        within: Any = None,
        training: bool = False,
    ) -> Any:
        """The repetition's output [batch, time', ..., channel].

        Args:
          inputs: [batch, time, ..., channel], zero past each length.
          sources: the residual sources, of the output's length.
          within: [batch, time', 1, ...] bool, False where an output frame lies past its
            utterance's length; None: all count.
          training: batch statistics, dropout and dropped blocks.
        """
        outputs = _normalized(self.convolve(inputs), self.norm, within, training)
        if sources:
            outputs = self._residual_sum(sources, within, training) + self._kept(outputs, training)
        outputs = self.shared.activation(outputs)
        if training and self.drop_prob > 0:
            outputs = keras.random.dropout(outputs, self.drop_prob, seed=self.shared.seed)
        return outputs

    def _residual_sum(self, sources: Sequence[Any], within: Any, training: bool) -> Any:
        paths = zip(sources, self.residual_convolutions, self.residual_norms)
        return sum(
            _normalized(convolution(source), norm, within, training)
            for source, convolution, norm in paths
        )

    def _kept(self, outputs: Any, training: bool) -> Any:
        """The convolution's branch, or zero when this block is dropped."""
        if not self._drops_blocks:
            return outputs
        if not training:
            return ops.zeros_like(outputs) if self.always_drop else outputs
        draw = keras.random.uniform((), seed=self.shared.seed, dtype="float32")
        keep = draw >= self.shared.drop_block_prob
        return ops.where(keep, outputs, ops.zeros((), outputs.dtype))


def _normalized(inputs: Any, norm: Any, within: Any, training: bool) -> Any:
    return inputs if norm is None else norm(inputs, within=within, training=training)
