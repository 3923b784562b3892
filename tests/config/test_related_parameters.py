"""What is wrong between two parameters is answered with a value to set; setting it mends it."""

import ast
import copy
import re

import pytest

from open_seq2seq.config.effective import mode_problems
from open_seq2seq.data.speech2text.augmentation import AUGMENTATION, Augmenter
from open_seq2seq.data.speech2text.params import SPEECH2TEXT_DATA
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders.crnn_params import CRNN
from open_seq2seq.encoders.deepspeech2_params import DEEP_SPEECH_2
from open_seq2seq.encoders.tdnn_params import TDNN
from open_seq2seq.encoders.text.text_params import TRANSFORMER_LM
from open_seq2seq.models.params import SPEECH2TEXT
from open_seq2seq.optimizers.lr_policies import LR_POLICIES

DATA = {"num_audio_features": 40, "input_type": "logfbank", "vocab_file": "v", "backend": "librosa"}
LAYER = {
    "type": "conv1d", "repeat": 1, "kernel_size": [11], "stride": [1], "num_channels": 8,
    "padding": "SAME", "dilation": [1],
}  # fmt: skip
NETWORK = {"dropout_keep_prob": 0.9, "activation_fn": "relu", "convnet_layers": [LAYER]}
RECURRENT = {
    "dropout_keep_prob": 0.9, "activation_fn": "relu", "conv_layers": [], "num_rnn_layers": 1,
    "row_conv": False, "n_hidden": 8, "use_cudnn_rnn": False, "rnn_cell_dim": 8,
    "rnn_type": "gru", "rnn_unidirectional": False,
}  # fmt: skip
MODEL = {
    "encoder": "TDNNEncoder", "encoder_params": NETWORK, "decoder": "FullyConnectedCTCDecoder",
    "data_layer": "Speech2TextDataLayer", "data_layer_params": DATA, "logdir": "x",
    "batch_size_per_gpu": 1,
}  # fmt: skip
PIECES = {"learning_rate": 0.1}


def layers(**wrong):
    return {**NETWORK, "convnet_layers": [{**LAYER, **wrong}]}


CASES = [
    # What fails, and the remedy's beginning: a value that a reader can type.
    (SPEECH2TEXT_DATA, {**DATA, "num_fft": 256}, "Set num_fft to 512, or leave it out."),
    (SPEECH2TEXT_DATA, {**DATA, "num_fft": 512, "window_size": 0.04}, "Set num_fft to 1024"),
    (
        SPEECH2TEXT_DATA,
        {**DATA, "input_type": "spectrogram", "num_audio_features": 200},
        "Set num_audio_features to 161, or set window_size to 0.0249.",
    ),
    (
        SPEECH2TEXT_DATA,
        {**DATA, "input_type": "mfcc", "legacy_mfcc": True, "num_audio_features": 300},
        "Set num_audio_features to 257, or set num_fft to 1024.",
    ),
    (SPEECH2TEXT_DATA, {**DATA, "window_stride": 0.0}, "Set window_stride to 0.01: it is in sec"),
    (SPEECH2TEXT_DATA, {**DATA, "window_size": 0.0, "window_stride": 1.0, "sample_freq": 40},
     "Set window_size to 0.025"),
    (SPEECH2TEXT_DATA, {**DATA, "gain": -1.0}, "Set gain to None"),
    (
        SPEECH2TEXT_DATA,
        {**DATA, "features_mean": [0.0] * 64},
        "Set num_audio_features to 64, or set features_mean to None.",
    ),
    (
        SPEECH2TEXT_DATA,
        {**DATA, "features_std_dev": [float("nan")] * 40},
        "Set features_std_dev to None",
    ),
    (SPEECH2TEXT_DATA, {**DATA, "autoregressive": True}, "Set autoregressive to False."),
    (
        SPEECH2TEXT_DATA,
        {**DATA, "syn_enable": True},
        "Set syn_subdirs to ['en-us'], the folders' names, or set syn_enable to False.",
    ),
    (
        SPEECH2TEXT_DATA,
        {**DATA, "min_duration": 9.0, "max_duration": 2.5},
        "Set min_duration to 2.5 and max_duration to 9.0, or remove one of them.",
    ),
    (AUGMENTATION, {"speed_perturbation_ratio": []}, "Set speed_perturbation_ratio to [0.9, 1.0, "),
    (
        AUGMENTATION,
        {"speed_perturbation_ratio": 1.1},
        "Set speed_perturbation_ratio to [1.1] for this factor, or set speed_perturbation_ratio "
        "to 0.1.",
    ),
    (AUGMENTATION, {"time_stretch_ratio": 10}, "Set time_stretch_ratio to 0.1"),
    (
        AUGMENTATION,
        {"speed_perturbation_ratio": 0.1, "time_stretch_ratio": 0.1},
        "Remove time_stretch_ratio.",
    ),
    (
        AUGMENTATION,
        {"spec_augment": "LD", "n_freq_mask": 2},
        "Remove n_freq_mask, or remove spec_augment.",
    ),
    (AUGMENTATION, {"noise_level_max": -46}, "Set noise_level_min to -66, or remove the other"),
    (AUGMENTATION, {"noise_level_min": -90}, "Set noise_level_max to -70"),
    (
        AUGMENTATION,
        {"noise_level_min": -46, "noise_level_max": -90},
        "Set noise_level_min to -90 and noise_level_max to -46.",
    ),
    (SPEECH2TEXT, {**MODEL, "print_samples_steps": 500, "print_loss_steps": 120},
     "Set print_samples_steps to 600."),
    (SPEECH2TEXT, {**MODEL, "larc_params": {"larc_eta": 0.001}, "max_grad_norm": 1.0},
     "Set max_grad_norm to None, or set larc_params to None."),
    (SPEECH2TEXT, {**MODEL, "loss_scaling": "dynamic"}, "Set loss_scaling to 'Backoff'."),
    (SPEECH2TEXT, {**MODEL, "hooks": ["a"]}, "Set hooks to []"),
    (LR_POLICIES["piecewise_constant"].PARAMS,
     {**PIECES, "boundaries": [10, 20], "decay_rates": [0.1]},
     "Set decay_rates to [0.1, 0.01]."),
    (LR_POLICIES["piecewise_constant"].PARAMS,
     {**PIECES, "boundaries": [10], "decay_rates": [0.1, 0.01]}, "Set decay_rates to [0.1]."),
    (LR_POLICIES["piecewise_constant"].PARAMS,
     {**PIECES, "boundaries": [20, 10], "decay_rates": [0.1, 0.01]},
     "Set boundaries to [10, 20]."),
    (FullyConnectedCTCDecoder.PARAMS, {"hot_words": {"play": "much"}},
     "Set hot_words to {'play': 5.0}."),
    (TDNN, layers(kernel_size=[11, 41]), "Set kernel_size to [11]."),
    (TDNN, layers(type="conv2d", kernel_size=[11, 21], stride=[2], dilation=[1, 1]),
     "Set stride to [2, 2]."),
    (TDNN, layers(type="tcn", padding="VALID"), "Set padding to 'SAME'"),
    (TDNN, layers(residual=True, padding="VALID"), "Set padding to 'SAME', or set residual to Fal"),
    (TDNN, layers(residual_dense=True), "Set residual to True, or remove residual_dense."),
    (TDNN, {**NETWORK, "drop_block_index": 4}, "Set drop_block_index to -1."),
    (TRANSFORMER_LM, {"hidden_size": 300, "num_heads": 4},
     "Set hidden_size to 304, or set num_heads to 3."),
    (TRANSFORMER_LM, {"hidden_size": 10, "num_heads": 2}, "Set hidden_size to 12."),
    (DEEP_SPEECH_2, {**RECURRENT, "rnn_type": "relu_rnn", "use_cudnn_rnn": True},
     "Set use_cudnn_rnn to False to use relu_rnn"),
    (DEEP_SPEECH_2, {**RECURRENT, "row_conv": True},
     "Set row_conv_width to 8, or set row_conv to False."),
    (DEEP_SPEECH_2, {**RECURRENT, "rnn_merge": "sum"},
     "Set rnn_arrangement to 'interleaved', or set rnn_merge to 'concat'."),
    (CRNN, {"conv_stride": [2]}, "Set conv_stride to [2, 1]."),
]  # fmt: skip


def followed(values, alternative, named):
    """A copy of `values` with what one alternative of a remedy says: set X to V, remove X."""
    values = copy.deepcopy(values)
    places = [values, *values.get("convnet_layers", []), *values.get("conv_layers", [])]
    # "it" and "one of them" are the parameter that the message is about; "the other one" is that
    # which is there.
    for name in re.findall(r"(?:[Rr]emove|leave) (\w+(?: other one| of them)?)", alternative):
        name = named if name in ("it", "one of them") else name
        if name == "the other one":
            name = next(iter(values))
        for place in places:
            place.pop(name, None)
    for match in re.finditer(r"(?:[Ss]et|and) (\w+) to ", alternative):
        name, text = match[1], alternative[match.end() :]
        value = next(v for end in range(len(text), 0, -1) for v in literal(text[:end]))
        place = next((p for p in places if name in p), None)
        if place is None:
            place = places[-1] if name in ("residual",) else values
        place[name] = value
    return values


def literal(text):
    """The Python literal that a text is, as a list: empty where it is none."""
    try:
        return [] if text.rstrip().endswith(",") else [ast.literal_eval(text)]
    except (SyntaxError, ValueError):
        return []


@pytest.mark.parametrize(("schema", "values", "expected"), CASES, ids=lambda case: str(case)[:40])
def test_every_alternative_of_a_remedy_works(schema, values, expected):
    problems = schema.problems(values)
    assert len(problems) == 1
    remedy = problems[0].remedy
    assert remedy.startswith(expected)
    for alternative in remedy.rstrip(".").split(", or "):
        changed = followed(values, alternative, problems[0].where.rpartition("/")[2])
        assert changed != values, alternative
        assert schema.problems(changed) == [], alternative


def test_boundaries_that_are_there_twice():
    schema = LR_POLICIES["piecewise_constant"].PARAMS
    values = {**PIECES, "boundaries": [10, 10], "decay_rates": [0.1, 0.01]}
    (problem,) = schema.problems(values)
    assert problem.remedy == "Remove the boundaries that are there twice, and their decay_rates."
    assert not schema.problems({**PIECES, "boundaries": [10], "decay_rates": [0.1]})


def test_a_layer_with_one_number_for_time_and_frequency():
    layer = {"kernel_size": [11], "stride": [2, 2], "num_channels": 8, "padding": "SAME"}
    (problem,) = DEEP_SPEECH_2.problems({**RECURRENT, "conv_layers": [layer]})
    assert problem.remedy == "Set kernel_size to [11, 1]."
    mended = {**layer, "kernel_size": [11, 1]}
    assert not DEEP_SPEECH_2.problems({**RECURRENT, "conv_layers": [mended]})


def test_dense_residual_blocks_of_two_lengths():
    dense = {**LAYER, "residual": True, "residual_dense": True}
    blocks = [dense, {**LAYER, "stride": [2]}, dense]
    (problem,) = TDNN.problems({**NETWORK, "convnet_layers": blocks})
    assert problem.where.endswith("convnet_layers[2]/residual_dense")
    assert problem.remedy.startswith("Set residual_dense to False, or put all layers that stride")
    first = [{**LAYER, "stride": [2]}, dense, dense]
    for mended in ([*blocks[:2], {**dense, "residual_dense": False}], first):
        assert not TDNN.problems({**NETWORK, "convnet_layers": mended})


def test_no_layers_at_all():
    (problem,) = TDNN.problems({**NETWORK, "convnet_layers": []})
    assert "digits_jasper_mini.py" in problem.remedy


def test_masks_wider_than_the_features():
    masks = {"n_freq_mask": 1, "width_freq_mask": 100}
    (problem,) = Augmenter(masks, 16000).problems(40)
    assert problem.remedy == "Set width_freq_mask to 5."
    assert not Augmenter({**masks, "width_freq_mask": 5}, 16000).problems(40)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"lr_policy": "fixed_lr"}, "Set num_epochs to 50."),
        ({"lr_policy": "fixed_lr", "num_epochs": 5, "max_steps": 9}, "Set max_steps to None."),
        ({"num_epochs": 5}, "Set lr_policy to 'cosine_decay' and lr_policy_params to {'learning"),
    ],
)
def test_what_training_needs(params, expected):
    params = {**MODEL, **params}
    (problem,) = mode_problems(params, "train")
    assert problem.remedy.startswith(expected)
    changed = followed(params, problem.remedy.rstrip("."), problem.where)
    assert not list(mode_problems(changed, "train")) and not SPEECH2TEXT.problems(changed)
