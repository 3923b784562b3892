"""A model that NeMo wrote gives NeMo's numbers (`data/README.md`), and can be trained further."""

from pathlib import Path

import keras
import numpy as np
import pytest

from open_seq2seq.checkpoints import storage
from open_seq2seq.inference.recognizer import Recognizer, log_softmax
from open_seq2seq.interop.nemo.importer import import_model
from scripts.import_nemo import main as import_nemo
from scripts.import_nemo_checkpoint import main

DATA = Path(__file__).with_name("data")
MODEL, RECORDING = DATA / "citrinet_bpe128.nemo", DATA / "1867-154075-0014.flac"
EXPECTED = np.load(DATA / "citrinet_bpe128.npz")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("imported") / "run"
    assert import_nemo([str(MODEL), f"--logdir={folder}"]) == 0
    return folder


def test_from_the_audio(logdir):
    recognizer = Recognizer.load(logdir / "config.py")
    expected = EXPECTED["log_probs/2.5"]
    (alone,) = recognizer.log_probs([str(RECORDING)])
    noise = np.random.default_rng(1).uniform(-0.1, 0.1, 50_000).astype(np.float32)
    batched, _ = recognizer.log_probs([str(RECORDING), noise])
    for found in (alone, batched):
        np.testing.assert_allclose(found, expected, rtol=0, atol=5e-3)
        np.testing.assert_array_equal(found.argmax(1), expected.argmax(1))
    (result,) = recognizer.transcribe([str(RECORDING)])
    assert result.text == str(EXPECTED["text"])
    assert " ".join(word.text for word in result.words) == result.text


def test_from_the_features(logdir):
    from open_seq2seq.inference.trained import load_trained

    model = load_trained(logdir / "config.py").model
    features = np.ascontiguousarray(EXPECTED["features"].T[None])
    logits, _ = model(features, np.array([features.shape[1]], np.int32))
    found = log_softmax(keras.ops.convert_to_numpy(logits)[0])
    np.testing.assert_allclose(found, EXPECTED["log_probs/2.5"], rtol=0, atol=5e-4)


def test_the_older_front_end(tmp_path):
    from open_seq2seq.interop.nemo.source import read_nemo

    import_model(read_nemo(MODEL), tmp_path / "run", "2.4.1")
    (found,) = Recognizer.load(tmp_path / "run/config.py").log_probs([str(RECORDING)])
    np.testing.assert_allclose(found, EXPECTED["log_probs/1.0-2.4"], rtol=0, atol=5e-3)


@pytest.mark.parametrize("era", ["2.5", "1.0-2.4"])
def test_a_check_says_which_era_fits(era, tmp_path, capsys):
    (tmp_path / "a.flac").write_bytes(RECORDING.read_bytes())
    np.save(tmp_path / "a.npy", EXPECTED[f"log_probs/{era}"])
    arguments = [str(MODEL), f"--logdir={tmp_path / 'run'}", "--check", str(tmp_path / "a.flac")]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    fits = "The era of the import, 2.5, fits best." in out
    assert fits if era == "2.5" else "import again with --front_end_era=1.0-2.4" in out


def test_transcripts_are_a_reference_too(tmp_path, capsys):
    (tmp_path / "a.flac").write_bytes(RECORDING.read_bytes())
    (tmp_path / "a.txt").write_text(str(EXPECTED["text"]))
    arguments = [str(MODEL), f"--logdir={tmp_path / 'run'}", "--check", str(tmp_path / "a.flac")]
    assert main(arguments) == 0
    assert "front-end of NeMo 2.5: WER 0.00 %" in capsys.readouterr().out


def test_it_is_trained_further_with_another_vocabulary(logdir, tmp_path):
    """On the packaged digits: frozen layers stay, the rows of remaining symbols are taken over."""
    root = Path(__file__).parents[3]
    digits = root / "example_data/digits"
    vocabulary = tmp_path / "letters.txt"
    vocabulary.write_text(" \n" + "".join(f"{letter}\n" for letter in "abcdefghijklmnopqrstuvwxyz"))
    arguments = [
        "train", "--skip_bad_rows",
        f"--config_file={logdir / 'config.py'}", f"--load_model={logdir}",
        f"--logdir={tmp_path / 'own'}", "--freeze_variables_regex=encoder/conv[1-8]",
        f"--data_layer_params/dataset_files=['{digits / 'dev.csv'}']",
        f"--data_layer_params/vocab_file={vocabulary}", "--data_layer_params/bpe=False",
        "--data_layer_params/augmentation=None", "--num_epochs=1", "--batch_size_per_gpu=16",
        "--lr_policy_params/learning_rate=0.01", "--lr_policy_params/warmup_steps=5",
    ]  # fmt: skip
    from open_seq2seq.cli import main as command

    assert command(arguments) == 0
    before = storage.read_arrays(storage.latest_checkpoint(logdir) / storage.MODEL)
    after = storage.read_arrays(storage.latest_checkpoint(tmp_path / "own") / storage.MODEL)
    frozen, trained = "encoder/conv11/pointwise_kernel", "encoder/conv91/pointwise_kernel"
    np.testing.assert_array_equal(after[frozen], before[frozen])
    assert np.abs(after[trained] - before[trained]).max() > 1e-3
    assert after["decoder/fully_connected/kernel"].shape[-1] == 28
