"""`run.py --exported`: modes eval and infer of an exported folder, with and without a config."""

import json
import pickle
import subprocess
import sys
from dataclasses import replace

import jiwer
import numpy as np
import pandas as pd
import pytest
import soundfile

from open_seq2seq.cli import main
from open_seq2seq.commands import exported_job
from open_seq2seq.exported import ExportedFile, ExportedModel
from open_seq2seq.exported.file import MODEL
from open_seq2seq.inference import model_choice
from tests.exported_models import RATE, network, onnx_bytes, speech, spoken, write_exported
from tests.training.conftest import write_learned

TEXTS = ["ab cab", "b", "abba ca", "cab b a", "a"]
HEADER = "wav_filename,wav_filesize,transcript"
SAID = ["ab cab", "b", "abba ca b", "cab a", "b"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An exported folder with several models, and beside it a corpus."""
    root = tmp_path_factory.mktemp("exported")
    write_exported(root / "model", ("onnxruntime", "openvino"))
    (root / "model/small.onnx").write_bytes(onnx_bytes())
    described = ExportedModel.read(root / "model")
    small = ExportedFile(MODEL, "onnxruntime", "int8", 1)
    described = replace(described, files={**described.files, "small.onnx": small})
    described.write(root / "model")
    rng = np.random.default_rng(0)
    lines = [HEADER]
    for number, (text, said) in enumerate(zip(TEXTS, SAID)):
        soundfile.write(root / f"{number}.wav", speech(spoken(said, rng), rng), RATE, "FLOAT")
        lines.append(f"{number}.wav,0,{text}")
    (root / "data.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture
def call(folder, capfd):
    """Calls run.py with the folder; returns exit code, stdout and stderr."""

    def run(*arguments):
        capfd.readouterr()
        code = main([f"--exported={folder / 'model'}", *map(str, arguments)])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run


def test_eval_gives_error_rates_size_and_speed(folder, call, tmp_path):
    data = ("--dataset_files", folder / "data.csv")
    summary, report = tmp_path / "summary.json", tmp_path / "report.html"
    code, out, err = call(
        "--mode=eval", f"--eval_summary={summary}", f"--eval_report={report}", "--threads=1", *data
    )
    assert code == 0, err
    wer, cer = jiwer.wer(TEXTS, SAID), jiwer.cer(TEXTS, SAID)
    assert "model.onnx                     onnxruntime  float32 " in out
    assert f"{wer:.2%}" in out and f"{cer:.2%}" in out and "loss" not in out
    found = json.loads(summary.read_text())
    assert (found["wer"], found["cer"]) == (pytest.approx(wer), pytest.approx(cer))
    assert found["bytes"] == (folder / "model/model.onnx").stat().st_size
    assert (found["file"], found["threads"]) == ("model.onnx", 1) and "loss" not in found
    assert found["real_time_factor"] == found["compute_seconds"] / found["audio_seconds"] > 0
    page = report.read_text()
    assert "onnxruntime, float32, 1 thread" in page and "cab" in page and "<audio" in page


def test_eval_compares_runtimes_and_precisions(folder, call, tmp_path, monkeypatch):
    data = ("--dataset_files", folder / "data.csv")
    summary = tmp_path / "summary.json"
    every = ("--mode=eval", "--runtime=all", "--precision=all", f"--eval_summary={summary}")
    code, out, err = call(*every, *data)
    assert code == 0, err
    models = json.loads(summary.read_text())["models"]
    names = [one["file"] for one in models]
    assert names == ["model.onnx", "openvino/model.xml", "small.onnx"]
    sizes = [
        (folder / "model/openvino" / name).stat().st_size for name in ("model.xml", "model.bin")
    ]
    assert models[1]["bytes"] == sum(sizes)
    assert [one["wer"] for one in models] == pytest.approx([jiwer.wer(TEXTS, SAID)] * 3)
    assert all(name in out for name in names)
    code, out, _ = call("--mode=eval", "--runtime=onnxruntime", "--precision=all", *data)
    assert code == 0 and "small.onnx" in out and "openvino" not in out
    for module in (exported_job, model_choice):
        monkeypatch.setattr(module, "is_installed", lambda runtime: runtime != "openvino")
    code, out, _ = call(*every, *data)
    assert code == 0 and "openvino/model.xml is left out: openvino is not installed" in out
    code, _, err = call("--mode=eval", "--runtime=openvino", *data)
    assert code == 2 and "pip install 'open-seq2seq[openvino]'" in err


def test_infer_writes_what_it_writes_of_a_checkpoint(folder, call, tmp_path):
    files = [folder / f"{number}.wav" for number in range(5)]
    code, out, err = call("--mode=infer", "--infer_files", *files)
    assert code == 0, err
    assert out.splitlines() == [f"{name}\t{text}" for name, text in zip(files, SAID)]
    code, out, _ = call("--mode=infer", "--infer_files", files[0])
    assert (code, out) == (0, f"{SAID[0]}\n")
    table = tmp_path / "out.csv"
    data = ("--dataset_files", folder / "data.csv")
    assert call("--mode=infer", f"--infer_output_file={table}", *data)[0] == 0
    assert list(pd.read_csv(table)["predicted_transcript"]) == SAID
    code, _, err = call("--mode=infer", f"--infer_output_file={table}", *data)
    assert code == 2 and "--overwrite" in err
    logits = tmp_path / "logits.pkl"
    flag = "--decoder_params/infer_logits_to_pickle=True"
    assert call("--mode=infer", f"--infer_output_file={logits}", flag, *data)[0] == 0
    stored = pickle.loads(logits.read_bytes())
    samples, _ = soundfile.read(files[2], dtype="float32")
    np.testing.assert_allclose(stored["logits"]["2.wav"], network(samples), atol=1e-4)
    lines = tmp_path / "out.jsonl"
    beam = "--decoder_params/use_language_model=True"
    scoring = "--decoder_params/lm_scoring=standard"
    assert call("--mode=infer", f"--infer_output_file={lines}", beam, scoring, *data)[0] == 0
    first = json.loads(lines.read_text().splitlines()[0])
    assert first["text"] == SAID[0] and len(first["nbest"]) > 1


def test_damaged_recordings_do_not_lose_the_others(folder, call, tmp_path):
    (tmp_path / "cut.wav").write_bytes((folder / "2.wav").read_bytes()[:-4000])
    manifest = tmp_path / "data.csv"
    rows = [f"{folder}/0.wav,0,{TEXTS[0]}", "cut.wav,0,abba ca", "gone.wav,0,b"]
    manifest.write_text("\n".join([HEADER, *rows[:2]]) + "\n")
    data = ("--dataset_files", manifest)
    code, out, err = call("--mode=eval", *data)
    assert code == 2 and "1 recordings could not be read" in err and "0.00%" in out
    code, out, err = call("--mode=eval", "--skip_bad_rows", *data)
    assert code == 0, err
    assert f"Left out: {manifest}:3" in out
    manifest.write_text(
        "\n".join(["wav_filename,wav_filesize,transcript", rows[0], rows[2]]) + "\n"
    )
    code, _, err = call("--mode=eval", *data)
    assert code == 2 and "1 problems in the data" in err and "gone.wav" in err
    code, out, _ = call("--mode=eval", "--skip_bad_rows", *data)
    assert code == 0 and "Left out:" in out


def test_texts_are_normalised_as_in_training(folder, call, tmp_path):
    manifest = tmp_path / "data.csv"
    manifest.write_text(f"{HEADER}\n{folder}/1.wav,0,B\n")
    data = ("--dataset_files", manifest)
    code, _, err = call("--mode=eval", *data)
    assert code == 2 and "Set text_normalization to 'plain'" in err
    code, out, err = call("--mode=eval", *data, "--data_layer_params/text_normalization=plain")
    assert code == 0 and "0.00%" in out, err
    described = ExportedModel.read(folder / "model")
    other = tmp_path / "model"
    other.mkdir()
    (other / "model.onnx").write_bytes(onnx_bytes())
    model = {"model.onnx": described.files["model.onnx"]}
    replace(described, text_normalization="plain", files=model).write(other)
    assert main(["--mode=eval", f"--exported={other}", *map(str, data)]) == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--mode=train"], "--exported: found mode train, expected mode eval or infer"),
        (["--mode=eval"], "--exported: found no recordings, expected --dataset_files"),
        (["--mode=eval", "--checkpoint=a"], "--checkpoint: found --exported too"),
        (["--mode=infer", "--runtime=all"], "--runtime: found all, expected one runtime"),
        (["--mode=infer", "--eval_report=a.html"], "--eval_report: found mode infer"),
        (["--mode=eval", "--precision=all", "--eval_report=a.html"], "several models"),
        (["--mode=eval", "--threads=0"], "--threads: found 0"),
        (["--mode=eval", "--runtime=onnx"], "expected onnx. The runtimes are onnxruntime, "),
        (["--mode=eval", "--decoder_params/alhpa=1"], "Did you mean --decoder_params/alpha"),
        (["--mode=eval", "--batch_size_per_gpu=3"], "--batch_size_per_gpu: found an unknown"),
        (["--mode=interactive_infer"], "Recognizer.load("),
    ],
)
def test_what_does_not_fit_is_said(call, arguments, expected):
    code, out, err = call(*arguments)
    assert code == 2 and expected in err and not out, (out, err)


def test_flags_of_exported_models_need_one(tmp_path, capfd):
    (tmp_path / "config.py").write_text("")
    assert main(["--mode=eval"]) == 2
    assert "--config_file is required" in capfd.readouterr().err
    assert main(["--mode=eval", f"--exported={tmp_path}"]) == 2
    assert "recognizer.json" in capfd.readouterr().err


def test_neons_evaluate_takes_an_exported_model(folder, capfd):
    model = ("--model_file", str(folder / "model"))
    manifest = ("--manifest", f"val:{folder / 'data.csv'}")
    assert main(["neon", "evaluate", *manifest, *model, "--use_wer"]) == 0
    assert f"wer = {jiwer.wer(TEXTS, SAID)}" in capfd.readouterr().out


@pytest.fixture(scope="module")
def trained(tmp_path_factory, learned):
    """A corpus with a checkpoint, and the model that is exported of it."""
    corpus = write_learned(tmp_path_factory.mktemp("trained"), learned)
    config = f"--config_file={corpus}/config.py"
    assert main(["export", config, "--formats", "onnx", f"--output={corpus}/model"]) == 0
    return corpus


def test_with_a_config_it_stands_for_the_checkpoint(trained, tmp_path, capfd):
    """Data and decoding are the config's; texts and rates those of the checkpoint."""
    config, exported = f"--config_file={trained}/config.py", f"--exported={trained}/model"
    found = {}
    for name, more in (("checkpoint", []), ("exported", [exported])):
        summary = tmp_path / f"{name}.json"
        assert main(["eval", config, *more, f"--eval_summary={summary}"]) == 0
        table = tmp_path / f"{name}.csv"
        assert main(["infer", config, *more, f"--infer_output_file={table}"]) == 0
        found[name] = json.loads(summary.read_text()), table.read_text()
    (of_checkpoint, its), (of_exported, mine) = found["checkpoint"], found["exported"]
    assert mine == its
    for figure in ("wer", "cer", "word_errors", "words", "characters", "utterances"):
        assert of_exported[figure] == of_checkpoint[figure]
    assert 0 < of_exported["cer"] < 1
    capfd.readouterr()
    assert main(["eval", config, exported, "--data_layer_params/num_audio_features=13"]) == 2
    assert "num_audio_features: found 13, expected 20" in capfd.readouterr().err
    other = tmp_path / "vocab.txt"
    other.write_text(" \na\nb\nd\n")
    assert main(["eval", config, exported, f"--data_layer_params/vocab_file={other}"]) == 2
    assert "symbols added ['d'], removed ['c']" in capfd.readouterr().err


def test_data_of_a_checkpoint_can_be_given_too(trained, tmp_path, capfd):
    rows = (trained / "data.csv").read_text().splitlines()
    (trained / "few.csv").write_text("\n".join(rows[:4]) + "\n")
    config, summary = f"--config_file={trained}/config.py", tmp_path / "summary.json"
    few = ("--dataset_files", f"{trained}/few.csv")
    assert main(["eval", config, f"--eval_summary={summary}", *few]) == 0
    assert json.loads(summary.read_text())["utterances"] == 3
    capfd.readouterr()
    assert main(["train", config, "--runtime=litert", "--threads=2", *few]) == 2
    error = capfd.readouterr().err
    assert all(f"--{name}: found" in error for name in ("dataset_files", "runtime", "threads"))


PROGRAM = """
import sys
for name in ("tensorflow", "keras"):
    sys.modules[name] = None
from open_seq2seq.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_it_runs_without_tensorflow(folder):
    data = ("--dataset_files", str(folder / "data.csv"))
    command = [sys.executable, "-c", PROGRAM, "eval", f"--exported={folder / 'model'}", *data]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and "model.onnx" in done.stdout, done.stderr
