"""scripts/check_data.py: flags, exit codes, and a config's own checks."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.corpora.doctor.speech import LETTERS, make_items, write_part

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
from check_data import main


@pytest.fixture
def data(tmp_path):
    """A clean corpus: its folder."""
    write_part(tmp_path, "train", make_items(20, 1))
    write_part(tmp_path, "dev", make_items(4, 2, "dev"))
    (tmp_path / "vocab.txt").write_text("\n".join([" ", *LETTERS]) + "\n")
    return tmp_path


def test_files_and_exit_codes(data, capsys):
    train, dev = str(data / "train.csv"), str(data / "dev.csv")
    vocabulary = f"--vocab_file={data / 'vocab.txt'}"
    outputs = [f"--report={data / 'a.html'}", f"--json={data / 'a.json'}"]
    assert main([train, vocabulary, "--strict", *outputs, "--dev", dev]) == 0
    assert "0 errors, 0 warnings, 0 notes" in capsys.readouterr().out
    assert json.loads((data / "a.json").read_text())["findings"] == []
    assert (data / "a.html").read_text().startswith("<!DOCTYPE html>")

    text = (data / "train.csv").read_text()
    (data / "train.csv").write_text(text.replace("train1.wav,0,", "train1.wav,0, "))
    assert main([train, vocabulary]) == main([train, "--strict", "--fail_on=never"]) - 1 == 0
    (data / "train.csv").write_text(text.replace("train1.wav,0,", "train1.wav,0,?"))
    assert main([train]) == 0
    assert main([train, vocabulary]) == 1
    assert main([train, vocabulary, "--fail_on=never"]) == 0
    assert "U+003F QUESTION MARK" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "neither manifests nor a config"),
        (["no.csv"], "no.csv"),
        (["{train}", "--max_duration=3"], "--max_duration=3"),
        (["{train}", "--mode=eval"], "no config"),
        (["{train}", "--bpe"], "--vocab_file"),
        (["{train}", "--workers=0"], "at least 1"),
        (["{train}", "--config_file=x.py", "--vocab_file=y"], "--data_layer_params/vocab_file"),
        (["--config_file=no.py"], "no.py"),
    ],
)
def test_wrong_usage(data, capsys, arguments, message):
    assert main([a.format(train=data / "train.csv") for a in arguments]) == 2
    assert message in capsys.readouterr().err


_CONFIG = """
from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import TDNNEncoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers.lr_policies import poly_decay
base_model = Speech2Text
layer = dict(type="conv1d", repeat=1, kernel_size=[5], stride=[{stride}], num_channels=8,
             padding="SAME", dilation=[1])
base_params = dict(
    num_epochs=1, batch_size_per_gpu=2, logdir="x", optimizer="Adam", lr_policy=poly_decay,
    lr_policy_params=dict(learning_rate=0.1), encoder=TDNNEncoder,
    encoder_params=dict(convnet_layers=[layer], dropout_keep_prob=1.0, activation_fn="relu"),
    decoder=FullyConnectedCTCDecoder, decoder_params={{}}, loss=CTCLoss, loss_params={{}},
    data_layer=Speech2TextDataLayer,
    data_layer_params=dict(num_audio_features=16, input_type="logfbank", backend="librosa",
                           vocab_file="{folder}/vocab.txt"))
train_params = dict(data_layer_params=dict(dataset_files=["{folder}/train.csv"]))
eval_params = dict(data_layer_params=dict(dataset_files=["{folder}/dev.csv"]))
"""


def test_a_config_says_what_training_refuses(data, capsys):
    """Feature frames are 10 ms; texts have 14 characters a second: a stride of 8 is too much."""
    config = data / "config.py"
    config.write_text(_CONFIG.format(folder=data, stride=4))
    assert main([f"--config_file={config}", "--strict"]) == 0
    assert "dev" in capsys.readouterr().out
    config.write_text(_CONFIG.format(folder=data, stride=8))
    assert main([f"--config_file={config}", f"--json={data / 'a.json'}"]) == 1
    findings = json.loads((data / "a.json").read_text())["findings"]
    errors = [finding for finding in findings if finding["level"] == "error"]
    assert [finding["check"] for finding in errors] == ["too short for its text"]
    assert "steps of the network" in errors[0]["rows"][0]["value"]
    # In evaluation it is no reason to stop.
    notes = [f["title"] for f in findings if f["part"] == "dev" and f["level"] == "note"]
    assert any("more labels than the network has steps" in title for title in notes)
    override = "--data_layer_params/max_duration=1.6"
    assert main([f"--config_file={config}", "--mode=eval", override]) == 0
    assert "left out by min_duration and max_duration" in capsys.readouterr().out
