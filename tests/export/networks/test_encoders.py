"""The graphs of encoders compute what the encoders do, at every length."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from open_seq2seq.encoders import ConformerEncoder, CRNNEncoder, LSTMLMEncoder, TDNNEncoder
from open_seq2seq.errors import InputError
from open_seq2seq.export.networks.network import build_encoder
from open_seq2seq.ops.portable import portable
from tests.encoders import test_conformer, test_crnn, test_deepspeech2, test_tdnn
from tests.encoders.architectures import layer, tdnn
from tests.encoders.encoder_checks import EncoderCase, encode, make_scrambled, scramble
from tests.encoders.test_tdnn import DENSE, SEPARABLE
from tests.graphs.counting_builder import CountingBuilder
from tests.graphs.keras_network_builder import KerasNetworkBuilder
from tests.machines import half_precisions
from tests.tiers import slow

CASES = [
    pytest.param(
        case,
        id=f"{name}-{case.name}",
        marks=[] if case.name in {*module.FAST} - {"striding"} else [pytest.mark.slow],
    )
    for name, module in (
        ("tdnn", test_tdnn),
        ("deepspeech2", test_deepspeech2),
        ("crnn", test_crnn),
        ("conformer", test_conformer),
    )
    for case in [*module.CASES, *module.STREAM_CASES]
]


def numbers(value):
    return keras.ops.convert_to_numpy(value)


def build(encoder, features, lengths=None):
    """The graph's outputs and lengths, and the calls that it was built with."""
    counting = CountingBuilder(KerasNetworkBuilder())
    frames = build_encoder(counting, encoder, features, lengths)
    return numbers(frames.values), frames.time.count, counting.counts


def padded(case, lengths):
    """Random features, zero past each length."""
    features = case.features(len(lengths), int(max(lengths)))
    for row, length in zip(features, lengths):
        row[length:] = 0.0
    return features


def assert_near(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-6 * max(1, np.abs(expected).max()))


def shortest(encoder):
    """Frames of the shortest recording that has an output."""
    return next(frames for frames in range(1, 40) if encoder.output_length(frames) > 0)


@pytest.mark.parametrize(
    "case", [one if place % 2 else slow(*one.values, id=one.id) for place, one in enumerate(CASES)]
)
def test_the_graph_is_the_encoder(case):
    """In a padded batch, and for one recording without a mask."""
    encoder = make_scrambled(case)
    few = shortest(encoder)
    lengths = np.array([41, 40, 17, few + 1, few], np.int32)
    features = padded(case, lengths)
    expected, encoded = encode(encoder, features, lengths)
    found, counts, _ = build(encoder, features, lengths)
    np.testing.assert_array_equal(numbers(counts), encoded)
    largest = np.abs(expected).max()
    assert largest > 1e-3, "nothing to compare"
    if case.params.get("use_conv_mask", True):
        for row, length in enumerate(encoded):
            assert_near(found[row, :length], expected[row, :length])
    for row, length in enumerate(lengths):
        alone = features[row : row + 1, :length]
        found, count, calls = build(encoder, alone)
        assert count == found.shape[1] == encoded[row]
        assert_near(found, encode(encoder, alone, [length])[0])
        if not isinstance(encoder, ConformerEncoder):  # Positions are numbers, contexts have ends.
            assert not calls["less"] and not calls["to_float"], "masks"


@pytest.mark.parametrize(
    "case", [test_tdnn.CASES[1], test_tdnn.CASES[10], test_deepspeech2.CASES[0], test_crnn.CASES[0]]
)
def test_one_graph_for_all_lengths(case):
    """Traced for unknown sizes; its weights are read and folded meanwhile."""
    encoder = make_scrambled(case)

    def network(features, lengths):
        frames = build_encoder(KerasNetworkBuilder(), encoder, features, lengths)
        return frames.values, frames.time.count

    specs = tf.TensorSpec((None, None, 6)), tf.TensorSpec((None,), tf.int32)
    with portable():
        graph = tf.function(network, autograph=False).get_concrete_function(*specs)
    for lengths in ([41, 20], [20, 31, 32], [shortest(encoder)]):
        features = padded(case, lengths)
        expected, encoded = encode(encoder, features, lengths)
        found, counts = graph(tf.constant(features), tf.constant(lengths, tf.int32))
        np.testing.assert_array_equal(counts, encoded)
        for row, length in enumerate(encoded):
            assert_near(numbers(found)[row, :length], expected[row, :length])


def scrambled(layers, **params):
    encoder = TDNNEncoder(tdnn(layers, **params), name="encoder")
    encoder.build((None, None, 6), (None,))
    scramble(encoder)
    return encoder


def multiplied(encoder, lengths=(20, 13)):
    case = EncoderCase("", TDNNEncoder, {})
    return build(encoder, padded(case, lengths), np.array(lengths, np.int32))[2]["multiply"]


def test_masks_are_where_a_convolution_looks_past_the_end():
    """Not before the first, whose input is zero there; not before kernels of one tap, causal ones
    and those without padding; once for what two layers take."""
    wide, narrow = layer("conv1d", 1, 3, 6), layer("conv1d", 1, 1, 6)
    assert multiplied(scrambled([wide])) == 0
    assert multiplied(scrambled([wide, narrow, narrow])) == 0
    assert multiplied(scrambled([wide, wide, narrow, wide])) == 2
    assert multiplied(scrambled([wide, layer("tcn", 2, 3, 6)])) == 0
    assert multiplied(scrambled([wide, {**wide, "padding": "VALID"}])) == 0
    assert multiplied(scrambled([wide, {**wide, "padding": [2, 0]}])) == 0
    assert multiplied(scrambled([wide, {**wide, "padding": [1, 1]}])) == 1
    assert multiplied(scrambled([wide, layer("conv1d", 2, 3, 6, residual=True)])) == 2
    assert multiplied(scrambled([wide] * 3, use_conv_mask=False)) == 0


@pytest.mark.parametrize("normalization", ["batch_norm", "layer_norm"])
def test_without_masks_what_lies_past_an_end_counts_as_in_the_encoder(normalization):
    encoder = scrambled(SEPARABLE, use_conv_mask=False, normalization=normalization)
    features = EncoderCase("", TDNNEncoder, {}).features(2, 30)
    lengths = np.array([30, 17], np.int32)
    expected, encoded = encode(encoder, features, lengths)
    found, counts, calls = build(encoder, features, lengths)
    np.testing.assert_array_equal(numbers(counts), encoded)
    assert_near(found, expected)
    assert not calls["less"]


def test_all_sources_of_a_dense_block_are_one_product():
    """Four convolutions of blocks, their six repetitions in all, and one product for each sum."""
    calls = build(scrambled(DENSE), np.zeros((1, 20, 6), np.float32))[2]
    assert calls["convolve"] == 6 + 2
    assert calls["concatenate"] == 1, "the first dense block has one source"
    assert calls["add"] == 2 + 1, "and the length's"
    assert set(calls) == {"size", "add", "floor_divide", "convolve", "concatenate", "unary relu"}


def test_one_tap_of_a_separable_layer_is_part_of_its_product():
    encoder = scrambled([{**SEPARABLE[0], "kernel_size": [taps]} for taps in (1, 3)])
    features = EncoderCase("", TDNNEncoder, {}).features(1, 9)
    found, _, calls = build(encoder, features)
    assert calls["convolve"] == 2
    assert calls["convolve_depthwise"] == 1
    assert_near(found, encode(encoder, features, [9])[0])


def test_nothing_is_computed_of_a_dropped_branch():
    """The third block passes its residual only: its depthwise kernel is not there."""
    dropped = scrambled(SEPARABLE, drop_block_prob=0.3, drop_block_index=1)
    features = EncoderCase("", TDNNEncoder, {}).features(1, 21)
    found, _, calls = build(dropped, features)
    assert_near(found, encode(dropped, features, [21])[0])
    whole = build(scrambled(SEPARABLE), features)[2]
    assert whole["convolve_depthwise"] - calls["convolve_depthwise"] == 2
    assert whole["convolve"] - calls["convolve"] == 2


def valid(entry):
    return {**entry, "padding": "VALID"}


@pytest.mark.parametrize("frames", [1, 2, 9, 16])
def test_a_recording_shorter_than_a_kernel_has_no_output(frames):
    kinds = [valid(layer("conv1d", 2, 4, 8)), valid(layer("sep_conv1d", 1, 3, 8, stride=2))]
    encoder = scrambled([*kinds, valid(layer("conv1d", 1, 5, 8))])
    assert encoder.output_length(frames) == 0 and encoder.output_length(17) == 1
    features = EncoderCase("", TDNNEncoder, {}).features(2, frames)
    _, count, _ = build(encoder, features)
    assert count == 0
    _, counts, _ = build(encoder, features, np.full(2, frames, np.int32))
    assert numbers(counts).tolist() == [0, 0]


@pytest.mark.parametrize("dtype", half_precisions())
def test_models_of_half_precision_are_computed_in_float32(dtype):
    case = test_tdnn.CASES[0]
    encoder, reference = case.make(f"mixed_{dtype}"), make_scrambled(case)
    features = case.features(1, 31)
    encode(encoder, features, [31])
    encoder.set_weights(reference.get_weights())
    assert_near(build(encoder, features)[0], encode(reference, features, [31])[0])


class Own(TDNNEncoder):
    """A user's encoder, which may compute anything."""


@pytest.mark.parametrize("encoder", [Own, LSTMLMEncoder])
def test_other_encoders_are_refused(encoder):
    params = tdnn([layer("conv1d", 1, 3, 4)]) if encoder is Own else {"hidden_size": 6}
    with pytest.raises(InputError, match=encoder.__name__) as raised:
        build(encoder(params), np.zeros((1, 9, 6), np.float32))
    (problem,) = raised.value.problems
    assert problem.where == "encoder" and "NETWORKS" in problem.remedy


def test_an_activation_of_the_users_own_is_refused():
    encoder = CRNNEncoder({"num_rnn_layers": 1, "activation_fn": lambda x: x * x})
    encoder.build((None, None, 6), (None,))
    with pytest.raises(InputError, match="activation_fn"):
        build(encoder, np.zeros((1, 9, 6), np.float32))
