"""Checkpoint averaging: the mean, what is not averaged, and what is refused."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from open_seq2seq.checkpoints.averaging import average_checkpoints
from open_seq2seq.checkpoints.storage import (
    EMA,
    MODEL,
    read_arrays,
    read_state,
    write_checkpoint,
)
from open_seq2seq.errors import InputError
from scripts.average_checkpoints import main

FEATURES = {"version": 1, "parameters": {"num_fft": 256}, "shape": [2, 1], "numbers": [0.5]}


def write(folder, step, arrays=None, vocabulary=("a", "b"), features=FEATURES):
    rng = np.random.default_rng(step)
    default = {
        "encoder/kernel": rng.standard_normal((3, 4)).astype(np.float32),
        "encoder/gamma": rng.standard_normal(4).astype(np.float32),
        "encoder/count": np.array([step], np.int32),
        "random_state/0": np.array([step, 1], np.uint32),
    }
    metadata = {"vocabulary": list(vocabulary), "features": features}
    files = {MODEL: default if arrays is None else arrays}
    return write_checkpoint(folder, files, {"step": step, "contract": metadata})


def read(path):
    return read_arrays(path / MODEL)


def test_floats_are_averaged_and_the_rest_is_the_newest(tmp_path):
    paths = [write(tmp_path, step) for step in (30, 10, 20)]
    mean = average_checkpoints(paths, tmp_path / "mean")
    assert mean == tmp_path / "mean/ckpt-30"
    found, parts = read(mean), [read(path) for path in paths]
    for name in ("encoder/kernel", "encoder/gamma"):
        expected = np.mean([part[name].astype(np.float64) for part in parts], axis=0)
        np.testing.assert_allclose(found[name], expected, rtol=1e-6)
        assert found[name].dtype == np.float32
        assert np.abs(found[name] - parts[0][name]).max() > 0.01
    for name in ("encoder/count", "random_state/0"):
        np.testing.assert_array_equal(found[name], parts[0][name])
        assert found[name].dtype == parts[0][name].dtype
    state = read_state(mean)
    assert state["step"] == 30
    assert [entry["step"] for entry in state["averaged"]] == [30, 10, 20]
    assert state["contract"]["vocabulary"] == ["a", "b"]


def test_all_disagreements_are_listed(tmp_path):
    newest = write(tmp_path, 9)
    arrays = read(newest)
    reshaped = {**arrays, "encoder/kernel": np.zeros((3, 5), np.float32)}
    del reshaped["encoder/gamma"]
    other = {**FEATURES, "parameters": {"num_fft": 512}}
    paths = [newest, write(tmp_path, 8, reshaped), write(tmp_path, 7, arrays, "ba", other)]
    with pytest.raises(InputError) as raised:
        average_checkpoints(paths, tmp_path / "mean")
    assert {problem.where for problem in raised.value.problems} == {
        f"{paths[1]}, encoder/kernel",
        f"{paths[1]}, encoder/gamma",
        f"{paths[2]}, vocabulary",
        f"{paths[2]}, data_layer_params/num_fft",
    }
    assert not (tmp_path / "mean").exists()


def test_moving_averages_of_weights_are_averaged_too(tmp_path):
    paths = [write(tmp_path, step) for step in (1, 2)]
    for number, path in enumerate(paths):
        save_file({"encoder/kernel": np.full(3, number, np.float32)}, path / EMA)
    mean = average_checkpoints(paths, tmp_path / "mean")
    found = read_arrays(mean / EMA)
    np.testing.assert_array_equal(found["encoder/kernel"], 0.5)
    (paths[0] / EMA).unlink()
    with pytest.raises(InputError, match="ckpt-1, encoder/kernel: found nothing"):
        average_checkpoints(paths, tmp_path / "other")


@pytest.mark.parametrize("folder", ["", "logs"])
def test_the_last_and_the_best_of_a_run(tmp_path, capsys, folder):
    for step in (5, 10, 100):
        write(tmp_path / folder, step)
    for step in (7, 8, 9):
        write(tmp_path / folder / "best_models", step)
    entries = [{"value": 0.1 * step, "step": step, "name": f"ckpt-{step}"} for step in (8, 9, 7)]
    record = {"metric": "wer", "entries": entries}
    (tmp_path / folder / "best_models/best.json").write_text(json.dumps(record))
    assert main([f"--logdir={tmp_path}", "--last=2"]) == 0
    output = capsys.readouterr().out
    assert f"--mode=eval --logdir={tmp_path}/averaged" in output
    state = read_state(tmp_path / "averaged/ckpt-100")
    assert [entry["step"] for entry in state["averaged"]] == [10, 100]
    assert main([f"--logdir={tmp_path}", "--best=2", f"--output={tmp_path}/best"]) == 0
    state = read_state(tmp_path / "best/ckpt-9")
    assert [entry["step"] for entry in state["averaged"]] == [8, 9]
    # Too many, and a place that is taken.
    assert main([f"--logdir={tmp_path}", "--last=4", f"--output={tmp_path}/x"]) == 2
    assert "3 checkpoints, expected the 4 newest" in capsys.readouterr().err
    assert main([f"--logdir={tmp_path}", "--last=2"]) == 2
    assert "The average has no place" in capsys.readouterr().err


def test_a_run_can_be_evaluated_by_its_mean(run, corpus):
    common = ("--print_samples_steps=None", "--save_checkpoint_steps=10", "--num_checkpoints=3")
    code, _, error = run("--mode=train", "--max_steps=30", *common)
    assert code == 0, error
    assert main([f"--logdir={corpus}/run", "--last=3"]) == 0
    code, output, error = run("--mode=eval", f"--logdir={corpus}/run/averaged")
    assert code == 0, error
    assert f"Evaluating {corpus}/run/averaged/ckpt-30" in output
    assert "Validation WER" in output
    again = (f"--logdir={corpus}/run/averaged", "--continue_learning", "--max_steps=40")
    code, _, error = run("--mode=train", *again, *common[:1])
    assert code == 2
    assert "weights only, expected a checkpoint that training wrote. Start anew from" in error
