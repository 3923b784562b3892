"""`open-seq2seq export` and `run.py --mode=export`: the packaged model leaves the trainer."""

import json
from pathlib import Path

import numpy as np
import pytest

from open_seq2seq.checkpoints.storage import MODEL, read_arrays
from open_seq2seq.checkpoints.variables import named_variables
from open_seq2seq.commands import average, export
from open_seq2seq.commands import run as door
from open_seq2seq.commands.importers import openseq2seq
from open_seq2seq.config.loading import load_config
from open_seq2seq.experiment import effective_params, make_experiment
from open_seq2seq.export.quantization.ways import INT8, KINDS
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.inference.runtimes.loaded_model import LoadedModel
from open_seq2seq.inference.weights import load_weights
from tests.interop import old_checkpoints
from tests.interop.openseq2seq.test_checkpoint import tdnn_config
from tests.training.conftest import speech_like

CONFIG = "example_data/digits/model/config.py"
MANIFEST = "example_data/digits/test.csv"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The packaged model as ONNX."""
    output = tmp_path_factory.mktemp("export") / "digits"
    arguments = [f"--config_file={CONFIG}", f"--output={output}", "--formats", "onnx"]
    assert export.main([*arguments, "--manifest", MANIFEST]) == 0
    return output


def test_the_folder(folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.pbtxt",
        "model.onnx",
        "recognizer.json",
    ]
    description = json.loads((folder / "recognizer.json").read_text())
    assert description["sample_freq"] == 8000
    assert description["frame_shift"] == 0.02
    assert "".join(description["symbols"]) == " abcdefghijklmnopqrstuvwxyz'"
    assert description["origin"]["checkpoint"].endswith("ckpt-3160")
    assert description["trained_on"]["longest"] > description["trained_on"]["mean"] > 0
    # 520 ms of convolutions, half a window of the front-end, a sample of pre-emphasis.
    assert description["context"]["left"] == pytest.approx(0.52 + 0.01 + 1 / 8000)


@pytest.mark.parametrize("mode", [["--mode=export"], ["--mode", "export"]], ids=" ".join)
def test_the_door_of_run_py(mode, tmp_path, capsys):
    output = tmp_path / "digits"
    arguments = [*mode, f"--config_file={CONFIG}", f"--output={output}"]
    assert door.main([*arguments, "--formats", "onnx", "--manifest", MANIFEST]) == 0
    table = capsys.readouterr().out
    assert "model.onnx" in table
    assert "7/7" in table
    assert (output / "recognizer.json").is_file()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--lm=nowhere.binary"], "nowhere.binary"),
        (["--checkpoint=nowhere"], "nowhere"),
        (["--encoder_params/dropout_kep_prob=0.5"], "dropout_keep_prob"),
        (["--quantize", "bfloat16", "--formats", "litert"], "none, dynamic_int8, float16"),
        (["--quantize", "dynamic_int8", "--eval_manifest", "nowhere.csv"], "nowhere.csv"),
        (["--quantize", "static_int8", "--calibration_manifest", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_refused_before_anything_is_written(more, said, tmp_path, capsys):
    arguments = [f"--config_file={CONFIG}", f"--output={tmp_path / 'digits'}", *more]
    assert export.main(arguments) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_a_language_model_has_no_use_for(tmp_path, capsys):
    arguments = ["--config_file=example_configs/text/lstm_lm.py", f"--output={tmp_path / 'lm'}"]
    more = ["--manifest", MANIFEST, "--formats", "litert", "--quantize", "float16"]
    assert export.main([*arguments, *more]) == 2
    said = capsys.readouterr().err
    assert "--quantize" in said
    assert "--manifest" in said
    assert "--formats" in said
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_refused(folder, capsys):
    arguments = [f"--config_file={CONFIG}", f"--output={folder}", "--formats", "onnx"]
    assert export.main(arguments) == 2
    assert "--overwrite" in capsys.readouterr().err


def test_the_kinds_are_those_that_there_are():
    assert export._KINDS == KINDS
    assert set(INT8) == export._INT8


def test_quantised_with_error_rates(tmp_path, capsys):
    """The packaged model hears these five right."""
    header, *rows = Path(MANIFEST).read_text().splitlines()[:6]
    where = Path(MANIFEST).resolve().parent
    manifest = tmp_path / "five.csv"
    manifest.write_text("\n".join([header, *(f"{where}/{row}" for row in rows)]) + "\n")
    output = tmp_path / "digits"
    arguments = [f"--config_file={CONFIG}", f"--output={output}", "--manifest", MANIFEST]
    more = ["--formats", "litert", "--quantize", "dynamic_int8", "--eval_manifest", str(manifest)]
    assert export.main([*arguments, *more]) == 0
    table = capsys.readouterr().out
    assert "WER" in table and "in float32: the front-end" in table
    # The trained model's, for comparison, and those of the file.
    lines = [line.split() for line in table.splitlines() if "0.00 %" in line]
    assert [line[-4:] for line in lines] == [["0.00", "%", "0.00", "%"]] * 2
    (file,) = json.loads((output / "recognizer.json").read_text())["files"].values()
    assert file["error_rates"] == {"wer": 0, "cer": 0, "utterances": 5}
    assert file["precision"] == "int8"


def trained(config_file, checkpoint):
    """The trained model of a checkpoint, without any export."""
    config = load_config(config_file)
    params = effective_params(config, [], "interactive_infer")
    experiment = make_experiment(params, config.base_model, "infer", utterances=[])
    load_weights(experiment, checkpoint)
    return TrainedModel.of(experiment)


def test_an_average_of_checkpoints(run, corpus):
    code, _, error = run("--mode=train", "--max_steps=8", "--print_samples_steps=None")
    assert code == 0, error
    assert average.main([f"--logdir={corpus}/run", "--last=2"]) == 0
    arguments = [f"--config_file={corpus}/config.py", f"--output={corpus}/exported"]
    more = ["--formats", "onnx", "--manifest", f"{corpus}/data.csv"]
    assert export.main([*arguments, f"--logdir={corpus}/run/averaged", *more]) == 0
    samples = speech_like("cab ab", 5)
    exported = LoadedModel(corpus / "exported/model.onnx", "onnxruntime", 1).log_probs(samples)
    # The mean by NumPy, in the place of the newest checkpoint's weights.
    paths = [corpus / f"run/ckpt-{step}" for step in (4, 8)]
    model = trained(corpus / "config.py", paths[1])
    newest = model.log_probs(samples)
    arrays = [read_arrays(path / MODEL) for path in paths]
    for name, variable in named_variables(model.network.variables).items():
        if "random_state" not in name:
            variable.assign((arrays[0][name] + arrays[1][name]) / 2)
    np.testing.assert_allclose(exported, model.log_probs(samples), atol=1e-4)
    assert np.abs(exported - newest).max() > 1e-3


def test_an_imported_checkpoint_of_openseq2seq(tmp_path):
    """Which the formulas of its network are compared with in tests/interop."""
    prefix = old_checkpoints.write(tmp_path, old_checkpoints.tdnn_weights(), step=4300)
    config = tdnn_config(tmp_path)
    (tmp_path / "none.csv").write_text("wav_filename,wav_filesize,transcript\n")
    logdir = tmp_path / "imported"
    assert openseq2seq.main([f"--config_file={config}", "--checkpoint", str(prefix),
                             f"--logdir={logdir}"]) == 0  # fmt: skip
    arguments = [f"--config_file={config}", f"--logdir={logdir}", f"--output={tmp_path / 'model'}"]
    assert export.main([*arguments, "--formats", "onnx", "--manifest", MANIFEST]) == 0
    samples = speech_like("cab ab", 5)
    found = LoadedModel(tmp_path / "model/model.onnx", "onnxruntime", 1).log_probs(samples)
    expected = trained(config, logdir / "ckpt-4300").log_probs(samples)
    assert expected.std(axis=0).max() > 0.05
    np.testing.assert_allclose(found, expected, atol=1e-4)
    description = json.loads((tmp_path / "model/recognizer.json").read_text())
    assert description["origin"]["checkpoint"].endswith("imported/ckpt-4300")
