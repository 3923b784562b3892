"""The convolutions of the TDNN: plain, separable, over images, and causal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from open_seq2seq.config.schema import Params
from open_seq2seq.layers.streaming import Piece, StateSpec, StreamState, kept_frames, windowed
from open_seq2seq.layers.time_window import TimeWindow
from open_seq2seq.ops.convolution import convolve, depthwise_convolve
from open_seq2seq.ops.initializers import fresh_initializer
from open_seq2seq.ops.padding import Padding
from open_seq2seq.tensors import Initializer, KerasConfig, Regularizer, Tensor, Variable


class Convolution(keras.layers.Layer):
    """A convolution over time, without bias.

    Inputs are [batch, time, channel]; of type `conv2d` also [batch, time, width, channel].
    SAME pads as TensorFlow does when the length is a multiple of the stride, whatever the
    length is: what an utterance gives doesn't depend on the padding after it.

    Args:
      layer_type: conv1d, sep_conv1d, conv2d, or tcn: a conv1d that is always causal.
      channels: output channels.
      kernel_size, stride, dilation: one number per axis.
      padding: SAME, VALID, CAUSAL or [left, right]; the last two are of the time axis, and
        the width is padded as with SAME.
      regularizer, initializer: of the kernels; Keras objects, names or None.
    """

    def __init__(
        self,
        layer_type: str,
        channels: int,
        kernel_size: Sequence[int],
        stride: Sequence[int] | None = None,
        dilation: Sequence[int] | None = None,
        padding: Padding = "SAME",
        regularizer: Regularizer = None,
        initializer: Initializer = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        axes = len(kernel_size)
        self.layer_type, self.channels = layer_type, channels
        causal = layer_type == "tcn" and padding == "SAME"
        self.padding: Padding = "CAUSAL" if causal else padding
        self.kernel_size = tuple(kernel_size)
        self.stride = tuple(stride or (1,) * axes)
        self.dilation = tuple(dilation or (1,) * axes)
        self.window = TimeWindow(
            self.kernel_size[0], self.stride[0], self.dilation[0], self.padding
        )
        self.regularizer = keras.regularizers.get(regularizer)
        self.initializer = keras.initializers.get(initializer or "glorot_uniform")

    def build(self, input_shape: Sequence[int | None]) -> None:
        inputs = input_shape[-1]
        self.frame_shape = tuple(input_shape[2:])
        if self.layer_type != "conv2d" and len(input_shape) != 3:
            raise ValueError(
                f"{self.layer_type} takes [batch, time, channel]. Received: shape={input_shape}"
            )
        if self.layer_type == "sep_conv1d":
            # The depthwise kernels round it themselves and give its gradient in float32.
            shape = (*self.kernel_size, inputs, 1)
            self.depthwise_kernel = self._kernel("depthwise_kernel", shape, autocast=False)
            self.pointwise_kernel = self._kernel("pointwise_kernel", (1, inputs, self.channels))
        else:
            self.kernel = self._kernel("kernel", (*self.kernel_size, inputs, self.channels))

    def _kernel(self, name: str, shape: tuple[int | None, ...], autocast: bool = True) -> Variable:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=fresh_initializer(self.initializer),
            regularizer=self.regularizer,
            autocast=autocast,
        )

    def call(self, inputs: Tensor) -> Tensor:
        return self.convolve(inputs)

    def convolve(self, inputs: Tensor, padding: Padding | None = None) -> Tensor:
        """The convolution of `inputs`, in their dtype; with another padding, if one is given."""
        padding = self.padding if padding is None else padding
        if self.layer_type == "conv2d":
            return self._convolve_image(inputs, padding)
        stride, dilation = self.stride[0], self.dilation[0]
        if self.layer_type != "sep_conv1d":
            return convolve(inputs, self.kernel, (stride,), (dilation,), padding)
        filtered = depthwise_convolve(inputs, self.depthwise_kernel, stride, dilation, padding)
        return convolve(filtered, self.pointwise_kernel, (1,), (1,), "SAME")

    def _convolve_image(self, inputs: Tensor, padding: Padding) -> Tensor:
        if len(inputs.shape) == 4:
            return convolve(inputs, self.kernel, self.stride, self.dilation, padding)
        image = ops.expand_dims(inputs, 2)
        image = convolve(image, self.kernel, self.stride, self.dilation, padding)
        return ops.squeeze(image, 2)

    def convolve_piece(self, inputs: Tensor, piece: Piece, state: StreamState) -> Tensor:
        """The convolution of a piece [batch, time, ...], zero past its lengths.

        Returns:
          [batch, time', ...]: the outputs of `piece.through(self.window)`.
        """
        seen = windowed(self.window, inputs, piece, state, "inputs")
        return self.convolve(seen, "VALID" if self.padding == "VALID" else (0, 0))

    def state_spec(self) -> StateSpec:
        """What a stream keeps of the inputs."""
        return kept_frames("inputs", self.window.span, self.frame_shape, self.compute_dtype)

    def output_length(self, frames: Tensor) -> Tensor:
        """Frames after the convolution, for an int, an array or a tensor of them."""
        return self.window.output_length(frames)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        others = "VALID" if self.padding == "VALID" else "SAME"
        shape: list[int | None] = list(input_shape)
        for axis in range(len(shape) - 2):
            size = shape[axis + 1]
            if size is not None:
                padding = others if axis else self.padding
                sizes = (self.kernel_size[axis], self.stride[axis], self.dilation[axis])
                shape[axis + 1] = TimeWindow(*sizes, padding).output_length(size)
        return (*shape[:-1], self.channels)

    def get_config(self) -> KerasConfig:
        own: Params = {
            "layer_type": self.layer_type,
            "channels": self.channels,
            "kernel_size": list(self.kernel_size),
            "stride": list(self.stride),
            "dilation": list(self.dilation),
            "padding": self.padding if isinstance(self.padding, str) else list(self.padding),
            "regularizer": keras.regularizers.serialize(self.regularizer),
            "initializer": keras.initializers.serialize(self.initializer),
        }
        return {**super().get_config(), **own}
