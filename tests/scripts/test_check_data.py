"""scripts/check_data.py: flags, exit codes, and a config's own checks."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest
import soundfile

from open_seq2seq.data.manifest import read_manifest, read_manifests
from tests.corpora.doctor.speech import LETTERS, make_items, write_split

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
from check_data import main


@pytest.fixture
def data(tmp_path):
    """A clean corpus: its folder."""
    write_split(tmp_path, "train", make_items(20, 1))
    write_split(tmp_path, "dev", make_items(4, 2, "dev"))
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


def damaged(data):
    """Rows 2, 4, 6 and 9 of the training manifest have an error each, and 21 is malformed."""
    lines = (data / "train.csv").read_text().splitlines()
    lines[1] = lines[1].replace(",0,", ",0,?!", 1)  # twice outside the vocabulary
    lines[8] = lines[8].replace("train7.wav", "gone.wav")
    lines[3] = "train2.wav,0,,train0"  # no text
    (data / "train.csv").write_text("\n".join([*lines[:20], "train19.wav,0,a,b,c"]) + "\n")
    os.truncate(data / "train4.wav", 9000)  # its header stays whole
    return ["train.csv:2", "train.csv:4", "train.csv:6", "train.csv:9", "train.csv:21"]


@pytest.mark.parametrize("folder", [".", "clean/here"])
def test_the_clean_manifest_has_all_other_rows(data, capsys, folder):
    bad = damaged(data)
    vocabulary = f"--vocab_file={data / 'vocab.txt'}"
    clean = data / folder / "kept.csv"
    before = read_manifest(str(data / "train.csv"), True, [])
    assert main([str(data / "train.csv"), vocabulary, f"--write_clean={clean}"]) == 1
    out = capsys.readouterr().out
    assert f"15 rows are in {clean}" in out and "Left out: 5 with errors" in out
    listed = (clean.parent / "left_out_kept.txt").read_text().splitlines()
    assert {re.search(r"train\.csv:\d+", line)[0] for line in listed} == set(bad)
    after = read_manifests([str(clean)], True)
    lines = {int(place.partition(":")[2]) for place in bad}
    expected = [one for one in before if int(one.source.rpartition(":")[2]) not in lines]
    assert [(os.path.abspath(one.path), one.transcript, one.speaker) for one in after] == [
        (os.path.abspath(one.path), one.transcript, one.speaker) for one in expected
    ]
    if folder == ".":
        assert [one.name for one in after] == [one.name for one in expected]
    assert {one.split(",")[1] for one in clean.read_text().splitlines()[1:]} == {
        str((data / one.name).stat().st_size) for one in expected
    }
    # The remedy worked: nothing is found in it, and nothing is listed.
    assert main([str(clean), vocabulary, f"--write_clean={data / 'again.csv'}"]) == 0
    assert "none was left out" in capsys.readouterr().out
    assert not (data / "left_out_again.txt").exists()


def test_every_kind_of_manifest_becomes_a_csv(data, capsys):
    """JSON lines with segments, numbers as speakers, and capitals that are normalised later."""
    rows = [
        {"audio_filepath": "train0.wav", "text": "Abc, d", "duration": 0.55, "offset": 0.25},
        {"audio_filepath": "train1.wav", "text": "line\nbreak", "speaker": 7},
        {"audio_filepath": "train2.wav", "text": "a", "duration": 99},
    ]
    (data / "x.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (data / "train3.txt").write_text("a b")
    (data / "pairs.csv").write_text("train3.wav,train3.txt\ntrain4.wav,none.txt\n")
    arguments = [str(data / "x.json"), str(data / "pairs.csv"), "--text_normalization=plain"]
    assert main([*arguments, f"--write_clean={data / 'c.csv'}", "--headers_only"]) == 1
    found = read_manifests([str(data / "c.csv")], True)
    assert [(u.name, u.transcript, u.duration, u.offset, u.speaker) for u in found] == [
        ("train0.wav", "Abc, d", 0.55, 0.25, None),
        ("train1.wav", "line\nbreak", None, None, "7"),
        ("train3.wav", "a b", None, None, None),
    ]
    listed = (data / "left_out_c.txt").read_text()
    assert "x.json:3" in listed and "pairs.csv:2" in listed and len(listed.splitlines()) == 2


def test_with_a_config_the_clean_manifest_is_what_training_takes(data, capsys):
    damaged(data)
    config = data / "config.py"
    config.write_text(_CONFIG.format(folder=data, stride=4))
    limit = "--data_layer_params/max_duration=1.9"
    flags = [f"--config_file={config}", limit, f"--write_clean={data / 'kept.csv'}"]
    assert main(flags) == 1
    listed = (data / "left_out_kept.txt").read_text()
    kept = [one.name for one in read_manifests([str(data / "kept.csv")], True)]
    for index in range(19):
        name = f"train{index}.wav"
        is_long = soundfile.info(str(data / name)).duration > 1.9
        is_bad = index in (0, 2, 4, 7)
        assert (name in kept) == (not is_long and not is_bad)
        is_listed = re.search(rf"train\.csv:{index + 2}\b", listed) is not None
        assert is_listed == (is_long or is_bad)


def test_a_clean_manifest_does_not_replace_what_is_checked(data, capsys):
    train = data / "train.csv"
    before = train.read_text()
    assert main([str(train), f"--write_clean={data}/../{data.name}/train.csv"]) == 2
    assert "which is checked" in capsys.readouterr().err and train.read_text() == before
    assert main([str(train), f"--write_clean={data}"]) == 2
    assert "it is a folder" in capsys.readouterr().err
    train.write_text("wav_filename,transcript\ngone.wav,a\n")
    assert main([str(train), f"--write_clean={data}/c.csv"]) == 2
    assert "Every row has an error" in capsys.readouterr().err
    assert not (data / "c.csv").exists()


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
