"""Self-conditioned CTC: against NumPy, in every encoder with layers inside, and what it refuses."""

import keras
import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.export.exporter import Export
from open_seq2seq.models import Speech2Text
from tests.encoders.test_intermediate import RECURRENT
from tests.models.test_speech2text import PARAMS

FEATURES, SYMBOLS = 4, 2
LENGTHS = np.array([6, 4, 5], np.int32)


def block(channels):
    return {"type": "conv1d", "repeat": 1, "kernel_size": [1], "stride": [1],
            "num_channels": channels, "padding": "SAME"}  # fmt: skip


TDNN = {"convnet_layers": [block(5), block(3), block(5)], "dropout_keep_prob": 1.0,
        "activation_fn": "tanh", "normalization": None}  # fmt: skip
DEEP_SPEECH = {**RECURRENT, "num_rnn_layers": 2, "n_hidden": 6, "dropout_keep_prob": 1.0}
CRNN = {"conv_channels": 2, "num_conv_blocks": 1, "rnn_cell_dim": 3, "num_rnn_layers": 2}
CONFORMER = {"num_layers": 2, "hidden_size": 8, "num_heads": 2, "dropout_keep_prob": 1.0,
             "subsampling_channels": 3, "subsampling_factor": 2, "conv_kernel_size": 3}  # fmt: skip
ENCODERS = {
    "TDNNEncoder": TDNN,
    "DeepSpeech2Encoder": DEEP_SPEECH,
    "CRNNEncoder": CRNN,
    "ConformerEncoder": CONFORMER,
}


def make(encoder="TDNNEncoder", layers=(1,), conditioned=True, **changes):
    keras.utils.set_random_seed(2)
    loss = {"intermediate_layers": list(layers), "self_conditioning": conditioned}
    given = {**ENCODERS[encoder], **changes}
    params = {**PARAMS, "encoder": encoder, "encoder_params": given, "loss_params": loss}
    return Speech2Text(Speech2Text.PARAMS.parse(params), FEATURES, SYMBOLS)


def features():
    made = np.random.default_rng(3).standard_normal((3, 6, FEATURES)).astype(np.float32)
    return made * (np.arange(6) < LENGTHS[:, None])[:, :, None]


def logits_of(model):
    return keras.ops.convert_to_numpy(model(features(), LENGTHS)[0])


def test_a_network_in_numpy():
    model = make(layers=(1, 2))
    weights = {}
    for variable in model.trainable_variables:
        name = variable.path.partition("/")[2].removeprefix("encoder/")
        rng = np.random.default_rng(len(name) + sum(map(ord, name)))
        variable.assign(rng.standard_normal(variable.shape))
        weights[name] = np.float64(keras.ops.convert_to_numpy(variable))

    def dense(name, inputs):
        (kernel,) = [w for n, w in weights.items() if n.startswith(name) and n.endswith("kernel")]
        bias = [w for n, w in weights.items() if n.startswith(name) and n.endswith("bias")]
        kernel = kernel.reshape(kernel.shape[-2:])
        return inputs @ kernel + (bias[0] if bias else 0.0)

    def softmax(logits):
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)

    names = [one.name for blocks in model.encoder.blocks for one in blocks]
    counts = (np.arange(6) < LENGTHS[:, None])[:, :, None]
    hidden, inner = np.float64(features()), {}
    for number, name in enumerate(names, start=1):
        hidden = np.tanh(dense(name, hidden)) * counts
        if number < 3:
            head = hidden if number == 1 else dense("intermediate_2", hidden)
            inner[number] = dense("decoder", head)
            hidden = (hidden + dense(f"conditioning_{number}", softmax(inner[number]))) * counts
    logits, _, others = model(features(), LENGTHS, intermediate=True)
    pairs = [(logits, dense("decoder", hidden))]
    pairs += [(others[number].outputs, inner[number]) for number in (1, 2)]
    for found, expected in pairs:
        found = keras.ops.convert_to_numpy(found)
        np.testing.assert_allclose(found * counts, expected * counts, atol=1e-4)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_layers_inside_of_every_encoder_are_conditioned(encoder):
    plain, model = make(encoder, conditioned=False), make(encoder)
    own = {v.path.partition("/")[2]: v for v in model.variables}
    for variable in plain.variables:
        own[variable.path.partition("/")[2]].assign(variable)
    kernel, bias = model.conditionings[0].dense.kernel, model.conditionings[0].dense.bias
    kernel.assign(np.zeros(kernel.shape))
    np.testing.assert_allclose(logits_of(model), logits_of(plain), atol=1e-6)
    bias.assign(np.linspace(-0.5, 0.5, bias.shape[0]))  # a constant would be normalised away
    assert np.abs(logits_of(model) - logits_of(plain)).max() > 1e-4
    assert {v.path.partition("/")[2] for v in model.trainable_variables} - {
        v.path.partition("/")[2] for v in plain.trainable_variables
    } == {"conditioning_1/dense/kernel", "conditioning_1/dense/bias"}


def test_padding_changes_nothing():
    model = make("DeepSpeech2Encoder")
    alone, lengths = model(features()[1:2, :4], LENGTHS[1:2])
    frames = int(keras.ops.convert_to_numpy(lengths)[0])
    np.testing.assert_allclose(
        logits_of(model)[1, :frames], keras.ops.convert_to_numpy(alone)[0, :frames], atol=1e-5
    )


def test_streams_and_exports_are_refused():
    model = make("DeepSpeech2Encoder", rnn_unidirectional=True)
    (problem,) = model.encoder.streaming_problems()
    assert problem.where == "loss_params/self_conditioning"
    plain = make("DeepSpeech2Encoder", conditioned=False, rnn_unidirectional=True)
    assert not plain.encoder.streaming_problems()
    export = Export.__new__(Export)
    export.experiment = type("Experiment", (), {"model": model})
    with pytest.raises(InputError, match="loss_params/self_conditioning"):
        export.write("nowhere")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": ()}, "self_conditioning: found True without intermediate_layers"),
        ({"encoder": "DeepSpeech2Encoder", "use_cudnn_rnn": False}, "directions do not meet"),
    ],
)
def test_what_cannot_be_conditioned_is_said(arguments, message):
    with pytest.raises(InputError, match=message):
        make(**arguments)
