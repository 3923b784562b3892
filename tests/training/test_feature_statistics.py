"""Training with fixed and running statistics: measured once, kept in the checkpoint, used again."""

import json
import re

import numpy as np
import pytest

from open_seq2seq import Recognizer
from open_seq2seq.checkpoints.averaging import average_checkpoints
from open_seq2seq.checkpoints.storage import read_metadata
from open_seq2seq.features.online import OnlineFeatures
from scripts.measure_features import main as measure_features
from tests.training.test_transfer import weights

FEATURES = "--data_layer_params"
STREAMS = (f"{FEATURES}/gain=3.0517578125e-05", f"{FEATURES}/norm_per_feature=True")
QUIET = ("--print_samples_steps=None", "--lr_policy_params/decay_steps=10")


def parameters(checkpoint):
    return read_metadata(checkpoint)["features"]["parameters"]


def test_training_measures_and_evaluation_knows(corpus, run):
    flags = (f"{FEATURES}/feature_norm=fixed", *STREAMS, *QUIET, "--max_steps=1")
    code, out, error = run("--mode=train", *flags)
    assert code == 0, error
    assert "Mean and deviation of the features were measured on 18 of 18 recordings" in out
    assert len(parameters(corpus / "run/ckpt-1")["features_mean"]) == 20
    code, _, error = run("--mode=eval", *flags)
    assert code == 0, error


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["fixed", "running"])
def test_statistics_are_kept_in_the_checkpoint(corpus, run, norm):
    flags = (f"{FEATURES}/feature_norm={norm}", *STREAMS)
    whole, cut = f"--logdir={corpus}/whole", f"--logdir={corpus}/cut"
    code, out, error = run("--mode=train_eval", whole, *flags, *QUIET)
    assert code == 0, error
    assert "Mean and deviation of the features were measured on 18 of 18 recordings" in out
    stored = parameters(corpus / "whole/ckpt-10")
    assert stored["feature_norm"] == norm and len(stored["features_mean"]) == 20

    # Resuming is exact, although the recordings are others by now: nothing is measured again.
    assert run("--mode=train", cut, *flags, *QUIET, "--max_steps=6")[0] == 0
    code, out, _ = run("--mode=train_eval", cut, *flags, *QUIET, "--continue_learning")
    assert code == 0 and "were measured" not in out
    same, resumed = weights(corpus / "whole/ckpt-10"), weights(corpus / "cut/ckpt-10")
    assert all(np.array_equal(same[name], resumed[name]) for name in same)
    assert parameters(corpus / "cut/ckpt-10") == stored

    # All that loads the checkpoint has its numbers, without being given them.
    evaluated = re.search(r"loss [\d.]+ over 18 utterances", out)
    code, out, error = run("--mode=eval", whole, *flags)
    assert code == 0, error
    assert re.search(r"loss [\d.]+ over 18 utterances", out)[0] == evaluated[0]
    recognizer = Recognizer.load(corpus / "config.py", [whole, *flags])
    (result,) = recognizer.transcribe([corpus / "0.wav"])
    code, out, _ = run("--mode=infer", whole, *flags, "--infer_files", str(corpus / "0.wav"))
    assert code == 0 and result.text in out

    # A mean of checkpoints keeps them; and its features stream.
    checkpoints = [corpus / f"whole/ckpt-{step}" for step in (8, 10)]
    average_checkpoints(checkpoints, corpus / "mean")
    assert parameters(corpus / "mean/ckpt-10") == stored
    extractor = recognizer.front_end
    samples = np.random.default_rng(0).normal(0, 0.1, 3000).astype(np.float32)
    stream = OnlineFeatures(extractor)
    parts = [stream.accept(samples[:1100]), stream.accept(samples[1100:]), stream.finish()]
    np.testing.assert_allclose(np.concatenate(parts), extractor(samples), atol=1e-5)

    # Another choice is refused, in one sentence.
    code, _, error = run("--mode=eval", whole, *STREAMS)
    assert code == 2
    assert f"feature_norm: found 'utterance', expected '{norm}'" in error.replace('"', "")


@pytest.mark.slow
def test_a_base_models_statistics_stay(corpus, run):
    flags = (f"{FEATURES}/feature_norm=fixed", *STREAMS, "--max_steps=2", *QUIET)
    assert run("--mode=train", f"--logdir={corpus}/base", *flags)[0] == 0
    # Other data, of which the statistics would be others.
    (corpus / "data.csv").write_text("wav_filename,wav_filesize,transcript\n0.wav,0,ab\n")
    tuned = (f"--logdir={corpus}/tuned", f"--load_model={corpus}/base", "--batch_size_per_gpu=1")
    code, out, error = run("--mode=train", *tuned, *flags)
    assert code == 0, error
    assert "Mean and deviation of the features are those of the base model." in out
    assert parameters(corpus / "tuned/ckpt-2") == parameters(corpus / "base/ckpt-2")
    # With other features they would mean nothing.
    other = (f"--logdir={corpus}/other", *tuned[1:], *flags, f"{FEATURES}/window_size=0.025")
    code, out, error = run("--mode=train", *other)
    assert code == 0, error
    assert "were measured on 1 of 1 recordings" in out


@pytest.mark.slow
def test_measured_beforehand(corpus, run, capfd):
    config, file = f"--config_file={corpus}/config.py", corpus / "statistics.json"
    (corpus / "5.wav").write_bytes(b"no sound")
    code = measure_features([config, f"--output={file}", *STREAMS])
    output = capfd.readouterr()
    assert code == 1 and "data.csv:7" in output.err
    assert "were measured on 17 of 18 recordings" in output.out
    written = json.loads(file.read_text())
    assert written["recordings"] == 17 and len(written["features_mean"]) == 20
    again = [config, f"--output={corpus}/part.json", *STREAMS, "--recordings=4"]
    assert measure_features(again) in (0, 1)
    assert json.loads((corpus / "part.json").read_text())["frames"] < written["frames"] / 2

    flags = (f"{FEATURES}/feature_norm=fixed", f"{FEATURES}/feature_norm_file={file}", *STREAMS)
    code, out, error = run("--mode=train", "--max_steps=1", "--skip_bad_rows", *flags)
    assert code == 0, error
    assert f"Mean and deviation of the features are those of {file}" in out
    file.unlink()  # the checkpoint has them
    assert parameters(corpus / "run/ckpt-1")["features_mean"] == written["features_mean"]
    assert run("--mode=eval", "--skip_bad_rows", *flags)[0] == 0
    assert measure_features([config, f"--output={corpus}"]) == 2
