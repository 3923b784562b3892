"""Checkpoints of OpenSeq2Seq, written with TensorFlow 1, give the logits of its formulas."""

import textwrap
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import soundfile

from open_seq2seq.checkpoints.storage import read_state
from open_seq2seq.cli import main as run_command
from open_seq2seq.commands.importers.openseq2seq import run as import_checkpoint
from open_seq2seq.config.loading import load_config
from open_seq2seq.errors import InputError
from open_seq2seq.experiment import effective_params, make_experiment
from open_seq2seq.inference.weights import load_weights
from open_seq2seq.training.transfer import base_checkpoint
from scripts.import_openseq2seq_checkpoint import main
from tests.interop import old_checkpoints as old
from tests.tiers import slow

VOCABULARY = " \na\nb\nc\n"
CONFIG = """
    import tensorflow as tf
    from open_seq2seq.data import Speech2TextDataLayer
    from open_seq2seq.decoders import FullyConnectedCTCDecoder
    from open_seq2seq.encoders import DeepSpeech2Encoder, TDNNEncoder
    from open_seq2seq.models import Speech2Text

    base_model = Speech2Text
    base_params = {{
        "logdir": "unused", "use_horovod": False, "num_gpus": 1, "batch_size_per_gpu": 2,
        "encoder": {encoder}, "encoder_params": {params},
        "decoder": FullyConnectedCTCDecoder,
    }}
    infer_params = {{
        "data_layer": Speech2TextDataLayer,
        "data_layer_params": {{
            "num_audio_features": 8, "input_type": "logfbank", "sample_freq": 8000,
            "vocab_file": "{folder}/vocab.txt", "dataset_files": ["{folder}/none.csv"],
        }},
    }}
"""


def write_config(folder, encoder, params):
    (folder / "vocab.txt").write_text(VOCABULARY)
    text = textwrap.dedent(CONFIG).format(encoder=encoder, params=params, folder=folder)
    (folder / "config.py").write_text(text)
    return folder / "config.py"


def tdnn_config(folder):
    names = ("type", "repeat", "kernel_size", "stride", "num_channels", "dilation")
    layers = []
    for entry in old.TDNN_LAYERS:
        kind, repeat, taps, stride, channels, dilation, residual, dense = entry
        values = (kind, repeat, [taps], [stride], channels, [dilation])
        layers.append({**dict(zip(names, values)), "padding": "SAME"})
        layers[-1].update(residual=residual, residual_dense=dense)
    params = (
        f'{{"convnet_layers": {layers}, "dropout_keep_prob": 0.8, "use_conv_mask": True,'
        ' "activation_fn": lambda x: tf.minimum(tf.nn.relu(x), 20.0)}'
    )
    return write_config(folder, "TDNNEncoder", params)


def ds2_config(folder, kind, directions=2, is_cudnn=True, row_conv=3, **more):
    params = {
        **more,
        "conv_layers": [
            {"kernel_size": [5, 3], "stride": [2, 2], "num_channels": 3, "padding": "SAME"}
        ],
        "num_rnn_layers": 2,
        "rnn_cell_dim": old.UNITS,
        "use_cudnn_rnn": is_cudnn,
        "rnn_type": kind,
        "rnn_unidirectional": directions == 1,
        "row_conv": bool(row_conv),
        "row_conv_width": row_conv,
        "n_hidden": old.HIDDEN,
        "dropout_keep_prob": 0.5,
        "activation_fn": "relu",
    }
    return write_config(folder, "DeepSpeech2Encoder", params)


@cache
def experiment_of(text):
    """The model and data layer of a config whose folder is called PLACE."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "config.py"
        path.write_text(text.replace("PLACE", folder))
        (Path(folder) / "vocab.txt").write_text(VOCABULARY)
        config = load_config(path)
        params = effective_params(config, [], "infer")
        return make_experiment(params, config.base_model, "infer", utterances=[])


def logits_after_import(config_file, prefix, folder, use_ema=False):
    """What the imported checkpoint computes, read back as evaluation reads it."""
    path = import_checkpoint(str(config_file), str(prefix), folder / "imported", use_ema)
    experiment = experiment_of(config_file.read_text().replace(str(config_file.parent), "PLACE"))
    load_weights(experiment, path)
    x = features()
    logits, lengths = experiment.model(x[None], np.array([len(x)]))
    assert int(lengths[0]) == len(x) // 2
    return np.asarray(logits)[0]


def features():
    return 2 * np.random.default_rng(9).standard_normal((16, old.FEATURES)).astype(np.float32)


@pytest.mark.parametrize("version", [2, slow(1)])
def test_tdnn(tmp_path, capsys, version):
    weights = old.tdnn_weights()
    slots = {f"Loss_Optimization/{n}/Momentum": v for n, v in weights.items() if "kernel" in n}
    slots["Loss_Optimization/nvgrad2_ema0"] = np.float32(1.0)
    slots["Loss_Optimization/beta1_power"] = np.float32(0.9)
    slots["loss_scale"] = np.float32(1024)
    prefix = old.write(tmp_path, {**weights, **slots}, step=4300, version=version)
    found = logits_after_import(tdnn_config(tmp_path), prefix, tmp_path)
    expected = old.tdnn_logits(weights, features())
    assert expected.std(axis=0).max() > 0.05, "nothing to compare"
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    state = read_state(tmp_path / "imported/ckpt-4300")
    assert state["imported"]["checkpoint"] == prefix
    output = capsys.readouterr().out
    assert f"{len(weights)} variables used:" in output
    assert f"{len(slots) + 1} variables not used:" in output
    assert output.count("the optimizer's state") == len(slots) - 1
    assert "the state of the loss scaling" in output
    assert "the number of steps" in output


def test_mixed_precision_takes_the_master_copies(tmp_path, capsys):
    weights = old.tdnn_weights(1)
    prefix = old.write(tmp_path, old.half(weights))
    found = logits_after_import(tdnn_config(tmp_path), prefix, tmp_path)
    np.testing.assert_allclose(found, old.tdnn_logits(weights, features()), rtol=1e-4, atol=1e-4)
    assert "another copy of it is used" in capsys.readouterr().out


def test_half_precision_without_master_copies(tmp_path):
    weights = old.tdnn_weights(2)
    halved = {n: v for n, v in old.half(weights).items() if not n.startswith(old.MASTER)}
    found = logits_after_import(tdnn_config(tmp_path), old.write(tmp_path, halved), tmp_path)
    rounded = old.Weights()
    rounded.update({name: value.astype(np.float32) for name, value in halved.items()})
    np.testing.assert_allclose(found, old.tdnn_logits(rounded, features()), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("is_mixed", [slow(False), True])
def test_moving_averages_of_weights(tmp_path, is_mixed):
    """With --use_ema the averages of trained variables, with the statistics as they are."""
    weights, averages = old.tdnn_weights(3), old.tdnn_weights(4)
    for name in weights:
        if "moving" in name:
            averages[name] = weights[name]
    stored = old.half(weights) if is_mixed else dict(weights)
    for name, value in averages.items():
        if "moving" not in name:
            master = old.MASTER if is_mixed and old.MASTER + name in stored else ""
            stored[f"{master}{name}/ExponentialMovingAverage"] = value
    prefix = old.write(tmp_path, stored)
    config = tdnn_config(tmp_path)
    x = features()
    found = logits_after_import(config, prefix, tmp_path / "ema", use_ema=True)
    np.testing.assert_allclose(found, old.tdnn_logits(averages, x), rtol=1e-4, atol=1e-4)
    found = logits_after_import(config, prefix, tmp_path)
    np.testing.assert_allclose(found, old.tdnn_logits(weights, x), rtol=1e-4, atol=1e-4)


DS2_CASES = [("gru", 2), ("gru", 1), ("lstm", 2), ("lstm", 1)]


@pytest.mark.parametrize(("kind", "directions"), DS2_CASES)
@pytest.mark.parametrize("form", [slow("cells"), "blob", slow("mixed")])
def test_cudnn_layers(tmp_path, kind, directions, form):
    weights = old.ds2_weights(kind, directions, row_conv=3 if directions == 1 else 0)
    cells = {}
    for (layer, direction), cell in weights.cells.items():
        prefix = old.canonical_prefix(kind, layer, direction, directions)
        cells.update(old.canonical(cell, kind, prefix))
    name = f"{old.DS2}/cudnn_{kind}/opaque_kernel"
    blob = old.blob(weights.cells.values(), kind)
    stored = {
        "cells": {**weights, **cells},
        "blob": {**weights, name: blob},
        # Cell by cell in half precision, as the layer saves itself; the master copy as a blob.
        "mixed": {
            **old.half(weights),
            **{n: value.astype(np.float16) for n, value in cells.items()},
            old.MASTER + name: blob,
            f"Loss_Optimization/{old.MASTER}{name}/Momentum": blob,
        },
    }[form]
    config = ds2_config(tmp_path, f"cudnn_{kind}", directions, row_conv=3 * (directions == 1))
    found = logits_after_import(config, old.write(tmp_path, stored), tmp_path)
    expected = old.ds2_logits(weights, kind, features(), directions)
    assert expected.std(axis=0).max() > 0.05, "nothing to compare"
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "rnn_type", "directions"),
    [
        slow("gru", "gru", 2),
        ("gru", "gru", 1),
        slow("basic_lstm_cell", "lstm", 2),
        ("lstm_cell", "lstm", 1),
        ("layernorm_lstm", "layernorm_lstm", 2),
        slow("layernorm_lstm", "layernorm_lstm", 1),
    ],
)
def test_tensorflows_own_cells(tmp_path, kind, rnn_type, directions):
    weights = old.ds2_weights(kind, directions, seed=5, is_cudnn=False)
    config = ds2_config(tmp_path, rnn_type, directions, is_cudnn=False)
    found = logits_after_import(config, old.write(tmp_path, dict(weights)), tmp_path)
    expected = old.ds2_logits(weights, kind, features(), directions, is_cudnn=False)
    assert expected.std(axis=0).max() > 0.05, "nothing to compare"
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("data_format", [slow("BFTC"), "channels_first"])
def test_kernels_of_graphs_with_frequency_before_time(tmp_path, data_format):
    """Kernels [frequency, time, ...] are turned; with time first they are taken as they are."""
    weights = old.ds2_weights("gru", row_conv=0, is_cudnn=False)
    stored, name = dict(weights), f"{old.DS2}/conv1/kernel"
    if data_format == "BFTC":
        stored[name] = weights[name].transpose(1, 0, 2, 3).copy()
    config = ds2_config(tmp_path, "gru", is_cudnn=False, row_conv=0, data_format=data_format)
    found = logits_after_import(config, old.write(tmp_path, stored), tmp_path)
    expected = old.ds2_logits(weights, "gru", features(), is_cudnn=False)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_the_imported_model_is_a_base_model(tmp_path, capsys):
    """And overrides of the config follow the script's own flags."""
    prefix = old.write(tmp_path, dict(old.tdnn_weights()))
    arguments = [f"--config_file={tdnn_config(tmp_path)}", f"--logdir={tmp_path}/imported"]
    arguments.append(f"--checkpoint={prefix}")
    assert main([*arguments, "--batch_size_per_gpu=3"]) == 0
    assert base_checkpoint(str(tmp_path / "imported"), best=True).name == "ckpt-7"
    arguments[1] = f"--logdir={tmp_path}/other"
    assert main([*arguments, "--batch_size=3"]) == 2
    assert "batch_size" in capsys.readouterr().err


def test_a_blob_of_another_layout_is_not_trusted(tmp_path, capsys):
    weights = old.ds2_weights("gru", row_conv=0)
    cells = {}
    for (layer, direction), cell in weights.cells.items():
        # What float16 holds exactly, and sums of two of them: the layers' own copies are used.
        cell.update({name: np.round(512 * value) / 512 for name, value in cell.items()})
        prefix = old.canonical_prefix("gru", layer, direction, 2)
        for name, value in old.canonical(cell, "gru", prefix).items():
            cells[name] = value.astype(np.float16)
    blob = old.blob(weights.cells.values(), "gru")[::-1]
    name = f"{old.MASTER}{old.DS2}/cudnn_gru/opaque_kernel"
    prefix = old.write(tmp_path, {**weights, **cells, name: blob})
    config = ds2_config(tmp_path, "cudnn_gru", row_conv=0)
    found = logits_after_import(config, prefix, tmp_path)
    expected = old.ds2_logits(weights, "gru", features())
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert "it has another layout" in capsys.readouterr().out


def test_everything_that_does_not_fit_is_listed(tmp_path, capsys):
    weights = old.tdnn_weights()
    kernel = weights.pop(f"{old.TDNN}/conv11/kernel")
    weights[f"{old.TDNN}/conv61/kernel"] = kernel
    weights[f"{old.TDNN}/conv31/kernel"] = np.zeros((3, 7, 9), np.float32)
    weights[f"{old.HEAD}/bias"][1] = np.nan
    arguments = [f"--config_file={tdnn_config(tmp_path)}", f"--logdir={tmp_path}/imported"]
    assert main([*arguments, f"--checkpoint={old.write(tmp_path, dict(weights))}"]) == 2
    error = capsys.readouterr().err
    assert f"{old.TDNN}/conv11/kernel: found nothing" in error
    assert f"{old.TDNN}/conv61/kernel: found an array of shape (5, 8, 6)" in error
    assert f"{old.TDNN}/conv31/kernel: found shape (3, 7, 9), expected (3, 7, 6)" in error
    assert f"{old.HEAD}/bias: found 1 values that are not finite" in error
    assert len(error.strip().splitlines()) == 5
    assert not (tmp_path / "imported").exists()


def test_averages_that_are_not_there(tmp_path):
    prefix = old.write(tmp_path, dict(old.tdnn_weights()))
    with pytest.raises(InputError, match="no moving average") as raised:
        import_checkpoint(str(tdnn_config(tmp_path)), prefix, tmp_path / "imported", True)
    trained = [n for n in old.tdnn_weights() if "moving" not in n]
    assert len(raised.value.problems) == len(trained)


def test_another_arrangement_is_refused(tmp_path):
    """Two stacks don't fit layers that read both directions, and say so."""
    weights = old.ds2_weights("gru", is_cudnn=False, row_conv=0)
    config = ds2_config(tmp_path, "cudnn_gru", row_conv=0)
    with pytest.raises(InputError, match="cudnn_compatible_gru_cell/gates/kernel: found nothing"):
        import_checkpoint(str(config), old.write(tmp_path, dict(weights)), tmp_path / "x", False)


def test_a_folder_means_its_newest(tmp_path, capsys):
    config = tdnn_config(tmp_path)
    for step in (9, 100, 20):
        old.write(tmp_path / "run", dict(old.tdnn_weights(step)), step=step)
    arguments = [f"--config_file={config}", f"--checkpoint={tmp_path}/run"]
    assert main([*arguments, f"--logdir={tmp_path}/imported"]) == 0
    output = capsys.readouterr().out
    assert f"Written to {tmp_path}/imported/ckpt-100" in output
    assert "train on by --load_model" in output
    # What was imported transcribes.
    recording = 0.1 * np.random.default_rng(0).standard_normal(8000)
    soundfile.write(tmp_path / "a.wav", recording, 8000)
    output = f"--infer_output_file={tmp_path}/out.csv"
    common = (f"--config_file={config}", f"--logdir={tmp_path}/imported")
    assert run_command([*common, "--mode=infer", f"--infer_files={tmp_path}/a.wav", output]) == 0
    assert f"Transcribing with {tmp_path}/imported/ckpt-100" in capsys.readouterr().err
    # The place is taken; and there is nothing in another folder.
    assert main([*arguments, f"--logdir={tmp_path}/imported"]) == 2
    assert "The import has no place" in capsys.readouterr().err
    arguments[1] = f"--checkpoint={tmp_path}"
    assert main([*arguments, f"--logdir={tmp_path}/other"]) == 2
    assert "a folder without a TensorFlow 1 checkpoint" in capsys.readouterr().err
    arguments[1] = f"--checkpoint={tmp_path}/run/model.ckpt-21"
    assert main([*arguments, f"--logdir={tmp_path}/other"]) == 2
    assert "nothing of that name" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_named(tmp_path, capsys):
    prefix = old.write(tmp_path, dict(old.tdnn_weights()))
    (tmp_path / "model.ckpt-7.index").write_bytes(b"\0" * 200)
    arguments = [f"--config_file={tdnn_config(tmp_path)}", f"--logdir={tmp_path}/imported"]
    assert main([*arguments, f"--checkpoint={prefix}"]) == 2
    assert str(tmp_path / "model.ckpt-7") in capsys.readouterr().err
