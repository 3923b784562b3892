"""Frozen variables: by our names and OpenSeq2Seq's, said, and really frozen."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from open_seq2seq.errors import InputError
from open_seq2seq.models import Speech2Text
from open_seq2seq.training.freezing import trainable_variables

BLOCK = {"type": "conv1d", "repeat": 1, "kernel_size": [3], "stride": [1], "num_channels": 4,
         "padding": "SAME"}  # fmt: skip


@pytest.fixture(scope="module")
def model():
    params = Speech2Text.PARAMS.fill(
        {
            "encoder": "TDNNEncoder",
            "encoder_params": {
                "convnet_layers": [BLOCK] * 11,
                "dropout_keep_prob": 1.0,
                "activation_fn": "relu",
            },
            "decoder": "FullyConnectedCTCDecoder",
        }
    )
    return Speech2Text(params, 6, 3)


def trained(model, regex):
    return [v.path.partition("/")[2] for v in trainable_variables(model, regex)]


def test_without_a_regex_everything_is_trained(model, capsys):
    assert len(trained(model, None)) == len(model.trainable_variables) == 35
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("regex", "left"),
    [
        ("encoder/", 2),
        ("encoder", 2),
        ("encoder/conv11/", 32),
        ("encoder/conv1", 26),  # conv11, conv101 and conv111
        ("ForwardPass/w2l_encoder/", 2),
        ("ForwardPass/w2l_encoder/conv21/kernel:0", 34),
        (".*/bn/", 13),
        ("ForwardPass/fully_connected_ctc_decoder/", 33),
        ("decoder/fully_connected/bias$", 34),
        ("ForwardPass/w2l_encoder/.*kernel|ForwardPass/fully", 22),
    ],
)
def test_names_are_matched_from_their_start(model, regex, left, capsys):
    names = trained(model, regex)
    assert len(names) == left
    assert f"{35 - left} of 35 variables are frozen" in capsys.readouterr().out


def test_the_number_of_parameters_is_said(model, capsys):
    trained(model, "decoder/")
    # 4 channels, 3 symbols and the blank.
    assert f"{4 * 4 + 4} parameters" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("regex", "what"),
    [
        ("conv11", "a match of no variable"),
        ("ForwardPass/ds2_encoder", "a match of no variable"),
        (".*", "every variable"),
        ("encoder/(", "not a regular expression"),
    ],
)
def test_a_regex_that_is_of_no_use_is_refused_with_names(model, regex, what):
    with pytest.raises(InputError) as raised:
        trainable_variables(model, regex)
    assert what in str(raised.value)
    assert "encoder/conv11/kernel" in str(raised.value) and "decoder/" in str(raised.value)


def test_frozen_variables_keep_their_values(corpus, run):
    common = ("--mode=train", "--freeze_variables_regex=ForwardPass/w2l_encoder/conv11")
    assert run(*common, "--max_steps=1", "--lr_policy_params/learning_rate=0")[0] == 0
    code, out, err = run(*common, "--max_steps=3", "--continue_learning")
    assert code == 0, err
    assert "3 of " in out and "are frozen" in out
    before = load_file(corpus / "run/ckpt-1/model.safetensors")
    after = load_file(corpus / "run/ckpt-3/model.safetensors")
    for name in before:
        kind = name.split("/")[-1]
        if kind in ("kernel", "bias", "gamma", "beta"):
            same = np.array_equal(before[name], after[name])
            assert same == name.startswith("encoder/conv11/"), name
