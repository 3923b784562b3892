"""`open-seq2seq export` and `run.py --mode=export`: the packaged model leaves the trainer."""

import json

import pytest

from open_seq2seq.commands import export, run

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
    ],
)
def test_refused_before_anything_is_written(more, said, tmp_path, capsys):
    arguments = [f"--config_file={CONFIG}", f"--output={tmp_path / 'digits'}", *more]
    assert export.main(arguments) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_a_language_model_has_no_use_for(tmp_path, capsys):
    arguments = ["--config_file=example_configs/text/lstm_lm.py", f"--output={tmp_path / 'lm'}"]
    assert export.main([*arguments, "--manifest", MANIFEST, "--formats", "litert"]) == 2
    said = capsys.readouterr().err
    assert "--manifest" in said
    assert "--formats" in said
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_refused(folder, capsys):
    arguments = [f"--config_file={CONFIG}", f"--output={folder}", "--formats", "onnx"]
    assert export.main(arguments) == 2
    assert "--overwrite" in capsys.readouterr().err
