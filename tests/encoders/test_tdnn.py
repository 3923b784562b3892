"""The TDNN encoder: the checks of every encoder, and what only it has."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from open_seq2seq.encoders import TDNNEncoder
from open_seq2seq.errors import InputError
from open_seq2seq.ops.portable import portable
from tests.encoders.architectures import (
    jasper_10x5,
    layer,
    quartznet_15x5,
    tdnn,
    wave2letter_plus,
)
from tests.encoders.encoder_checks import (
    STREAM_CHECKS,
    EncoderCase,
    encode,
    make_scrambled,
    pairs,
    scramble,
)


def case(name, layers, num_features=6, **params):
    return EncoderCase(name, TDNNEncoder, tdnn(layers, **params), num_features)


def valid(entry):
    return {**entry, "padding": "VALID"}


def excited(entry, **more):
    return {**entry, "squeeze_excitation": 4, "padding": "SYMMETRIC", **more}


SEPARABLE = [
    layer("sep_conv1d", 1, 5, 8, stride=2),
    layer("sep_conv1d", 2, 7, 8, residual=True),
    layer("sep_conv1d", 1, 3, 10, dilation=2, residual=True),
    layer("conv1d", 1, 1, 12),
]
DENSE = [
    layer("conv1d", 1, 4, 8, stride=2),
    layer("conv1d", 2, 3, 8, residual=True, dense=True),
    layer("conv1d", 2, 5, 10, residual=True, dense=True),
    layer("conv1d", 1, 5, 6, dilation=2),
]
CASES = [
    case("separable", SEPARABLE),
    case("dense_residual", DENSE),
    # Wide enough for the C++ kernels, where they are built.
    case(
        "wide",
        [
            layer("sep_conv1d", 1, 5, 32, stride=2),
            layer("sep_conv1d", 2, 7, 32, residual=True, dense=True),
            layer("sep_conv1d", 2, 5, 64, residual=True, dense=True),
            layer("sep_conv1d", 1, 5, 64, dilation=2),
        ],
        num_features=32,
    ),
    case("strided_repetitions", [layer("conv1d", 2, 5, 8, stride=2), layer("sep_conv1d", 1, 4, 8)]),
    case(
        "stride_three", [layer("sep_conv1d", 1, 5, 8, stride=3), layer("conv1d", 1, 2, 8, stride=3)]
    ),
    case("kernel_shorter_than_stride", [layer("conv1d", 1, 1, 8, stride=2)]),
    case("strided_dilation", [layer("conv1d", 1, 3, 8, stride=2, dilation=3)]),
    case(
        "separable_strided_dilation",
        [
            layer("sep_conv1d", 1, 4, 8, stride=2, dilation=2),
            layer("sep_conv1d", 1, 4, 8, dilation=3),
        ],
    ),
    case("causal", [layer("tcn", 2, 3, 8, dilation=2), layer("tcn", 1, 4, 8, stride=2)]),
    case("causal_residual", [layer("tcn", 2, 3, 8, residual=True)]),
    case(
        "valid",
        [
            valid(layer("conv1d", 2, 4, 8)),
            valid(layer("sep_conv1d", 1, 3, 8, stride=2)),
            valid(layer("conv1d", 1, 3, 8, dilation=2)),
        ],
    ),
    case(
        "images",
        [
            layer("conv2d", 1, 5, 8, stride=2),
            layer("conv2d", 2, 3, 8, residual=True),
            layer("conv1d", 1, 3, 8),
        ],
    ),
    case(
        "wide_images",
        [
            {**layer("conv2d", 1, 5, 4), "kernel_size": [5, 3], "stride": [2, 2]},
            layer("conv2d", 1, 3, 4, residual=True),
        ],
        num_features=(5, 2),
    ),
    case("layer_norm", SEPARABLE, normalization="layer_norm"),
    case("instance_norm", DENSE, normalization="instance_norm"),
    case("no_normalization", SEPARABLE, normalization=None),
    case("dropout", SEPARABLE, dropout_keep_prob=0.9),
    case(
        "padded",
        [
            {**layer("conv1d", 2, 6, 8, stride=2), "padding": [5, 0]},
            {**layer("sep_conv1d", 2, 5, 8, residual=True), "padding": [3, 1]},
            {**layer("conv2d", 1, 4, 8), "padding": [1, 0]},
            {**layer("conv1d", 2, 3, 8, dilation=2, residual=True), "padding": "CAUSAL"},
        ],
    ),
    # As NeMo builds Citrinet: strides in residual blocks, and squeeze and excitation.
    case(
        "citrinet",
        [
            excited(layer("sep_conv1d", 1, 5, 8)),
            excited(layer("sep_conv1d", 3, 7, 8, stride=2, residual=True), stride_last=True),
            excited(layer("sep_conv1d", 2, 9, 12, residual=True), bn_epsilon=1e-2),
            excited(layer("sep_conv1d", 1, 3, 8, stride=2)),
        ],
        pointwise_residual=True,
    ),
    case(
        "symmetric",
        [
            {**layer("sep_conv1d", 1, 5, 8, stride=2), "padding": "SYMMETRIC"},
            {**layer("conv1d", 1, 4, 8, stride=2), "padding": "SYMMETRIC"},
            {**layer("conv1d", 1, 5, 8, dilation=2), "padding": "SYMMETRIC"},
        ],
    ),
    case("strided_residual", [layer("conv1d", 2, 5, 8, stride=2, residual=True, dense=True)]),
    case("drop_block", SEPARABLE, drop_block_prob=0.3, drop_block_index=2),
    case(
        "clipped_relu",
        SEPARABLE,
        activation_fn=lambda x: keras.ops.minimum(keras.ops.relu(x), 20.0),
    ),
]
# Of each kind of layer one; the others combine them.
FAST = ("separable", "dense_residual", "wide", "strided_dilation", "causal", "valid", "wide_images",
        "instance_norm", "padded", "citrinet", "symmetric", "drop_block")  # fmt: skip
STREAM_CASES = [
    case("look_ahead", SEPARABLE + DENSE[1:], look_ahead=11),
]


@pytest.mark.parametrize(("case", "check"), pairs(CASES, FAST))
def test_encoder(case, check):
    check(case)


@pytest.mark.parametrize("check", STREAM_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", STREAM_CASES, ids=lambda case: case.name)
def test_stream(case, check):
    check(case)


def test_the_data_format_has_no_effect():
    plain, other = (case("", SEPARABLE, data_format=f"channels_{f}") for f in ("last", "first"))
    features = plain.features(2, 20)
    expected, found = (encode(one.make(), features, [20, 13])[0] for one in (plain, other))
    np.testing.assert_array_equal(found, expected)


def _convolve(inputs, kernel, stride, dilation, left, output_frames):
    """[time, channel] by [tap, channel, output], written as sums; zeros outside."""
    outputs = np.zeros((output_frames, kernel.shape[2]))
    for frame in range(output_frames):
        for tap in range(kernel.shape[0]):
            source = frame * stride + tap * dilation - left
            if 0 <= source < len(inputs):
                outputs[frame] += inputs[source] @ kernel[tap]
    return outputs


@pytest.mark.parametrize("kind", ["conv1d", "sep_conv1d", "conv2d", "tcn"])
@pytest.mark.parametrize("taps", [1, 4, 5])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (1, 2), (2, 1), (3, 1), (2, 2)])
def test_one_layer_against_sums(kind, taps, stride, dilation):
    """SAME's left padding is TensorFlow's for a length that is a multiple of the stride."""
    entry = layer(kind, 1, taps, 5, stride=stride, dilation=dilation)
    span = (taps - 1) * dilation + 1
    left = span - 1 if kind == "tcn" else max(span - stride, 0) // 2
    assert_is_a_sum(entry, 12 * stride, left, 12)


@pytest.mark.parametrize("kind", ["conv1d", "sep_conv1d", "conv2d"])
@pytest.mark.parametrize(
    ("padding", "stride", "dilation", "outputs"),
    [
        ([3, 1], 1, 1, 13),
        ([0, 3], 1, 1, 12),  # One tap less than SAME has: a frame less.
        ([2, 5], 1, 2, 12),
        ([2, 2], 2, 1, 7),  # PyTorch's for an odd kernel, whatever the stride.
        ("CAUSAL", 2, 1, 7),
        ("CAUSAL", 2, 2, 7),
    ],
)
def test_padding_against_sums(kind, padding, stride, dilation, outputs):
    entry = {**layer(kind, 1, 5, 5, stride=stride, dilation=dilation), "padding": padding}
    assert_is_a_sum(entry, 13, 4 * dilation if padding == "CAUSAL" else padding[0], outputs)


def assert_is_a_sum(entry, frames, left, output_frames):
    """A network of one layer gives what `_convolve` does."""
    kind, (taps, *_) = entry["type"], entry["kernel_size"]
    stride, dilation = entry["stride"][0], entry["dilation"][0]
    encoder = TDNNEncoder(tdnn([entry], normalization=None, activation_fn="linear"))
    features = np.random.default_rng(0).standard_normal((1, frames, 3)).astype(np.float32)
    encode(encoder, features, [frames])
    weights = [np.asarray(value, np.float64) for value in encoder.get_weights() if value.ndim > 1]
    if kind == "sep_conv1d":
        kernel = weights[0] * weights[1]  # [tap, in, 1] by [1, in, out]
    else:
        kernel = weights[0].reshape(taps, 3, 5)
    expected = _convolve(features[0], kernel, stride, dilation, left, output_frames)
    outputs, lengths = encode(encoder, features, [frames])
    assert lengths == encoder.output_length(frames) == output_frames
    np.testing.assert_allclose(outputs[0], expected, atol=1e-5)


def test_causal_layers_see_no_future():
    encoder = TDNNEncoder(tdnn([layer("tcn", 2, 3, 4, dilation=2)]))
    features = np.random.default_rng(0).standard_normal((1, 30, 3)).astype(np.float32)
    before, _ = encode(encoder, features, [30])
    features[:, 20:] += 1.0
    after, _ = encode(encoder, features, [30])
    np.testing.assert_array_equal(before[:, :20], after[:, :20])
    assert np.abs(before[:, 20:] - after[:, 20:]).max() > 0


def test_without_masks_padding_leaks():
    """The old default, which the configs of that time may ask for."""
    encoder = TDNNEncoder(tdnn([layer("conv1d", 2, 5, 4)], use_conv_mask=False))
    features = np.random.default_rng(0).standard_normal((1, 30, 3)).astype(np.float32)
    encode(encoder, features, [30])
    scramble(encoder)
    padded, lengths = encode(encoder, features, [20])
    alone, _ = encode(encoder, features[:, :20], [20])
    assert lengths.tolist() == [20]
    assert np.abs(padded[:, :20] - alone).max() > 1e-3


def test_names_are_those_of_openseq2seq():
    encoder = TDNNEncoder(tdnn(DENSE + SEPARABLE[1:2]), name="encoder")
    encoder.build((None, None, 6), (None,))
    names = {variable.path.removeprefix("encoder/") for variable in encoder.trainable_variables}
    assert {
        "conv11/kernel",
        "conv11/bn/gamma",
        "conv22/res_0/kernel",
        "conv32/res_1/kernel",
        "conv32/res_bn_1/beta",
        "conv51/depthwise_kernel",
        "conv51/pointwise_kernel",
        "conv52/res/depthwise_kernel",
        "conv52/res_bn/gamma",
    } <= names
    assert "conv21/res_0/kernel" not in names


def test_names_of_many_repetitions_are_different():
    encoder = TDNNEncoder(tdnn([layer("conv1d", 11, 1, 2)] + [layer("conv1d", 1, 1, 2)] * 10))
    encoder.build((None, None, 2), (None,))
    paths = [variable.path for variable in encoder.variables]
    assert len(set(paths)) == len(paths)


def test_regularizer_spares_residual_convolutions():
    encoder = TDNNEncoder(tdnn(SEPARABLE), regularizer=keras.regularizers.L2(0.5))
    encoder.build((None, None, 6), (None,))
    regularized = {v.path.partition("/")[2] for v in encoder.variables if v.regularizer}
    assert "conv11/depthwise_kernel" in regularized
    assert "conv11/pointwise_kernel" in regularized
    assert "conv11/bn/gamma" in regularized
    assert "conv22/res_bn/gamma" in regularized
    assert not any("/res/" in name or name.endswith("beta") for name in regularized)
    kernels = [v for v in encoder.variables if v.regularizer]
    expected = 0.5 * sum(float(np.square(np.asarray(v)).sum()) for v in kernels)
    assert float(sum(encoder.losses)) == pytest.approx(expected, rel=1e-5)


def test_equal_shapes_start_with_different_values():
    keras.utils.set_random_seed(0)
    initializer = keras.initializers.GlorotNormal(seed=7)
    encoder = TDNNEncoder(tdnn([layer("conv1d", 3, 3, 4)]), initializer=initializer)
    encoder.build((None, None, 4), (None,))
    kernels = [np.asarray(v) for v in encoder.trainable_variables if v.path.endswith("kernel")]
    assert np.abs(kernels[0] - kernels[1]).max() > 0.01
    assert np.abs(kernels[1] - kernels[2]).max() > 0.01


def test_moving_statistics_follow_the_batch():
    """Momentum 0.9, and the unbiased variance, over all frames."""
    params = tdnn([layer("conv1d", 1, 1, 4)], bn_momentum=0.9, use_conv_mask=False)
    encoder = TDNNEncoder(params, name="encoder")
    features = np.random.default_rng(0).standard_normal((2, 15, 3)).astype(np.float32)
    encoder(features, np.array([15, 15]), training=True)
    values = {v.path.rpartition("/")[2]: np.asarray(v) for v in encoder.variables}
    convolved = (features @ values["kernel"][0]).reshape(30, 4)
    np.testing.assert_allclose(values["moving_mean"], 0.1 * convolved.mean(0), atol=1e-5)
    unbiased = convolved.var(0, ddof=1)
    np.testing.assert_allclose(values["moving_variance"], 0.9 + 0.1 * unbiased, atol=1e-5)


def test_drop_block_passes_the_residual_only():
    """In evaluation by index; in training always, when the probability is one."""
    layers = [layer("conv1d", 2, 3, 4, residual=True)]
    features = np.random.default_rng(0).standard_normal((2, 15, 3)).astype(np.float32)

    def residual_only(**params):
        encoder = TDNNEncoder(tdnn(layers, activation_fn="linear", **params), name="encoder")
        encode(encoder, features, [15, 15])
        scramble(encoder)
        for variable in encoder.variables:
            if "/conv11/" in variable.path or "/conv12/kernel" in variable.path:
                variable.assign(variable * 2.0)  # What a dropped branch must not show.
        return encoder

    plain = residual_only()
    by_index = residual_only(drop_block_prob=0.5, drop_block_index=0)
    values = {v.path.partition("/")[2]: np.asarray(v) for v in plain.variables}
    norm = {name: values[f"conv12/res_bn/{name}"] for name in ("gamma", "beta")}
    mean = values["conv12/res_bn/moving_mean"]
    scale = norm["gamma"] / np.sqrt(values["conv12/res_bn/moving_variance"] + 1e-3)
    residual = (features @ values["conv12/res/kernel"][0] - mean) * scale + norm["beta"]
    np.testing.assert_allclose(encode(by_index, features, [15, 15])[0], residual, atol=1e-4)
    assert np.abs(encode(plain, features, [15, 15])[0] - residual).max() > 0.1
    # Without a probability the index has no effect, as in OpenSeq2Seq.
    ignored = residual_only(drop_block_index=0)
    np.testing.assert_array_equal(
        encode(ignored, features, [15, 15])[0], encode(plain, features, [15, 15])[0]
    )

    always = residual_only(drop_block_prob=1.0)
    outputs, _ = always(features, np.array([15, 15]), training=True)
    convolved = features @ values["conv12/res/kernel"][0]
    mean, variance = convolved.mean((0, 1)), convolved.var((0, 1))
    residual = (convolved - mean) * norm["gamma"] / np.sqrt(variance + 1e-3) + norm["beta"]
    np.testing.assert_allclose(np.asarray(outputs), residual, atol=1e-4)


def test_dropout_is_of_its_probability_and_seeded():
    params = tdnn([layer("conv1d", 1, 1, 64, keep=0.75)], normalization=None)
    params["activation_fn"] = lambda x: keras.ops.ones_like(x)

    def outputs():
        keras.utils.set_random_seed(4)
        encoder = TDNNEncoder(params)
        features = np.zeros((4, 50, 3), np.float32)
        outputs, _ = encoder(features, np.full(4, 50), training=True)
        return np.asarray(outputs)

    first = outputs()
    np.testing.assert_allclose(np.unique(first), [0.0, 1 / 0.75], rtol=1e-6)
    assert (first > 0).mean() == pytest.approx(0.75, abs=0.02)
    np.testing.assert_array_equal(first, outputs())


def test_all_problems_are_reported_at_once():
    layers = [
        {**layer("conv1d", 1, 3, 4), "padding": "VALID", "residual": True},
        {**layer("conv2d", 1, 3, 4), "kernel_size": [3]},
        {**layer("tcn", 1, 3, 4), "padding": "VALID"},
        {**layer("conv1d", 1, 3, 4), "residual_dense": True},
        {**layer("conv1d", 1, 3, 4), "kernel_width": 3, "type": "conv3d"},
    ]
    with pytest.raises(InputError) as raised:
        TDNNEncoder(tdnn(layers))
    places = {problem.where for problem in raised.value.problems}
    assert places == {
        "convnet_layers[0]/padding",
        "convnet_layers[1]/kernel_size",
        "convnet_layers[2]/padding",
        "convnet_layers[3]/residual_dense",
        "convnet_layers[4]/kernel_width",
        "convnet_layers[4]/type",
    }


def test_dense_residuals_across_a_stride_are_refused():
    dense = layer("conv1d", 1, 3, 4, residual=True, dense=True)
    with pytest.raises(InputError, match=r"convnet_layers\[2\]/residual_dense"):
        TDNNEncoder(tdnn([dense, layer("conv1d", 1, 3, 4, stride=2), dense]))


@pytest.mark.parametrize(
    ("params", "place"),
    [({"drop_block_index": 3}, "drop_block_index"), ({"convnet_layers": []}, "convnet_layers")],
)
def test_what_must_hold_between_parameters(params, place):
    with pytest.raises(InputError, match=place):
        TDNNEncoder({**tdnn([layer("conv1d", 1, 3, 4)]), **params})


def test_dilation_may_be_left_out():
    entry = layer("conv2d", 1, 3, 4)
    del entry["dilation"]
    assert TDNNEncoder(tdnn([entry])).output_length(10) == 10


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"padding": "SAMME"}, "'SAMME'"),
        ({"padding": [1]}, "[1]"),
        ({"padding": [1, -1]}, "[1, -1]"),
        ({"padding": [1.5, 0]}, "[1.5, 0]"),
        ({"padding": [2, 1]}, "[2, 1]"),  # More than the kernel reaches.
        ({"padding": [1, 0], "residual": True}, "[1, 0]"),  # A frame less than its residual.
        ({"padding": [1, 1], "type": "tcn"}, "[1, 1]"),
    ],
)
def test_paddings_that_are_refused(change, found):
    with pytest.raises(InputError) as raised:
        TDNNEncoder(tdnn([{**layer("conv1d", 1, 3, 4), **change}]))
    (problem,) = raised.value.problems
    assert (problem.where, problem.found) == ("convnet_layers[0]/padding", found)
    assert problem.remedy


def test_look_ahead_is_spent_from_the_first_layer_up():
    """Of 11 frames a fixed layer takes 2; 4 of 4, then 2 at two frames each, the rest is causal."""
    layers = [
        layer("conv1d", 1, 8, 4, stride=2),
        {**layer("conv1d", 1, 2, 4), "padding": "VALID"},
        layer("sep_conv1d", 2, 9, 4),
        layer("conv1d", 1, 5, 4),
    ]
    free, limited = TDNNEncoder(tdnn(layers)), TDNNEncoder(tdnn(layers, look_ahead=11))
    assert free.context == (3 + 2 * 0 + 2 * 4 * 2 + 2 * 2, 4 + 2 * 1 + 2 * 4 * 2 + 2 * 2)
    paddings = [sub_block.padding for block in limited.blocks for sub_block in block]
    assert paddings == [(3, 4), "VALID", (6, 2), (8, 0), (4, 0)]
    assert limited.context == (3 + 2 * 6 + 2 * 8 + 2 * 4, 4 + 2 * 1 + 2 * 2)
    assert limited.output_length(101) == free.output_length(101)
    assert TDNNEncoder(tdnn(layers, look_ahead=2)).context[1] == 2


@pytest.mark.parametrize(
    ("params", "place"),
    [({"look_ahead": 3}, "look_ahead"), ({"normalization": "layer_norm"}, "normalization")],
)
def test_look_ahead_that_cannot_be_kept(params, place):
    layers = [{**layer("conv1d", 2, 3, 4), "padding": "VALID"}]
    with pytest.raises(InputError) as raised:
        TDNNEncoder(tdnn(layers, **{"look_ahead": 4, **params}))
    (problem,) = raised.value.problems
    assert problem.where == place and "look" in str(problem)


@pytest.mark.parametrize(
    ("architecture", "milliseconds"),
    [
        (wave2letter_plus, (3060, 3080)),
        (jasper_10x5, (8800, 8820)),
        (quartznet_15x5, (40270, 40290)),
    ],
)
def test_published_networks_look_far_ahead(architecture, milliseconds):
    """In frames of 10 ms; half of each kernel's span, by hand."""
    assert TDNNEncoder(architecture()).context == tuple(ms // 10 for ms in milliseconds)


def test_a_stream_of_fixed_pieces_is_traced_once():
    """With the state as inputs and outputs, in TensorFlow's own operations, as it is exported."""
    encoder = make_scrambled(CASES[1])
    features = CASES[1].features(2, 36)
    expected, _ = encode(encoder, features, [36, 36])
    step = tf.function(encoder.stream, autograph=False, reduce_retracing=False)
    outputs = []
    with portable():
        state = encoder.initial_state(2)
        for first in range(0, 36, 6):
            piece, lengths = tf.constant(features[:, first : first + 6]), tf.constant([6, 6])
            found, ready, state = step(piece, lengths, state, first == 30)
            outputs.append(found[:, : ready[0]])
    np.testing.assert_allclose(np.concatenate(outputs, 1), expected, rtol=0, atol=1e-4)
    assert step.experimental_get_tracing_count() == 2  # A step, and the last one.
