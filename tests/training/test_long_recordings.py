"""Recordings longer than those of training: infer, --infer_files and the Python API cut them."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
import soundfile

from open_seq2seq.checkpoints.storage import read_training_data
from open_seq2seq.cli import main
from open_seq2seq.data.audio import resample
from open_seq2seq.errors import InputError
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.metrics.error_rate import count_errors
from tests.training.conftest import RATE, speech_like, write_corpus

TEXTS = ["ab", "ba", "cab", "bac", "bcab", "cac"]


def joined(folder, count=72, pause=0.3):
    """Recordings of the corpus one after the other, and their texts."""
    noise = np.random.default_rng(0).standard_normal(round(pause * RATE))
    parts = []
    for index in range(count):
        parts += [soundfile.read(folder / f"{index}.wav")[0], 0.003 * noise]
    texts = [TEXTS[index % len(TEXTS)] for index in range(count)]
    return np.concatenate(parts).astype(np.float32), texts


def wer(references, hypotheses):
    return count_errors([" ".join(references)], [" ".join(hypotheses)]).words.rate


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a corpus, of which every recording has pauses around it, and a model of it."""
    folder = write_corpus(tmp_path_factory.mktemp("long"), rows=72)
    rng = np.random.default_rng(5)
    for index in range(72):
        before, after = (rng.standard_normal(rng.integers(0, 2400)) for _ in range(2))
        spoken = speech_like(TEXTS[index % len(TEXTS)], index)
        samples = np.concatenate([0.003 * before, spoken, 0.003 * after])
        soundfile.write(folder / f"{index}.wav", samples, RATE)
    rows = [f"{index}.wav,0,{TEXTS[index % len(TEXTS)]}" for index in range(72)]
    (folder / "data.csv").write_text("\n".join(["wav_filename,wav_filesize,transcript", *rows]))
    arguments = ["--mode=train", "--max_steps=600", "--save_checkpoint_steps=600",
                 "--train_params/data_layer_params/augmentation=None",
                 "--encoder_params/dropout_keep_prob=1.0", "--optimizer=AdamW",
                 "--optimizer_params={}", "--lr_policy_params/learning_rate=0.01",
                 "--batch_size_per_gpu=12"]  # fmt: skip
    assert main([f"--config_file={folder / 'config.py'}", *arguments]) == 0
    samples, _ = joined(folder)
    soundfile.write(folder / "long.wav", samples, RATE, subtype="FLOAT")
    return folder


@pytest.fixture(scope="module")
def recognizer(trained):
    return Recognizer.load(trained / "config.py")


def infer(trained, output, *arguments):
    command = [f"--config_file={trained / 'config.py'}", "--mode=infer"]
    return main([*command, f"--infer_output_file={output}", *map(str, arguments)])


def test_the_checkpoint_knows_how_long_training_recordings_were(trained):
    state = json.loads((trained / "run/ckpt-600/state.json").read_text())
    lengths = [soundfile.info(trained / f"{index}.wav").duration for index in range(72)]
    assert state["training_data"]["longest"] == pytest.approx(max(lengths))
    assert state["training_data"]["mean"] == pytest.approx(np.mean(lengths))


@pytest.mark.parametrize("damaged", [5, [], {"longest": 2.0}, {"longest": -1.0, "mean": 1.0}])
def test_a_checkpoint_that_is_damaged_there_is_refused(tmp_path, damaged):
    (tmp_path / "state.json").write_text(json.dumps({"step": 1, "training_data": damaged}))
    with pytest.raises(InputError, match=r"checkpoint cannot be read[\s\S]*training_data"):
        read_training_data(tmp_path)
    (tmp_path / "state.json").write_text(json.dumps({"step": 1}))
    assert read_training_data(tmp_path) is None


def test_every_word_of_joined_recordings_is_found(trained, recognizer):
    samples, texts = joined(trained)
    separate = recognizer.transcribe([trained / f"{index}.wav" for index in range(72)])
    (whole,) = recognizer.transcribe([samples])
    assert wer(texts, [one.text for one in separate]) < 0.2
    # So small a network hears where its recording was cut; tests/inference has one that does not.
    assert wer(texts, [whole.text]) < 0.5 and abs(len(whole.words) - 72) <= 7
    # The times are those of the whole recording.
    assert whole.words[0].start < 1 and len(samples) / RATE - whole.words[-1].end < 1
    assert [word.text for word in whole.words] == whole.text.split()


def test_files_arrays_and_rates_agree(trained, recognizer):
    samples, _ = joined(trained)
    short = trained / "1.wav"
    from_file, from_array, alone = recognizer.transcribe([trained / "long.wav", samples, short])
    assert from_file == from_array
    assert alone == recognizer.transcribe([short])[0]
    integers = np.rint(samples * 32767).astype(np.int16)
    fast = resample(samples, RATE, 16000)
    soundfile.write(trained / "fast.wav", fast, 16000, subtype="FLOAT")
    others = recognizer.transcribe([integers, trained / "fast.wav"])
    others += recognizer.transcribe([fast], sample_freq=16000)
    for other in others:
        assert wer(from_file.text.split(), other.text.split()) < 0.1


def test_infer_writes_the_whole_text_and_says_so(trained, recognizer, tmp_path, capfd):
    output = tmp_path / "out.csv"
    files = [trained / "0.wav", trained / "long.wav", trained / "1.wav"]
    assert infer(trained, output, "--infer_files", *files) == 0
    found = pd.read_csv(output)["predicted_transcript"].tolist()
    assert found[1] == recognizer.transcribe([trained / "long.wav"])[0].text
    said = "".join(capfd.readouterr())
    assert "1 recording is longer than" in said and "cut into pieces" in said


def test_logits_are_of_the_whole_recording(trained, tmp_path):
    output = tmp_path / "logits.pkl"
    flags = ["--decoder_params/infer_logits_to_pickle=True", "--infer_files"]
    assert infer(trained, output, *flags, trained / "long.wav") == 0
    content = pickle.loads(output.read_bytes())
    (logits,) = content["logits"].values()
    seconds = soundfile.info(trained / "long.wav").duration
    assert len(logits) == pytest.approx(seconds / content["step_size"], abs=1)


def test_segmentation_can_be_turned_off_and_set(trained, recognizer, tmp_path, capfd):
    output = tmp_path / "out.csv"
    flags = ["--segmentation/enabled=False", "--infer_files", trained / "long.wav"]
    assert infer(trained, output, *flags) == 0
    assert "taken whole (segmentation/enabled is False)" in "".join(capfd.readouterr())
    whole = pd.read_csv(output)["predicted_transcript"][0]
    settings = ["--segmentation/max_duration=1000"]
    assert (
        infer(trained, tmp_path / "again.csv", *settings, "--infer_files", trained / "long.wav")
        == 0
    )
    assert pd.read_csv(tmp_path / "again.csv")["predicted_transcript"][0] == whole
    capfd.readouterr()
    flags = ["--segmentation/max_duration=1", "--segmentation/target_duration=2"]
    assert infer(trained, tmp_path / "no.csv", *flags, "--infer_files", trained / "long.wav") == 2
    assert "target_duration: found 2, expected at most max_duration, 1" in capfd.readouterr().err


def test_a_long_recording_that_breaks_off_costs_nobody_else(trained, tmp_path, capfd):
    whole = (trained / "long.wav").read_bytes()
    cut = tmp_path / "cut.wav"
    cut.write_bytes(whole[: len(whole) // 2])
    output = tmp_path / "out.csv"
    files = [cut, trained / "0.wav"]
    assert infer(trained, output, "--skip_bad_rows", "--infer_files", *files) == 0
    assert pd.read_csv(output)["predicted_transcript"].tolist() == [TEXTS[0]]
    assert "cut.wav" in (trained / "run/left_out_inference.txt").read_text()
    capfd.readouterr()
