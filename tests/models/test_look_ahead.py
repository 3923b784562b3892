"""`look_ahead_seconds`: the frames of the data layer that fit, and what is wrong with it."""

import pytest

from open_seq2seq.encoders import CRNNEncoder, DeepSpeech2Encoder, TDNNEncoder
from open_seq2seq.errors import InputError
from open_seq2seq.models import Speech2Text
from open_seq2seq.models.params import SPEECH2TEXT
from tests.encoders.architectures import deep_speech, frequency_convolution
from tests.models.test_speech2text import LAYER, PARAMS

WIDE = {**LAYER, "kernel_size": [61], "stride": [1], "padding": "SAME"}


def params(stride=None, layer=WIDE, **own):
    data = dict(PARAMS["data_layer_params"])
    if stride is not None:
        data["window_stride"] = stride
    network = {**PARAMS["encoder_params"], "convnet_layers": [layer], **own}
    return {**PARAMS, "encoder_params": network, "data_layer_params": data}


@pytest.mark.parametrize(
    ("seconds", "stride", "frames"),
    [(0.29, None, 29), (0.29, 0.01, 29), (0.295, 0.01, 29), (0.3, 0.02, 15), (0, 0.01, 0),
     (0.0099, 0.01, 0), (5.0, 0.01, 30)],
)  # fmt: skip
def test_it_is_the_frames_that_fit(seconds, stride, frames):
    given = params(stride, look_ahead_seconds=seconds)
    assert SPEECH2TEXT.problems(given) == []
    model = Speech2Text(SPEECH2TEXT.parse(given), 5, 4)
    assert model.encoder.context == (60 - frames, frames)
    same = params(stride, look_ahead=model.encoder.params["look_ahead"])
    other = Speech2Text(SPEECH2TEXT.parse(same), 5, 4)
    assert other.encoder.context == model.encoder.context


def test_either_frames_or_seconds():
    (problem,) = SPEECH2TEXT.problems(params(look_ahead=3, look_ahead_seconds=0.5))
    assert problem.where == "encoder_params/look_ahead_seconds"
    assert problem.remedy == "Set look_ahead to None."
    assert SPEECH2TEXT.problems(params(look_ahead=None, look_ahead_seconds=0.5)) == []


def test_what_cannot_be_kept_is_said_as_of_frames():
    fixed = {**WIDE, "padding": [0, 20]}
    (problem,) = SPEECH2TEXT.problems(params(layer=fixed, look_ahead_seconds=0.1))
    assert problem.where == "encoder_params/look_ahead_seconds"
    assert problem.found == "0.1 s, which are 10 feature frames"
    assert problem.expected.startswith("at least 60,")
    assert problem.remedy.startswith("Set look_ahead_seconds to None. Set look_ahead to 60,")
    assert SPEECH2TEXT.problems(params(layer=fixed, look_ahead_seconds=0.6)) == []
    (problem,) = SPEECH2TEXT.problems(params(normalization="layer_norm", look_ahead_seconds=0.1))
    assert problem.where == "encoder_params/normalization"


def test_a_backward_layer_has_no_look_ahead():
    both = deep_speech([frequency_convolution((5, 3), (2, 2), 3)], "gru", 1, 6, 6)
    for encoder, own in (("DeepSpeech2Encoder", both), ("CRNNEncoder", {})):
        own = {**own, "look_ahead_seconds": 0.1}
        (problem,) = SPEECH2TEXT.problems({**PARAMS, "encoder": encoder, "encoder_params": own})
        assert problem.where == "encoder_params/rnn_unidirectional"
        own["rnn_unidirectional"] = True
        assert not SPEECH2TEXT.problems({**PARAMS, "encoder": encoder, "encoder_params": own})


@pytest.mark.parametrize(
    ("encoder", "own"),
    [
        (TDNNEncoder, params()["encoder_params"]),
        (DeepSpeech2Encoder, deep_speech([], "gru", 1, 6, 6, rnn_unidirectional=True)),
        (CRNNEncoder, {"rnn_unidirectional": True}),
    ],
)
def test_an_encoder_alone_does_not_know_how_long_a_frame_is(encoder, own):
    with pytest.raises(InputError, match="how long a frame is") as raised:
        encoder({**own, "look_ahead_seconds": 0.1})
    assert raised.value.problems[0].where == "look_ahead_seconds"


def test_parameters_that_the_model_takes_from_the_encoder_are_no_problem():
    given = params(look_ahead_seconds=0.5, initializer="xavier_initializer", dtype="float32")
    assert SPEECH2TEXT.problems(given) == []
