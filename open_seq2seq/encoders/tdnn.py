"""The time-delay network behind Jasper, QuartzNet and Wave2Letter+.

Sources: Collobert et al. 2016 (Wave2Letter), Li et al. 2019 (Jasper), Kriman et al. 2019
(QuartzNet), as OpenSeq2Seq combines them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from open_seq2seq.encoders.encoder import Encoder, IntermediateOutput, activation_function
from open_seq2seq.encoders.tdnn_params import TDNN
from open_seq2seq.layers.conv_block import Repetition, Surroundings
from open_seq2seq.ops.masks import zero_past


class TDNNEncoder(Encoder):
    """Blocks of convolutions over time, with optional residual connections.

    Args:
      params: see `PARAMS`.
      regularizer: of the kernels and of normalizations' gammas; residual convolutions
        are not regularized.
      initializer: of the kernels; None is Glorot uniform.
    """

    PARAMS = TDNN

    def __init__(
        self,
        params: Mapping[str, Any],
        regularizer: Any = None,
        initializer: Any = None,
        **kwargs: Any,
    ):
        super().__init__(params, regularizer, initializer, **kwargs)
        self.use_mask: bool = self.params["use_conv_mask"]
        self.blocks = self._make_blocks()
        self.time_stride = math.prod(
            repetition.stride[0] for block in self.blocks for repetition in block
        )

    def _make_blocks(self) -> list[list[Repetition]]:
        shared = Surroundings(
            activation=activation_function(self.params["activation_fn"]),
            normalization=self.params["normalization"],
            momentum=self.params["bn_momentum"],
            epsilon=self.params["bn_epsilon"],
            regularizer=self.regularizer,
            initializer=self.initializer,
            drop_block_prob=self.params["drop_block_prob"],
            seed=self.seed,
            dtype=self.dtype_policy,
        )
        blocks, dense_sources = [], 0
        for index, layer in enumerate(self.params["convnet_layers"]):
            names: Sequence[str] = ()
            if layer["residual_dense"]:
                dense_sources += 1
                names = [f"_{number}" for number in range(dense_sources)]
            elif layer["residual"]:
                names = [""]
            blocks.append(self._make_block(index, layer, shared, names))
        return blocks

    def _make_block(
        self, index: int, layer: Mapping[str, Any], shared: Surroundings, names: Sequence[str]
    ) -> list[Repetition]:
        keep_prob = layer["dropout_keep_prob"]
        if keep_prob is None:
            keep_prob = self.params["dropout_keep_prob"]
        return [
            Repetition(
                layer,
                shared,
                keep_prob,
                residual_names=names if number == layer["repeat"] else (),
                always_drop=index == self.params["drop_block_index"],
                name=_repetition_name(index + 1, number),
            )
            for number in range(1, layer["repeat"] + 1)
        ]

    def build(self, features_shape: Sequence[int | None], lengths_shape: Any = None) -> None:
        """Makes the variables for features [batch, time, feature] (or [..., width, feature])."""
        shape = tuple(features_shape)
        dense_shapes: list[tuple[int | None, ...]] = []
        for layer, block in zip(self.params["convnet_layers"], self.blocks):
            sources = self._sources(layer, shape, dense_shapes)
            for repetition in block:
                repetition.build(shape, sources)
                shape = repetition.compute_output_shape(shape)
        self.built = True

    @classmethod
    def num_intermediate(cls, params: Mapping[str, Any]) -> int:
        """The blocks of `convnet_layers` but the last, whose output is the encoder's."""
        return max(len(params["convnet_layers"]) - 1, 0)

    def call(
        self,
        features: Any,
        lengths: Any,
        training: bool = False,
        intermediate: bool = False,
    ) -> tuple[Any, ...]:
        """Encodes a batch.

        Args:
          features: [batch, time, feature]; networks of conv2d layers also take
            [batch, time, width, feature].
          lengths: [batch], frames of each utterance.
          training: batch statistics and dropout.
          intermediate: whether the outputs of the blocks inside are wanted too.

        Returns:
          outputs: [batch, time', channel] in the compute dtype (width and channel joined).
            Zero past each utterance's length, unless `use_conv_mask` is off.
          lengths: [batch] int32, frames of each utterance in `outputs`.
          with `intermediate` also a dictionary of `IntermediateOutput`s by block, from 1.
        """
        lengths = ops.cast(lengths, "int32")
        outputs = zero_past(features, lengths if self.use_mask else None)
        dense_sources: list[Any] = []
        inner: dict[int, IntermediateOutput] = {}
        inside = self.num_intermediate(self.params) if intermediate else 0
        layers = zip(self.params["convnet_layers"], self.blocks)
        for number, (layer, block) in enumerate(layers, start=1):
            sources = self._sources(layer, outputs, dense_sources)
            for repetition in block:
                lengths = repetition.output_length(lengths)
                outputs = repetition(
                    outputs,
                    sources if repetition is block[-1] else [],
                    lengths=lengths if self.use_mask else None,
                    training=training,
                )
            if number <= inside:
                inner[number] = IntermediateOutput(_without_width(outputs), lengths)
        outputs = _without_width(outputs)
        return (outputs, lengths, inner) if intermediate else (outputs, lengths)

    def _sources(
        self, layer: Mapping[str, Any], block_input: Any, dense_sources: list[Any]
    ) -> list[Any]:
        """A block's residual sources: none, its input, or those of all dense blocks so far."""
        if layer["residual_dense"]:
            dense_sources.append(block_input)
            return list(dense_sources)
        return [block_input] if layer["residual"] else []

    def output_length(self, frames: Any) -> Any:
        """Output frames for so many feature frames: an int, an integer array or a tensor."""
        for block in self.blocks:
            for repetition in block:
                frames = repetition.output_length(frames)
        return frames


def _without_width(outputs: Any) -> Any:
    """[batch, time, channel] of that, or of [batch, time, width, channel]."""
    if len(outputs.shape) < 4:
        return outputs
    shape = ops.shape(outputs)
    return ops.reshape(outputs, (-1, shape[1], shape[2] * outputs.shape[3]))


def _repetition_name(block: int, number: int) -> str:
    """OpenSeq2Seq's conv<b><r>; from the tenth repetition on with a dash, so that no two meet."""
    return f"conv{block}{number}" if number < 10 else f"conv{block}_{number}"
