"""Strided convolutions over time and frequency, by which an encoder's frames become fewer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from open_seq2seq.layers.dense import FrameDense
from open_seq2seq.layers.streaming import (
    Piece,
    StateSpec,
    StreamState,
    kept_frames,
    scoped,
    windowed,
)
from open_seq2seq.layers.time_window import TimeWindow
from open_seq2seq.ops.image_convolution import convolve_image, depthwise_convolve_image
from open_seq2seq.ops.initializers import fresh_initializer
from open_seq2seq.ops.masks import zero_past
from open_seq2seq.tensors import Initializer, Regularizer, Tensor

_TAPS = 3
_CENTRED, _CAUSAL = (1, 1), (2, 1)


def stage_window(causal: bool) -> TimeWindow:
    """The time axis of a stage; the frequency axis is padded in the same way.

    A causal one still has a zero behind an utterance's end: n frames become n // 2 + 1.
    """
    return TimeWindow(_TAPS, 2, padding=_CAUSAL if causal else _CENTRED)


def subsampling_windows(factor: int, causal: bool) -> list[TimeWindow]:
    """The time axes of all stages of a subsampling.

    Args:
      factor: frames of the input for one of the output, a power of two.
      causal: see `stage_window`.
    """
    return [stage_window(causal)] * int(math.log2(factor))


class SubsamplingStage(keras.layers.Layer):
    """A 3x3 convolution of stride 2x2 with bias, and ReLU.

    Args:
      channels: of the output.
      is_separable: whether it is a depthwise convolution and a pointwise one, with nothing
        between them but the first one's bias.
      causal: see `stage_window`.
      regularizer, initializer: of the kernels.
    """

    def __init__(
        self,
        channels: int,
        is_separable: bool,
        causal: bool,
        regularizer: Regularizer = None,
        initializer: Initializer = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.channels, self.is_separable = channels, is_separable
        self.window = stage_window(causal)
        self.regularizer = regularizer
        self.initializer = initializer or "glorot_uniform"

    def build(self, inputs_shape: Sequence[int | None]) -> None:
        """Makes the variables for images [batch, time, frequency, channel]."""
        self.frame_shape = tuple(inputs_shape[2:])
        inputs = inputs_shape[-1]
        if self.is_separable:
            self.depthwise_kernel = self._kernel("depthwise_kernel", (_TAPS, _TAPS, inputs, 1))
            self.depthwise_bias = self._bias("depthwise_bias", inputs)
            self.pointwise_kernel = self._kernel("pointwise_kernel", (1, 1, inputs, self.channels))
        else:
            self.kernel = self._kernel("kernel", (_TAPS, _TAPS, inputs, self.channels))
        self.bias = self._bias("bias", self.channels)
        self.built = True

    def _kernel(self, name: str, shape: tuple[int | None, ...]) -> Any:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=fresh_initializer(self.initializer),
            regularizer=self.regularizer,
        )

    def _bias(self, name: str, channels: int | None) -> Any:
        return self.add_weight(name=name, shape=(channels,), initializer="zeros")

    def output_width(self, width: int) -> int:
        """Frequencies of the output."""
        return int(self.window.output_length(width))

    def call(self, images: Tensor, lengths: Tensor | None = None) -> Tensor:
        """[batch, time, frequency, channel] -> the same, zero past each length.

        Args:
          images: zero past each length.
          lengths: [batch], those of the output; None: all frames count.
        """
        return self._convolved(images, self.window.widths, lengths)

    def stream(self, images: Tensor, piece: Piece, state: StreamState) -> tuple[Tensor, Piece]:
        """A piece's outputs, zero past its lengths, and their piece; see `Encoder.stream`."""
        seen = windowed(self.window, images, piece, state, "inputs")
        end = piece.through(self.window)
        return self._convolved(seen, (0, 0), end.lengths), end

    def state_spec(self) -> StateSpec:
        """What a stream keeps of the inputs."""
        return kept_frames("inputs", self.window.span, self.frame_shape, self.compute_dtype)

    def _convolved(
        self, images: Tensor, time_padding: tuple[int, int], lengths: Tensor | None
    ) -> Tensor:
        padding = (time_padding, self.window.widths)
        if self.is_separable:
            images = depthwise_convolve_image(images, self.depthwise_kernel, (2, 2), padding)
            images = images + self.depthwise_bias
            kernel, strides, padding = self.pointwise_kernel, (1, 1), ((0, 0), (0, 0))
        else:
            kernel, strides = self.kernel, (2, 2)
        images = convolve_image(images, kernel, strides, padding) + self.bias
        return zero_past(ops.relu(images), lengths)


class Subsampling(keras.layers.Layer):
    """Stages of stride 2, and a dense layer over frequencies and channels.

    Args:
      width: channels of the output.
      factor: by which frames become fewer, a power of 2; 1: the dense layer alone.
      channels: of the stages.
      is_separable: whether the stages after the first are depthwise separable.
      causal: see `stage_window`.
      masks: whether what is past a length is zero before every convolution.
      regularizer, initializer: of the kernels.
    """

    def __init__(
        self,
        width: int,
        factor: int,
        channels: int,
        is_separable: bool,
        causal: bool,
        masks: bool = True,
        regularizer: Regularizer = None,
        initializer: Initializer = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.masks = masks
        own = {"dtype": self.dtype_policy}
        self.stages = [
            SubsamplingStage(
                channels,
                is_separable and number > 0,
                causal,
                regularizer,
                initializer,
                name=f"conv{number + 1}",
                **own,
            )
            for number in range(int(math.log2(factor)))
        ]
        self.dense = FrameDense(
            width,
            kernel_initializer=fresh_initializer(initializer or "glorot_uniform"),
            kernel_regularizer=regularizer,
            name="dense",
            **own,
        )

    @property
    def windows(self) -> list[TimeWindow]:
        """The time axes of the stages."""
        return [stage.window for stage in self.stages]

    def build(self, features_shape: Sequence[int | None]) -> None:
        """Makes the variables for features [batch, time, feature]."""
        width = features_shape[-1]
        assert width is not None
        channels = 1
        for stage in self.stages:
            stage.build((None, None, width, channels))
            width, channels = stage.output_width(width), stage.channels
        self.dense.build((None, None, width * channels))
        self.built = True

    def call(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Subsamples a batch.

        Args:
          features: [batch, time, feature], zero past each length.
          lengths: [batch] int32.

        Returns:
          [batch, time', width], of which what is past a length is of no use, and the lengths.
        """
        images = ops.expand_dims(features, -1)
        for stage in self.stages:
            lengths = stage.window.output_length(lengths)
            images = stage(images, lengths if self.masks else None)
        return self.dense(_without_frequency(images)), lengths

    def stream(self, features: Tensor, piece: Piece, state: StreamState) -> tuple[Tensor, Piece]:
        """A piece's outputs, and their piece; see `Encoder.stream`."""
        images = ops.expand_dims(features, -1)
        for stage in self.stages:
            images, piece = stage.stream(images, piece, state.scope(stage.name))
        return self.dense(_without_frequency(images)), piece

    def state_spec(self) -> StateSpec:
        """What a stream keeps."""
        spec: StateSpec = {}
        for stage in self.stages:
            spec |= scoped(stage.name, stage.state_spec())
        return spec


def _without_frequency(images: Tensor) -> Tensor:
    """[batch, time, frequency, channel] -> [batch, time, frequency * channel]."""
    width = images.shape[2] * images.shape[3]
    return ops.reshape(images, (-1, ops.shape(images)[1], width))
