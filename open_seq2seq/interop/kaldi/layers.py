"""The layers that Kaldi's acoustic models are made of, be they nnet1, nnet2 or nnet3.

A layer is its numbers: frozen, without behaviour. `numpy_layers` and `graph_layers` compute them.
Everything is of rows `[time, feature]`; a weight is `[out, in]` as Kaldi stores it. Formulas are
those of Kaldi's src/nnet, src/nnet2 and src/nnet3 (Apache-2.0).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

# --- products


@dataclass(frozen=True)
class Affine:
    """`y = weight x + bias`; `weight` `[out, in]`, `bias` `[out]` or None."""

    weight: np.ndarray
    bias: np.ndarray | None = None


@dataclass(frozen=True)
class BlockAffine:
    """Equal blocks of the input, each by its own rows: `weight` `[out, in / blocks]`."""

    weight: np.ndarray
    bias: np.ndarray
    blocks: int


@dataclass(frozen=True)
class RepeatedAffine:
    """Every `in` features of the input by the same `weight` `[out, in]`, side by side."""

    weight: np.ndarray
    bias: np.ndarray
    repeats: int


@dataclass(frozen=True)
class Diagonal:
    """`y = scale x + offset`, feature by feature; `[n]` each, or None for 1 and 0.

    Rescale, AddShift, FixedScale, FixedBias, PerElement..., ScaleAndOffset, BatchNorm, priors.
    """

    scale: np.ndarray | None = None
    offset: np.ndarray | None = None


@dataclass(frozen=True)
class RepeatedDiagonal:
    """The same `scale` and `offset` for every `n` features (BatchNorm and others with blocks)."""

    scale: np.ndarray | None = None
    offset: np.ndarray | None = None


@dataclass(frozen=True)
class Dct:
    """Every `dct_dim` features by the first `kept` rows of the orthonormal cosine transform.

    `reorder`: the input is `[dct_dim, blocks]` of features instead of `[blocks, dct_dim]`, and the
    output likewise.
    """

    dim: int
    dct_dim: int
    kept: int
    reorder: bool


# --- over time


@dataclass(frozen=True)
class Splice:
    """Frames `t + offsets[0]`, `t + offsets[1]`, ... side by side.

    Args:
      offsets: of frames.
      clamp: beyond the ends the first and last frame stand in (nnet1); otherwise what is beyond is
        not computed: the input is padded as a whole, see `Network.left_context`.
      constant_dim: so many last features are of frame t only, at the end of the output (nnet2).
      take_max: the maximum over the frames instead of all of them (SpliceMax).
    """

    offsets: tuple[int, ...]
    clamp: bool = False
    constant_dim: int = 0
    take_max: bool = False


@dataclass(frozen=True)
class Tdnn:
    """A splice and an affine layer in one: `y(t) = weight [x(t + o) for o in offsets] + bias`."""

    offsets: tuple[int, ...]
    weight: np.ndarray
    bias: np.ndarray | None = None


@dataclass(frozen=True)
class Lstm:
    """An LSTM with peepholes and projection (nnet1's LstmProjected).

    With gates in the order g, i, f, o, `a = weight x + recurrent r(t-1) + bias`:
    `i = sigmoid(a_i + peephole_i c(t-1))`, f likewise, `c = clip(tanh(a_g) i + c(t-1) f)`,
    `o = sigmoid(a_o + peephole_o c)`, `r = projection (o tanh(c))`, which is the output.

    Args:
      weight: `[4 * cell, in]`.
      recurrent: `[4 * cell, out]`.
      bias: `[4 * cell]`.
      peephole_i, peephole_f, peephole_o: `[cell]`.
      projection: `[out, cell]`.
      cell_clip: c stays within plus and minus this; 0: it is not clipped.
      backward: from the last frame to the first.
    """

    weight: np.ndarray
    recurrent: np.ndarray
    bias: np.ndarray
    peephole_i: np.ndarray
    peephole_f: np.ndarray
    peephole_o: np.ndarray
    projection: np.ndarray
    cell_clip: float = 50.0
    backward: bool = False


@dataclass(frozen=True)
class Convolution:
    """nnet1's and nnet2's convolution along the features of spliced frames.

    `splices = in / patch_stride`; patch p of splice s begins at `s * patch_stride + p * patch_step`
    (`appended`: its element d is at `(p * patch_step + d) * splices + s`). Output at
    `p * filters + f`.

    Args:
      filters: `[filter, splices * patch_dim]`.
      bias: `[filter]`.
    """

    filters: np.ndarray
    bias: np.ndarray
    patch_dim: int
    patch_step: int
    patch_stride: int
    appended: bool = False


@dataclass(frozen=True)
class Convolution3d:
    """nnet3's ConvolutionComponent: filters over x and y of features laid out `[x, y, z]`.

    Args:
      filters: `[filter, filter_x * filter_y * z]`, in this order.
      bias: `[filter]`.
      shape: of the input, (x, y, z); `zyx`: z runs fastest, else y does ("yzx").
      filter_shape, step: (x, y).
    """

    filters: np.ndarray
    bias: np.ndarray
    shape: tuple[int, int, int]
    filter_shape: tuple[int, int]
    step: tuple[int, int]
    z_fastest: bool


@dataclass(frozen=True)
class TimeHeightConvolution:
    """A convolution over time and height; features are `[height, filter]`.

    Heights outside, and frames that are not computed and not required, are zero.

    Args:
      weight: `[filter_out, offset * filter_in]`, the offset outer.
      bias: `[filter_out]`.
      offsets: (time, height) each.
      required_times: time offsets without which there is no output.
    """

    weight: np.ndarray
    bias: np.ndarray
    filters_in: int
    filters_out: int
    height_in: int
    height_out: int
    height_step: int
    offsets: tuple[tuple[int, int], ...]
    required_times: tuple[int, ...]


# --- of each frame


@dataclass(frozen=True)
class Activation:
    """A function of each number."""

    kind: Literal["sigmoid", "tanh", "relu", "soft_hinge", "log", "exp", "absolute"]
    # "log": what is smaller counts as this.
    floor: float = 0.0


@dataclass(frozen=True)
class Power:
    """`|x| ** exponent`."""

    exponent: float


@dataclass(frozen=True)
class Softmax:
    """Softmax over all features, or over blocks of these sizes; `log`: natural logarithms of it."""

    log: bool = False
    blocks: tuple[int, ...] = ()


@dataclass(frozen=True)
class Pnorm:
    """`(sum |x|^p)^(1/p)` of groups of consecutive features; p = inf is the maximum of |x|."""

    groups: int
    p: float = 2.0


@dataclass(frozen=True)
class Pool:
    """The maximum or mean over `size` consecutive blocks of `stride` features, every `step` blocks.

    Maxout is blocks of one feature, and every `size`.
    """

    size: int
    step: int
    stride: int
    kind: Literal["max", "average"] = "max"


@dataclass(frozen=True)
class Pool3d:
    """nnet3's MaxpoolingComponent over features laid out `[x, y, z]`, z fastest."""

    shape: tuple[int, int, int]
    size: tuple[int, int, int]
    step: tuple[int, int, int]


@dataclass(frozen=True)
class Normalize:
    """Each block by its root mean square, to `target_rms`.

    `y = x / sqrt(max(floor, mean(x^2) / target_rms^2))`, then with `add_log_stddev` one feature
    more for each block, `log(sqrt(mean(x^2)))`. `is_length`: the sum in place of the mean.
    """

    block_dim: int
    target_rms: float = 1.0
    add_log_stddev: bool = False
    floor: float = 2.0**-66
    is_length: bool = False


@dataclass(frozen=True)
class Select:
    """`y_i = x[indices[i]]`: nnet1's Copy, Permute."""

    indices: tuple[int, ...]


@dataclass(frozen=True)
class Range:
    """Features `start` to `start + size`."""

    start: int
    size: int


@dataclass(frozen=True)
class SumGroups:
    """Sums of consecutive groups of these sizes."""

    sizes: tuple[int, ...]


@dataclass(frozen=True)
class SumBlocks:
    """The sum of the `in / size` consecutive blocks, by `scale`."""

    size: int
    scale: float = 1.0


@dataclass(frozen=True)
class Product:
    """The product of the `in / size` consecutive blocks."""

    size: int


@dataclass(frozen=True)
class LstmCell:
    """nnet3's LstmNonlinearity, of parts [i, f, c, o, c(t-1)] (and three dropout masks): [c, m].

    `i = sigmoid(i + w_ic c(t-1))`, f likewise, `c = f c(t-1) + i tanh(c_part)`,
    `o = sigmoid(o + w_oc c)`, `m = o tanh(c)`.

    Args:
      peepholes: `[3, cell]`, of i, f and o.
      has_masks: three features more, which i, f and o are multiplied by.
    """

    peepholes: np.ndarray
    has_masks: bool = False


@dataclass(frozen=True)
class GruCell:
    """nnet3's GruNonlinearity, of parts [z, r, hpart, c(t-1), s(t-1)]: [h, c].

    `h = tanh(hpart + weight (r s(t-1)))`, `c = (1 - z) h + z c(t-1)`. z and r come in as
    probabilities. `recurrent` is `[cell, recurrent]`.
    """

    weight: np.ndarray


@dataclass(frozen=True)
class OutputGruCell:
    """nnet3's OutputGruNonlinearity, of parts [z, hpart, c(t-1)]: [h, c].

    `h = tanh(hpart + weight c(t-1))`, feature by feature, `c = (1 - z) h + z c(t-1)`.
    """

    weight: np.ndarray


@dataclass(frozen=True)
class Attention:
    """nnet3's RestrictedAttention over frames at offsets of each other.

    Args:
      heads: their number; a head's input is [key, value, query with one feature for each offset].
      key_dim, value_dim: of one head.
      left, right: how many offsets back and ahead.
      stride: frames between offsets.
      required_left, required_right: offsets without which there is no output.
      output_context: each head's output ends with its weights of the offsets.
      key_scale: of the products.
    """

    heads: int
    key_dim: int
    value_dim: int
    left: int
    right: int
    stride: int
    required_left: int
    required_right: int
    output_context: bool
    key_scale: float


@dataclass(frozen=True)
class StatisticsExtraction:
    """Sums over the frames of each period: [count, sum(x), sum(x^2)] at multiples of `period`."""

    input_period: int
    period: int
    with_variance: bool


@dataclass(frozen=True)
class StatisticsPooling:
    """Of extracted statistics within a window: [log counts, mean, standard deviation]."""

    left: int
    right: int
    period: int
    log_counts: int
    with_stddev: bool
    variance_floor: float


# --- of several inputs, or of the frames' numbers (nnet3's descriptors)


@dataclass(frozen=True)
class Identity:
    """What does nothing when a model is used: NoOp, Dropout, SpecAugment, ..."""


@dataclass(frozen=True)
class Concatenate:
    """The inputs' features side by side."""


@dataclass(frozen=True)
class Sum:
    """The inputs' sum."""


@dataclass(frozen=True)
class Shift:
    """`y(t) = x(t + offset)`."""

    offset: int


@dataclass(frozen=True)
class OrZero:
    """Zero in frames that the input is not computed for: IfDefined."""


@dataclass(frozen=True)
class Failover:
    """The first input where it is computed, else the second."""


@dataclass(frozen=True)
class Switch:
    """Of n inputs the one with number t mod n."""


@dataclass(frozen=True)
class Round:
    """`y(t) = x(t - t mod modulus)`."""

    modulus: int


@dataclass(frozen=True)
class AtFrame:
    """`y(t) = x(frame)` for every t: ReplaceIndex(x, t, frame)."""

    frame: int


@dataclass(frozen=True)
class Constant:
    """The same number in every frame; no inputs."""

    value: float
    dim: int


Layer: TypeAlias = (
    Affine | BlockAffine | RepeatedAffine | Diagonal | RepeatedDiagonal | Dct | Splice | Tdnn | Lstm
    | Convolution | Convolution3d | TimeHeightConvolution | Activation | Power | Softmax | Pnorm
    | Pool | Pool3d | Normalize | Select | Range | SumGroups | SumBlocks | Product | LstmCell
    | GruCell | OutputGruCell | Attention | StatisticsExtraction | StatisticsPooling | Identity
    | Concatenate | Sum | Shift | OrZero | Failover | Switch | Round | AtFrame | Constant
)  # fmt: skip
