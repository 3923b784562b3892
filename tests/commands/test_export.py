"""`open-seq2seq export` and `run.py --mode=export`: the packaged model leaves the trainer."""

import json
from pathlib import Path

import pytest

from open_seq2seq.commands import export, run
from open_seq2seq.export.quantization.ways import INT8, KINDS

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
    assert run.main([*arguments, "--formats", "onnx", "--manifest", MANIFEST]) == 0
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
