"""The time-delay network behind Jasper, QuartzNet, Citrinet and Wave2Letter+.

Sources: Collobert et al. 2016 (Wave2Letter), Li et al. 2019 (Jasper), Kriman et al. 2019
(QuartzNet), as OpenSeq2Seq combines them; Majumdar et al. 2021 (Citrinet).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from keras import ops

from open_seq2seq.config.schema import Params
from open_seq2seq.encoders.encoder import Encoder, IntermediateOutput, activation_function
from open_seq2seq.encoders.layer_context import LayerContext, of_windows
from open_seq2seq.encoders.tdnn_params import TDNN, windows_of
from open_seq2seq.errors import Problem
from open_seq2seq.layers.conv_block import BlockConfig, SubBlock
from open_seq2seq.layers.streaming import Piece, StateSpec, StreamState, delayed, scoped
from open_seq2seq.layers.time_window import TimeWindow, total_context, with_look_ahead
from open_seq2seq.ops.masks import zero_past
from open_seq2seq.tensors import Initializer, Regularizer, Tensor


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
        params: Params,
        regularizer: Regularizer = None,
        initializer: Initializer = None,
        **kwargs: Any,
    ):
        super().__init__(params, regularizer, initializer, **kwargs)
        self.use_mask: bool = self.params["use_conv_mask"]
        self.blocks = self._make_blocks()
        self.time_stride = math.prod(
            sub_block.stride[0] for block in self.blocks for sub_block in block
        )

    def _make_blocks(self) -> list[list[SubBlock]]:
        config = BlockConfig(
            activation=activation_function(self.params["activation_fn"]),
            normalization=self.params["normalization"],
            momentum=self.params["bn_momentum"],
            epsilon=self.params["bn_epsilon"],
            regularizer=self.regularizer,
            initializer=self.initializer,
            pointwise_residual=self.params["pointwise_residual"],
            drop_block_prob=self.params["drop_block_prob"],
            seed=self.seed,
            dtype=self.dtype_policy,
        )
        windows = self._windows()
        blocks, dense_sources = [], 0
        for index, layer in enumerate(self.params["convnet_layers"]):
            names: Sequence[str] = ()
            if layer["residual_dense"]:
                dense_sources += 1
                names = [f"_{number}" for number in range(dense_sources)]
            elif layer["residual"]:
                names = [""]
            blocks.append(self._make_block(index, layer, windows[index], config, names))
        return blocks

    def _windows(self) -> list[list[TimeWindow]]:
        """The time axes of the convolutions of each block, none looking ahead too far."""
        blocks = windows_of(self.params["convnet_layers"])
        every = iter(
            with_look_ahead([w for block in blocks for w in block], self.params["look_ahead"])
        )
        return [[next(every) for _ in block] for block in blocks]

    def _make_block(
        self,
        index: int,
        layer: Params,
        windows: Sequence[TimeWindow],
        config: BlockConfig,
        names: Sequence[str],
    ) -> list[SubBlock]:
        keep_prob = layer["dropout_keep_prob"]
        if keep_prob is None:
            keep_prob = self.params["dropout_keep_prob"]
        first_stride = [1] * len(layer["stride"]) if layer["stride_last"] else layer["stride"]
        block_stride = [
            first ** (layer["repeat"] - 1) * last
            for first, last in zip(first_stride, layer["stride"])
        ]
        epsilon = config.epsilon if layer["bn_epsilon"] is None else layer["bn_epsilon"]
        config = dataclasses.replace(config, epsilon=epsilon)
        return [
            SubBlock(
                {
                    **layer,
                    "padding": window.padding,
                    "stride": layer["stride"] if number == layer["repeat"] else first_stride,
                },
                config,
                keep_prob,
                residual_names=names if number == layer["repeat"] else (),
                residual_stride=block_stride,
                reduction=layer["squeeze_excitation"] if number == layer["repeat"] else None,
                always_drop=index == self.params["drop_block_index"],
                name=sub_block_name(index + 1, number),
            )
            for number, window in enumerate(windows, start=1)
        ]

    def build(self, features_shape: Sequence[int | None], lengths_shape: object = None) -> None:
        """Makes the variables for features [batch, time, feature] (or [..., width, feature])."""
        shape = tuple(features_shape)
        dense_shapes: list[tuple[int | None, ...]] = []
        for layer, block in zip(self.params["convnet_layers"], self.blocks):
            sources = self.sources(layer, shape, dense_shapes)
            for sub_block in block:
                sub_block.build(shape, sources)
                shape = sub_block.compute_output_shape(shape)
        self.built = True

    @classmethod
    def num_intermediate(cls, params: Params) -> int:
        """The blocks of `convnet_layers` but the last, whose output is the encoder's."""
        return max(len(params["convnet_layers"]) - 1, 0)

    @classmethod
    def conditioning_problem(cls, params: Params) -> str | None:
        """See `Encoder.conditioning_problem`."""
        if any(layer.get("type") == "conv2d" for layer in params["convnet_layers"]):
            return "its blocks have frequencies beside channels (conv2d)"
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
        dense_sources: list[Tensor] = []
        inner: dict[int, IntermediateOutput] = {}
        inside = self.num_intermediate(self.params) if intermediate else 0
        layers = zip(self.params["convnet_layers"], self.blocks)
        for number, (layer, block) in enumerate(layers, start=1):
            sources = self.sources(layer, outputs, dense_sources)
            for sub_block in block:
                lengths = sub_block.output_length(lengths)
                outputs = sub_block(
                    outputs,
                    sources if sub_block is block[-1] else [],
                    lengths=lengths if self.use_mask else None,
                    training=training,
                )
            if number <= inside:
                inner[number] = IntermediateOutput(_without_width(outputs), lengths)
            if number < len(self.blocks):
                kept = lengths if self.use_mask else None
                outputs = self._conditioned(number, outputs, kept)
        outputs = _without_width(outputs)
        return (outputs, lengths, inner) if intermediate else (outputs, lengths)

    def sources(
        self, layer: Params, block_input: Tensor, dense_sources: list[Tensor]
    ) -> list[Tensor]:
        """A block's residual sources: none, its input, or those of all dense blocks so far.

        Args:
          layer: the block's entry of `convnet_layers`.
          block_input: its input.
          dense_sources: those of the dense blocks below it, to which this one's are added.
        """
        if layer["residual_dense"]:
            dense_sources.append(block_input)
            return list(dense_sources)
        return [block_input] if layer["residual"] else []

    def output_length(self, frames: Tensor) -> Tensor:
        """Output frames for so many feature frames: an int, an integer array or a tensor."""
        for block in self.blocks:
            for sub_block in block:
                frames = sub_block.output_length(frames)
        return frames

    @property
    def context(self) -> tuple[float, float]:
        """See `Encoder.context`."""
        if self.streaming_problems():
            return math.inf, math.inf
        return total_context([sub_block.window for block in self.blocks for sub_block in block])

    def layer_contexts(self) -> list[LayerContext]:
        """See `Encoder.layer_contexts`: the blocks."""
        problem = next(iter(self.streaming_problems()), None)
        contexts = []
        for number, (layer, block) in enumerate(zip(self.params["convnet_layers"], self.blocks)):
            windows = [sub_block.window for sub_block in block]
            times = f"{len(block)} times " if len(block) > 1 else ""
            name = f"convnet_layers[{number}]: {times}{layer['type']}, {windows[0].described}"
            contexts.append(of_windows(name, windows, problem))
        return contexts

    def streaming_problems(self) -> list[Problem]:
        """See `Encoder.streaming_problems`."""
        problems = self._conditioning_problems()
        for number, (layer, block) in enumerate(zip(self.params["convnet_layers"], self.blocks)):
            where = f"encoder_params/convnet_layers[{number}]"
            if layer["squeeze_excitation"] is not None:
                found = f"{layer['squeeze_excitation']}: a mean over the whole utterance"
                remedy = "Set squeeze_excitation to None and train again."
                problems.append(Problem(f"{where}/squeeze_excitation", found, "None", remedy))
            strides = any(step != 1 for sub_block in block for step in sub_block.stride)
            if layer["residual"] and strides:
                found, remedy = f"{layer['stride']!r} in a residual block", "Set residual to False."
                problems.append(Problem(f"{where}/stride", found, "1", remedy))
        normalization = self.params["normalization"]
        if normalization not in ("layer_norm", "instance_norm"):
            return problems
        return [
            *problems,
            Problem(
                "encoder_params/normalization",
                f"{normalization!r}, which needs the whole utterance",
                "'batch_norm' or None",
                "Set normalization to 'batch_norm' and train again.",
            ),
        ]

    def _state_spec(self) -> StateSpec:
        spec: StateSpec = {}
        pending: list[SubBlock] = []  # The first of the blocks whose inputs are still needed.
        for number, (layer, block) in enumerate(
            zip(self.params["convnet_layers"], self.blocks), start=1
        ):
            for sub_block in block:
                spec |= scoped(sub_block.name, sub_block.state_spec())
            delay = _delay(block)
            kept = self._kept(number - 1, layer, block[0], pending)
            for index, first in enumerate(kept if delay else ()):
                shape = (delay, *first.frame_shape)
                spec[f"block{number}/source{index}"] = (shape, first.compute_dtype)
        return spec

    def _stream(self, features: Tensor, piece: Piece, state: StreamState) -> tuple[Tensor, Piece]:
        outputs = features
        pending: list[Any] = []
        for number, (layer, block) in enumerate(
            zip(self.params["convnet_layers"], self.blocks), start=1
        ):
            end = piece
            for sub_block in block:
                end = end.through(sub_block.window)
            # The block's convolutions are behind their input by what they look ahead, so what
            # is added to them has to wait.
            kept = self._kept(number - 1, layer, outputs, pending)
            scope, delay = state.scope(f"block{number}"), _delay(block)
            kept = [
                delayed(source, piece, end, delay, scope, f"source{index}")
                for index, source in enumerate(kept)
            ]
            if pending:
                pending[:] = kept[: len(pending)]
            sources = kept if layer["residual_dense"] else kept[len(kept) - 1 :]
            for sub_block in block:
                added = sources if sub_block is block[-1] and layer["residual"] else []
                outputs, piece = sub_block.stream(
                    outputs, added, piece, state.scope(sub_block.name)
                )
        return _without_width(outputs), piece

    def _kept(
        self, index: int, layer: Params, block_input: Tensor, pending: list[Tensor]
    ) -> list[Tensor]:
        """What has to wait for a block's end: the sources of dense blocks up to the last one,
        then its own input where it is a residual block that is not dense.

        Args:
          index: the block's, from 0.
          layer: its parameters.
          block_input: its input.
          pending: the sources of the dense blocks before it; goes on with those of this one.
        """
        dense = [
            n for n, other in enumerate(self.params["convnet_layers"]) if other["residual_dense"]
        ]
        if layer["residual_dense"]:
            pending.append(block_input)
        kept = list(pending)
        if layer["residual"] and not layer["residual_dense"]:
            kept.append(block_input)
        if not dense or index >= dense[-1]:
            pending.clear()
        return kept


def _delay(block: Sequence[SubBlock]) -> int:
    """Frames by which a block that keeps the length is behind its input."""
    return total_context([sub_block.window for sub_block in block])[1]


def _without_width(outputs: Tensor) -> Tensor:
    """[batch, time, channel], of [batch, time, width, channel] too."""
    if len(outputs.shape) == 3:
        return outputs
    shape = ops.shape(outputs)
    return ops.reshape(outputs, (-1, shape[1], shape[2] * outputs.shape[3]))


def sub_block_name(block: int, number: int) -> str:
    """OpenSeq2Seq's conv<b><r>; from the tenth on with a dash, so that no two meet."""
    return f"conv{block}{number}" if number < 10 else f"conv{block}_{number}"
