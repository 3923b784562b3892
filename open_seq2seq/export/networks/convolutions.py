"""Convolutions, with what follows them folded in."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from open_seq2seq.export.networks.folding import (
    NOTHING,
    Affine,
    float32,
    value_of,
    without_strided_dilation,
)
from open_seq2seq.export.networks.frames import Frames
from open_seq2seq.graphs.builder import GraphBuilder, Value
from open_seq2seq.layers.convolution import Convolution
from open_seq2seq.layers.row_convolution import RowConvolution
from open_seq2seq.layers.time_window import TimeWindow


def build_convolution(
    g: GraphBuilder, layer: Convolution, frames: Frames, affine: Affine = NOTHING
) -> Frames:
    """A convolution and what follows it.

    Args:
      g: what writes.
      layer: the convolution.
      frames: its input.
      affine: multiplied into its output channels, and added.
    """
    values, zeros = frames.time.seen(g, frames, layer.window, layer.name)
    bias, stride, dilation = float32(affine.shift), layer.stride, layer.dilation
    padding = [zeros]
    if layer.layer_type == "sep_conv1d" and layer.kernel_size == (1,):
        kernel = pointwise_kernel(layer)[None] * affine.scale
    elif layer.layer_type == "sep_conv1d":
        own = value_of(layer.depthwise_kernel)[..., 0]
        values = _depthwise(g, values, own, layer.window, zeros)
        kernel = value_of(layer.pointwise_kernel) * affine.scale
        stride, dilation, padding = (1,), (1,), [(0, 0)]
    else:
        kernel = value_of(layer.kernel) * affine.scale
        if layer.layer_type == "conv2d":
            width = _width_window(layer)
            if frames.axes == 3:  # An image of one column, which one tap of each frame sees.
                kernel = kernel[:, width.widths[0]]
                stride, dilation = stride[:1], dilation[:1]
            else:
                padding = [*padding, width.widths]
    kernel, dilation = without_strided_dilation(kernel, stride, dilation)
    values = g.convolve(values, float32(kernel), bias, stride, dilation, padding)
    return Frames(values, frames.time.through(g, layer.window), frames.axes)


def build_row_convolution(
    g: GraphBuilder, layer: RowConvolution, frames: Frames, affine: Affine
) -> Frames:
    """The convolution of Deep Speech 2's row convolution, and what follows it."""
    kernel = value_of(layer.kernel)[:, 0, :, 0] * affine.scale
    values, zeros = frames.time.seen(g, frames, layer.window, layer.name)
    values = _depthwise(g, values, kernel, layer.window, zeros)
    if affine.shift is not None:
        values = g.add(values, float32(affine.shift))
    return Frames(values, frames.time.through(g, layer.window), frames.axes)


def build_pointwise(
    g: GraphBuilder,
    sources: Sequence[Frames],
    kernels: Sequence[np.ndarray],
    bias: Value = None,
    stride: Sequence[int] | None = None,
) -> Value:
    """The sum of a kernel of one tap over each source, as one over all their channels.

    Args:
      g: what writes.
      sources: of the same frames.
      kernels: of each, `[channel, output]`.
      bias: `[output]`, or None.
      stride: one number per axis; None: 1. Images of one column have time alone.
    """
    axes = sources[0].axes
    values = [source.values for source in sources]
    joined = values[0] if len(values) == 1 else g.concatenate(values, axes - 1)
    kernel = float32(np.concatenate(kernels).reshape((1,) * (axes - 2) + (-1, kernels[0].shape[1])))
    ones, none = (1,) * (axes - 2), [(0, 0)] * (axes - 2)
    steps = tuple(stride or ones)[: axes - 2]
    return g.convolve(joined, kernel, float32(bias), steps, ones, none)


def pointwise_kernel(layer: Convolution) -> np.ndarray:
    """A convolution of one tap as a matrix `[channel, output]`, float64."""
    if layer.layer_type == "sep_conv1d":
        scale = value_of(layer.depthwise_kernel).reshape(-1, 1)
        return scale * value_of(layer.pointwise_kernel)[0]
    kernel = value_of(layer.kernel)
    return kernel.reshape(kernel.shape[-2:])


def without_width(g: GraphBuilder, layer: Convolution, frames: Frames) -> Frames:
    """`[batch, time, width, channel]` as `[batch, time, width * channel]`.

    Args:
      g: what writes.
      layer: the last layer that changed their sizes.
      frames: they; those without a width stay as they are.
    """
    if frames.axes == 3:
        return frames
    sizes = layer.compute_output_shape((None, None, *layer.frame_shape))[2:]
    shape = (-1, g.size(frames.values, 1), math.prod(size for size in sizes if size))
    values = g.reshape(frames.values, shape)
    return Frames(values, frames.time, are_zero_past=frames.are_zero_past)


def _depthwise(
    g: GraphBuilder,
    values: Value,
    kernel: np.ndarray,
    window: TimeWindow,
    zeros: tuple[int, int],
) -> Value:
    stride = window.stride
    kernel, (dilation,) = without_strided_dilation(kernel, (stride,), (window.dilation,))
    return g.convolve_depthwise(values, float32(kernel), stride, dilation, zeros)


def _width_window(layer: Convolution) -> TimeWindow:
    """The other axis of an image, padded as `Convolution` does it."""
    padding = "VALID" if layer.padding == "VALID" else "SAME"
    return TimeWindow(layer.kernel_size[1], layer.stride[1], layer.dilation[1], padding)
