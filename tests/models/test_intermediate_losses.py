"""Intermediate CTC against a sum in NumPy: the loss, its gradient, and evaluation without it."""

import keras
import numpy as np
import pytest

from open_seq2seq.data.batch import Batch
from open_seq2seq.errors import InputError
from open_seq2seq.inference.forward import EvaluationStep
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers import make_optimizer
from open_seq2seq.training.step import StepOptions, TrainStep
from tests.models.test_speech2text import PARAMS
from tests.ops.ctc_reference import ctc_loss

FEATURES, SYMBOLS, RATE, WEIGHT = 4, 2, 0.1, 0.3
# The first block has the head's channels and more frames than the output, the second has others.
LAYERS = [(5, 1), (3, 2), (5, 1)]
LENGTHS, LABEL_LENGTHS = np.array([6, 4, 5], np.int32), np.array([2, 1, 3], np.int32)
LABELS = np.array([[0, 1, 0], [1, 0, 0], [1, 0, 1]], np.int32)


def make(layers=(1, 2), policy="float32", **loss):
    keras.utils.set_random_seed(2)
    blocks = [
        {"type": "conv1d", "repeat": 1, "kernel_size": [3], "stride": [stride],
         "num_channels": channels, "padding": "SAME"}
        for channels, stride in LAYERS
    ]  # fmt: skip
    encoder = {"convnet_layers": blocks, "dropout_keep_prob": 1.0, "activation_fn": "tanh",
               "normalization": None}  # fmt: skip
    loss = {"intermediate_layers": list(layers), "intermediate_weight": WEIGHT, **loss}
    params = {**PARAMS, "encoder_params": encoder, "loss_params": loss}
    return Speech2Text(Speech2Text.PARAMS.parse(params), FEATURES, SYMBOLS, policy)


def make_batch():
    features = np.random.default_rng(3).standard_normal((3, 6, FEATURES)).astype(np.float32)
    features *= (np.arange(6) < LENGTHS[:, None])[:, :, None]
    return Batch(features, LENGTHS, LABELS, LABEL_LENGTHS, np.arange(3), 1.0)


def weights_of(model):
    """By name, in float64; without the generator's state."""
    return {
        variable.path.partition("/")[2]: np.float64(keras.ops.convert_to_numpy(variable))
        for variable in model.trainable_variables
    }


def losses_in_numpy(weights, features, lengths, projection=None):
    """CTC by enumeration, [batch], of an encoder's layer [batch, time, channel] in NumPy."""
    if projection is not None:
        features = features @ weights[f"{projection}/kernel"] + weights[f"{projection}/bias"]
    head = "decoder/fully_connected"
    logits = features @ weights[f"{head}/kernel"] + weights[f"{head}/bias"]
    rows = zip(logits, lengths, LABELS, LABEL_LENGTHS)
    return np.array([ctc_loss(row[:n], list(labels[:m])) for row, n, labels, m in rows])


def terms_in_numpy(weights, hidden):
    return {
        "final": losses_in_numpy(weights, *hidden[3]),
        "intermediate_1": losses_in_numpy(weights, *hidden[1]),
        "intermediate_2": losses_in_numpy(weights, *hidden[2], "intermediate_2/dense"),
    }


def summed(terms):
    middle = (terms["intermediate_1"] + terms["intermediate_2"]) / 2
    return (1 - WEIGHT) * terms["final"] + WEIGHT * middle


def hidden_of(model, batch):
    """Outputs and lengths of the three blocks, as arrays."""
    *last, inner = model.encoder(*batch.arrays[:2], training=True, intermediate=True)
    return {
        number: (np.float64(keras.ops.convert_to_numpy(outputs)), np.asarray(lengths))
        for number, (outputs, lengths) in {**inner, 3: last}.items()
    }


def test_a_training_step_minimises_the_sum_that_numpy_says():
    model, batch = make(), make_batch()
    before, hidden = weights_of(model), hidden_of(model, batch)
    assert [list(hidden[n][1]) for n in (1, 2, 3)] == [[6, 4, 5], [3, 2, 3], [3, 2, 3]]
    assert "intermediate_1/dense/kernel" not in before
    expected = terms_in_numpy(before, hidden)
    step = TrainStep(model, make_optimizer("SGD"), model.trainable_variables, StepOptions())
    result = step(batch, RATE)
    finite = np.isfinite(summed(expected))
    # Three frames are too few for 1 0 1 only if a label repeats: they are not here.
    assert finite.all()
    assert result.terms.keys() == expected.keys()
    for name, losses in expected.items():
        np.testing.assert_allclose(np.asarray(result.terms[name]), losses, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(result.losses), summed(expected), rtol=1e-5)
    assert float(result.loss) == pytest.approx(summed(expected).mean(), rel=1e-5)
    # The head is shared and learns from all; a projection learns from its own layer's loss.
    after, shift = weights_of(model), 1e-5
    for name in ("decoder/fully_connected/kernel", "intermediate_2/dense/kernel",
                 "decoder/fully_connected/bias"):  # fmt: skip
        for index in list(np.ndindex(before[name].shape))[::4]:
            ends = []
            for sign in (1, -1):
                moved = {**before, name: before[name].copy()}
                moved[name][index] += sign * shift
                ends.append(summed(terms_in_numpy(moved, hidden)).mean())
            slope = (ends[0] - ends[1]) / (2 * shift)
            change = after[name][index] - before[name][index]
            assert change == pytest.approx(-RATE * slope, rel=1e-3, abs=2e-6), (name, index)
    # And the layers below learn from both.
    alone = make(layers=())
    TrainStep(alone, make_optimizer("SGD"), alone.trainable_variables)(batch, RATE)
    assert np.abs(weights_of(alone)["encoder/conv11/kernel"]
                  - after["encoder/conv11/kernel"]).max() > 1e-4  # fmt: skip


def test_gradients_are_accumulated_too():
    model, batch = make(), make_batch()
    expected = terms_in_numpy(weights_of(model), hidden_of(model, batch))
    options = StepOptions(iter_size=2)
    step = TrainStep(model, make_optimizer("SGD"), model.trainable_variables, options)
    result = step(batch, RATE, update=False)
    assert float(result.loss) == pytest.approx(summed(expected).mean(), rel=1e-5)
    assert result.terms.keys() == expected.keys()


def test_evaluation_has_the_final_loss_alone():
    model, batch = make(), make_batch()
    hidden = hidden_of(model, batch)
    final = losses_in_numpy(weights_of(model), *hidden[3])
    logits, lengths, losses = EvaluationStep(model).logits_and_losses(batch)
    np.testing.assert_allclose(losses, final, rtol=1e-5)
    assert logits.shape == (3, 3, SYMBOLS + 1) and list(lengths) == [3, 2, 3]
    np.testing.assert_array_equal(EvaluationStep(model).losses(batch), losses)
    assert not model.compute_losses(*batch.arrays).terms


def test_an_utterance_that_does_not_fit_one_of_the_layers_is_left_out():
    model, batch = make(), make_batch()
    # 1 0 1 takes three frames, 1 1 0 a blank more: block 1 has five frames, the output three.
    batch.labels = np.array([[0, 1, 0], [1, 0, 0], [1, 1, 0]], np.int32)
    step = TrainStep(model, make_optimizer("SGD"), model.trainable_variables)
    result = step(batch, RATE)
    assert list(np.isfinite(np.asarray(result.losses))) == [True, True, False]
    assert np.isfinite(np.asarray(result.terms["intermediate_1"])).all()
    assert float(result.totals.bad) == 1
    assert np.isfinite(float(result.loss)) and np.isfinite(float(result.gradient_norm))


def params(encoder, encoder_params, layers):
    return {**PARAMS, "encoder": encoder, "encoder_params": encoder_params,
            "loss_params": {"intermediate_layers": layers}}  # fmt: skip


RECURRENT = {
    "dropout_keep_prob": 1.0, "conv_layers": [], "activation_fn": "relu", "num_rnn_layers": 3,
    "row_conv": False, "n_hidden": 4, "use_cudnn_rnn": True, "rnn_cell_dim": 4, "rnn_type": "gru",
    "rnn_unidirectional": True,
}  # fmt: skip


class TestLayersThatAreNotThere:
    @pytest.mark.parametrize(
        ("encoder", "encoder_params", "most"),
        [
            ("DeepSpeech2Encoder", RECURRENT, 3),
            ("CRNNEncoder", {}, 5),
            ("CRNNEncoder", {"n_hidden": 0}, 4),
            ("TDNNEncoder", {**PARAMS["encoder_params"],
                             "convnet_layers": PARAMS["encoder_params"]["convnet_layers"] * 3}, 2),
        ],
    )  # fmt: skip
    def test_the_range_is_said(self, encoder, encoder_params, most):
        schema = Speech2Text.PARAMS
        assert not schema.problems(params(encoder, encoder_params, [most]))
        (problem,) = schema.problems(params(encoder, encoder_params, [1, most + 1]))
        assert problem.where == "loss_params/intermediate_layers[1]"
        assert problem.found == str(most + 1) and f"{encoder}, 1 to {most}" in problem.expected
        assert problem.remedy == f"Set it to {most}."

    def test_an_encoder_of_one_layer_has_none(self):
        (problem,) = Speech2Text.PARAMS.problems(
            params("TDNNEncoder", PARAMS["encoder_params"], [1])
        )
        assert problem.remedy == "Set intermediate_layers to []."

    def test_a_layer_counts_once(self):
        with pytest.raises(InputError, match=r"found \[2, 1, 2\].*Set it to \[2, 1\]"):
            make(layers=[2, 1, 2])
