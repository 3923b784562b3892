"""The Conformer: the checks of every encoder, its formulas, and what only it has."""

import dataclasses

import keras
import numpy as np
import pytest

from open_seq2seq.encoders import ConformerEncoder
from open_seq2seq.errors import InputError
from tests.encoders import conformer_reference
from tests.encoders.encoder_checks import (
    STREAM_CHECKS,
    EncoderCase,
    encode,
    make_scrambled,
    pairs,
    scramble,
)


def case(name, layers=2, width=8, **params):
    params = {
        "num_layers": layers,
        "hidden_size": width,
        "num_heads": 2,
        "dropout_keep_prob": 1.0,
        "filter_size": 12,
        "subsampling_channels": 3,
        "conv_kernel_size": 5,
        **params,
    }
    # A frame that is not a number would reach all that are multiplied by its weight of zero.
    is_chunked = params.get("attention_style") == "chunked_limited"
    period = params["attention_context"][1] + 1 if is_chunked else 1
    return EncoderCase(name, ConformerEncoder, params, spoilt=9.0, period=period)


CAUSAL = {"causal_subsampling": True, "conv_padding": "CAUSAL"}
CHUNKED = {"attention_style": "chunked_limited", "attention_context": [6, 2]}
# What parameters of a case stand for, where the reference does not know them.
MEANT = {"look_ahead": {"conv_padding": "CAUSAL"}}
CASES = [
    # Three frames of the subsampling, and chunks of three of four.
    case("look_ahead", **CHUNKED, look_ahead=14),
    case(
        "dw_striding",
        subsampling="dw_striding",
        subsampling_factor=8,
        use_bias=False,
        scale_inputs=False,
        tie_position_biases=True,
        output_size=6,
    ),
    case(
        "chunked",
        **CAUSAL,
        attention_context=[6, 2],
        attention_style="chunked_limited",
        subsampling="dw_striding",
        conv_normalization="layer_norm",
    ),
    case("striding"),
    case("limited", attention_context=[5, 2], subsampling_factor=2),
    case("without_subsampling", subsampling_factor=1, attention_context=[3, 0], conv_kernel_size=2),
    case("only_left_limited", attention_context=[4, -1], conv_padding=[3, 1]),
    case("only_right_limited", attention_context=[-1, 3], causal_subsampling=True),
    case("all_chunks_before", attention_context=[-1, 1], attention_style="chunked_limited"),
    case("dropout", dropout_keep_prob=0.9, drop_layer_prob=0.3, attention_keep_prob=0.8),
    # As many channels as the C++ kernels take, where they are built.
    case("wide", layers=1, width=64, attention_context=[20, 12], subsampling_factor=1),
]
FAST = ("chunked", "striding")
STREAM_CASES = [
    case(
        "chunks_that_look_ahead",
        attention_context=[4, 1],
        attention_style="chunked_limited",
        subsampling_factor=2,
        conv_kernel_size=3,
    ),
    case("no_context", attention_context=[0, 0], subsampling_factor=2),
]


@pytest.mark.parametrize(("case", "check"), pairs(CASES, FAST))
def test_encoder(case, check):
    check(case)


@pytest.mark.slow
@pytest.mark.parametrize("check", STREAM_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", STREAM_CASES, ids=lambda case: case.name)
def test_stream(case, check):
    check(case)


_FORMULAS = [
    pytest.param(one, id=one.name, marks=[pytest.mark.slow] if number > 2 else [])
    for number, one in enumerate(CASES + STREAM_CASES)
    if one.name != "wide"
]


@pytest.mark.parametrize("case", _FORMULAS)
def test_against_the_formulas(case):
    encoder = make_scrambled(case)
    weights = {
        v.path.partition("/")[2]: np.float64(keras.ops.convert_to_numpy(v))
        for v in encoder.variables
        if "seed" not in v.path
    }
    lengths = [61, 37]
    features = case.features(2, 61)
    outputs, encoded = encode(encoder, features, lengths)
    for row, frames in enumerate(lengths):
        expected = conformer_reference.encode(
            {**encoder.params, **MEANT.get(case.name, {})},
            weights,
            np.float64(features[row, :frames]),
        )
        assert len(expected) == encoded[row]
        largest = np.abs(expected).max()
        np.testing.assert_allclose(
            outputs[row, : len(expected)], expected, rtol=0, atol=1e-5 * largest
        )


def test_intermediate_outputs_are_those_of_a_smaller_encoder():
    whole, part = case("whole", layers=3), case("part", layers=2)
    encoders = [one.make() for one in (whole, part)]
    for encoder in encoders:
        encoder.build((None, None, 6))
    scramble(encoders[0])
    values = {v.path: v for v in encoders[0].variables}
    for variable in encoders[1].variables:
        variable.assign(values[variable.path])
    features, lengths = whole.features(2, 40), np.array([40, 21])
    _, _, inner = encoders[0](features, lengths, intermediate=True)
    assert list(inner) == [1, 2] and ConformerEncoder.num_intermediate(whole.params) == 2
    expected, encoded = encode(encoders[1], features, lengths)
    np.testing.assert_array_equal(inner[2].lengths, encoded)
    np.testing.assert_allclose(inner[2].outputs, expected, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_a_layer_is_left_out_with_its_probability():
    skipping = case("skipping", drop_layer_prob=0.5).make()
    skipping.build((None, None, 6))
    first, last = skipping.blocks
    assert (first.skip_prob, last.skip_prob) == (0.0, 0.5)
    values = np.random.default_rng(0).standard_normal((1, 4, 8)).astype(np.float32)
    lengths = np.array([4], np.int32)
    table = last.attention.position_table(4)
    outputs = [np.array(last(values, lengths, table, training=True)) for _ in range(30)]
    unchanged = [np.array_equal(output, values) for output in outputs]
    assert 5 < sum(unchanged) < 25
    assert np.abs(outputs[unchanged.index(False)] - values).max() > 0.1


def test_unmasked_subsampling_sees_the_padding_only_at_the_end():
    masked = case(
        "masked", subsampling_factor=8, layers=1, attention_context=[0, 0], conv_kernel_size=1
    )
    unmasked = dataclasses.replace(masked, params={**masked.params, "use_conv_mask": False})
    encoders = [one.make() for one in (masked, unmasked)]
    for encoder in encoders:
        encoder.build((None, None, 6))
        scramble(encoder)
    features = masked.features(1, 57)
    whole, cut = ([encode(e, features, [n])[0] for e in encoders] for n in (57, 41))
    np.testing.assert_array_equal(whole[0], whole[1])
    np.testing.assert_array_equal(cut[0][:, :5], cut[1][:, :5])
    assert np.abs(cut[0][:, 5] - cut[1][:, 5]).max() > 1e-3
    assert [p.where for p in encoders[1].streaming_problems()] == ["encoder_params/use_conv_mask"]


@pytest.mark.parametrize(
    ("params", "place", "remedy"),
    [
        ({"hidden_size": 9}, "hidden_size", "Set hidden_size to 12."),
        ({"attention_context": [5]}, "attention_context", "Set attention_context to [5, -1]."),
        (
            {"attention_style": "chunked_limited"},
            "attention_context",
            "attention_style to 'regular'",
        ),
        ({"look_ahead": 20}, "attention_style", "'chunked_limited'"),
        ({**CHUNKED, "look_ahead": 2}, "look_ahead", "Set look_ahead to 3, or causal_subsampling"),
        ({**CHUNKED, "look_ahead": 9, "conv_padding": "SYMMETRIC"}, "conv_padding", "'CAUSAL'"),
        ({"conv_padding": "VALID"}, "conv_padding", "Set conv_padding to 'SAME'."),
        ({"conv_padding": [3]}, "conv_padding", "'SAME'"),
        ({"subsampling": "vggnet"}, "subsampling", ""),
        ({"subsampling_factor": 3}, "subsampling_factor", ""),
    ],
)
def test_what_does_not_fit_together_is_refused(params, place, remedy):
    params = {**case("").params, **params}
    with pytest.raises(InputError) as caught:
        ConformerEncoder(params)
    (problem,) = caught.value.problems
    assert problem.where == place and remedy in problem.remedy


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("factor", [1, 4, 8])
@pytest.mark.parametrize("frames", [7, 8, 40, 63])
def test_as_much_of_the_look_ahead_is_used_as_fits(frames, factor, causal):
    params = {**case("").params, **CHUNKED, "subsampling_factor": factor}
    params |= {"causal_subsampling": causal, "look_ahead": frames}
    ahead = ConformerEncoder(params).context[1]
    assert ahead <= frames < ahead + factor
