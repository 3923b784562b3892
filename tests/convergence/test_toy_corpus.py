"""What OpenSeq2Seq's own tests asked of its toy configurations, asked of ours.

The configs beside this file are its test configurations unchanged; thresholds and numbers of
epochs are those of its tests. The recordings are ours: ten sentences of LibriSpeech.
"""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from open_seq2seq.cli import main

HERE = Path(__file__).parent
VOCABULARY = (HERE.parents[1] / "open_seq2seq/test_utils/toy_speech_data/vocab.txt").read_text()
DTYPES = ["float32", "mixed"]


class Run:
    """One experiment: a config and a log directory."""

    def __init__(self, config, logdir, capfd):
        self.config, self.logdir, self.capfd = HERE / f"{config}_toy.py", logdir, capfd

    def __call__(self, mode, *arguments):
        """Runs a mode; returns what it printed."""
        flags = [f"--config_file={self.config}", f"--mode={mode}", f"--logdir={self.logdir}"]
        code = main([*flags, *arguments])
        output, errors = self.capfd.readouterr()
        assert code == 0, output + errors
        return output

    def train_eval(self, *arguments):
        """Trains; returns the last printed training loss, and the last evaluation."""
        summary = self.logdir.parent / f"{self.logdir.name}.json"
        output = self("train_eval", f"--eval_summary={summary}", *arguments)
        losses = [float(loss) for loss in re.findall(r"Train loss: (\S+),", output)]
        return losses, json.loads(summary.read_text())


@pytest.fixture
def experiment(tmp_path, capfd):
    return lambda config, name="run": Run(config, tmp_path / name, capfd)


@pytest.mark.parametrize(
    "config, epochs, decay_steps",
    [("w2l", 12, 500), pytest.param("ds2", 8, 150, marks=pytest.mark.slow)],
)
def test_the_first_epochs_learn(experiment, config, epochs, decay_steps):
    # Until the letters' frequencies are known; the whole runs are in the slow suite.
    losses, result = experiment(config).train_eval(
        f"--num_epochs={epochs}",
        f"--lr_policy_params/decay_steps={decay_steps}",
        "--print_loss_steps=1",
        "--eval_steps=100",
    )
    assert len(losses) == epochs
    assert losses[0] > 500
    assert losses[-1] < 0.6 * losses[0]
    assert np.isfinite(result["loss"]) and result["words"] == 139


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("config", ["w2l", "ds2"])
def test_convergence(experiment, config, dtype):
    losses, result = experiment(config).train_eval(f"--dtype={dtype}")
    assert losses[-1] < 5
    assert result["loss"] < 30
    assert result["wer"] < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_strong_regularizer_keeps_the_network_from_learning(experiment, dtype):
    losses, result = experiment("ds2").train_eval(
        f"--dtype={dtype}",
        "--num_epochs=60",
        "--regularizer=l2_regularizer",
        "--regularizer_params/scale=1e4",
    )
    assert losses[-1] >= 400
    assert result["loss"] >= 400
    assert result["wer"] >= 0.9


@pytest.mark.slow
def test_accumulated_gradients_learn_as_well(experiment):
    losses, result = experiment("ds2").train_eval(
        "--iter_size=5", "--batch_size_per_gpu=2", "--num_epochs=200"
    )
    assert losses[-1] < 10
    assert result["loss"] < 30
    assert result["wer"] < 0.2


@pytest.mark.slow
def test_fine_tuning_starts_where_the_base_ended(experiment, tmp_path):
    base, tuned = experiment("w2l", "base"), experiment("w2l", "tuned")
    base("train", "--num_epochs=250", "--dtype=mixed")
    # Another vocabulary: a new symbol in front moves all the others.
    (tmp_path / "vocab.txt").write_text("-\n" + VOCABULARY)
    losses, result = tuned.train_eval(
        f"--load_model={tmp_path / 'base'}",
        f"--data_layer_params/vocab_file={tmp_path / 'vocab.txt'}",
        "--num_epochs=20",
        "--dtype=mixed",
        "--lr_policy_params/learning_rate=0.001",
    )
    assert losses[0] < 60, "the base's weights were not used"
    assert result["wer"] < 0.1


@pytest.mark.slow
def test_transcripts_of_every_recording_in_order(experiment, tmp_path):
    run = experiment("w2l")
    run("train", "--num_epochs=250", "--batch_size_per_gpu=4", "--dtype=mixed")
    run("infer", f"--infer_output_file={tmp_path / 'out.csv'}", "--batch_size_per_gpu=4")
    found = pd.read_csv(tmp_path / "out.csv")
    toy = HERE.parents[1] / "open_seq2seq/test_utils/toy_speech_data/toy_data.csv"
    expected = pd.read_csv(toy)
    assert found["wav_filename"].tolist() == expected["wav_filename"].tolist()
    for text, reference in zip(found["predicted_transcript"], expected["transcript"]):
        assert edit_distance(str(text), reference) < 5, (text, reference)


def edit_distance(one, other):
    """Levenshtein's distance in characters."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        row, above = [i], row
        for j, b in enumerate(other, start=1):
            row.append(min(row[-1] + 1, above[j] + 1, above[j - 1] + (a != b)))
    return row[-1]
