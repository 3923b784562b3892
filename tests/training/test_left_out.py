"""Recordings that cannot be read while training runs: left out, listed, counted, limited."""

import os
import shutil

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from safetensors.numpy import load_file

from open_seq2seq.data.batch import LeftOut
from open_seq2seq.data.checks import CheckReport
from open_seq2seq.distributed.process_group import Reducer
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.training.left_out import LeftOutGuard, LeftOutList
from tests.distributed.mathematics import CASES, global_batches, make
from tests.tiers import slow


def left_out(*rows):
    return [LeftOut(row, Problem(f"data.csv:{row + 2}", f"{row}.wav: cut", "all")) for row in rows]


def spoil(path):
    """Its header stays whole, so that the check before training finds nothing."""
    samples, rate = soundfile.read(path)
    samples[len(samples) // 2] = np.nan
    soundfile.write(path, samples, rate, subtype="FLOAT")


def cut(path, to=0.4):
    """A check of headers finds it, but evaluation goes on to the files that can be read."""
    os.truncate(path, int(path.stat().st_size * to))


def weights(folder):
    return load_file(folder / "model.safetensors")


def variables(step):
    return [np.array(v.value) for v in step.model.variables if "seed_generator" not in v.path]


def equal(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


def test_each_is_listed_and_counted_once(tmp_path, capsys):
    guard = LeftOutGuard(LeftOutList(tmp_path / "list.txt"), "Training", 100, 0.05)
    guard.check_step(1, 10, [], 0.0)
    assert guard.count == 0 and not guard.listed.path.exists()
    guard.check_step(2, 8, left_out(3, 7), 2.0)
    guard.check_step(9, 9, left_out(3), 1.0)
    assert guard.count == 2
    text = guard.listed.path.read_text()
    assert text.count("data.csv:5: found 3.wav: cut, expected all. (step 2)") == 1
    assert text.count("data.csv") == 2
    assert capsys.readouterr().out.count("data.csv:5") == 1


def test_more_than_the_share_ends_the_run_and_names_the_list(tmp_path):
    guard = LeftOutGuard(LeftOutList(tmp_path / "list.txt"), "Training", 41, 0.05)
    guard.check_step(1, 10, left_out(0, 1, 2), 3.0)  # 5 % of 41, rounded up
    with pytest.raises(InputError, match="4 of 41 recordings could not be read") as raised:
        guard.check_step(2, 10, left_out(3), 1.0)
    assert str(tmp_path / "list.txt") in str(raised.value)
    assert "max_damaged_share=0.05" in str(raised.value)
    with pytest.raises(InputError, match="1 of 18"):
        LeftOutGuard(LeftOutList(None), "Training", 18, 0.0).check_step(1, 3, left_out(0), 1.0)


def test_a_folder_that_is_gone_is_noticed_long_before_the_share(tmp_path):
    guard = LeftOutGuard(LeftOutList(None), "Training", 10**6, 0.05)
    for step in range(12):
        guard.check_step(step, 10, [], 0.0)
    for step in range(5):
        guard.check_step(step, 0, left_out(*range(10 * step, 10 * step + 10)), 10.0)
    with pytest.raises(InputError, match="60% of the last 100 recordings"):
        guard.check_step(5, 0, left_out(*range(50, 60)), 10.0)


def test_what_was_met_stays_listed_when_the_run_goes_on(tmp_path):
    listed = LeftOutList(tmp_path / "list.txt")
    listed.add([one.problem for one in left_out(1)], "step 3")
    assert not listed.start(CheckReport(), goes_on=True)
    listed.add([one.problem for one in left_out(1, 2)], "step 30")
    lines = listed.path.read_text().splitlines()
    assert sum("data.csv:3" in line for line in lines) == 1 and "step 30" in lines[-1]
    report = CheckReport()
    report.add(0, Problem("data.csv:2", "nothing", "text"), "empty transcript")
    assert listed.start(report, goes_on=True)
    text = listed.path.read_text()
    assert "data.csv:2" in text and "data.csv:3" in text and "data.csv:4" in text
    assert listed.start(report)  # another run
    assert "data.csv:3" not in listed.path.read_text()
    assert not listed.start(CheckReport()) and not listed.path.exists()


def test_training_leaves_out_a_damaged_recording_and_goes_on_exactly(corpus, run):
    spoil(corpus / "13.wav")
    # A batch of one is a batch of which nothing is left; in two epochs it is met twice.
    fixed = ["--batch_size_per_gpu=1", "--lr_policy_params/decay_steps=40", "--eval_steps=20",
             "--iter_size=2", "--max_damaged_share=0.1"]  # fmt: skip
    whole, parts = corpus / "whole", corpus / "parts"
    code, out, err = run("--mode=train_eval", f"--logdir={whole}", "--max_steps=20", *fixed)
    assert code == 0, err
    listed = (whole / "left_out_training.txt").read_text()
    assert listed.count("data.csv:15") == 1 and "13.wav" in listed
    assert "1 recording could not be read and left out" in out
    assert (whole / "left_out_evaluation.txt").read_text().count("data.csv:15") == 1
    last = whole / "ckpt-20"
    assert all(np.isfinite(value).all() for value in weights(last).values())

    assert run("--mode=train", f"--logdir={parts}", "--max_steps=13", *fixed)[0] == 0
    code, _, err = run(
        "--mode=train", f"--logdir={parts}", "--max_steps=20", *fixed, "--continue_learning"
    )
    assert code == 0, err
    assert equal(weights(last), weights(parts / "ckpt-20"))
    assert (parts / "left_out_training.txt").read_text().count("data.csv:15") == 1


class _AsOneOfMany(Reducer):
    """Sums over workers of which this one is the only one."""

    size = 1

    def sum(self, tensors, compressed=False):
        return [tf.convert_to_tensor(tensor) for tensor in tensors]

    def max(self, tensor):
        return tensor


@pytest.mark.parametrize("case", ["batch norm", slow("local statistics"), slow("groups")])
@pytest.mark.parametrize("reducer", [None, _AsOneOfMany()])
def test_a_batch_of_which_nothing_is_left_teaches_nothing(case, reducer):
    step = make(CASES[case], reducer)
    batches = global_batches(CASES[case])
    step(batches[0], 0.1)
    before = variables(step)
    batches[1].is_padding, batches[1].left_out = True, left_out(1, 2)
    result = step(batches[1], 0.0)  # a momentum moves the weights also without a gradient
    after = variables(step)
    assert float(result.totals.left_out) == 2 and float(result.totals.count) == 0
    assert float(result.loss) == 0 and float(result.gradient_norm) == 0
    for one, other in zip(before, after):
        np.testing.assert_array_equal(one, other)


def test_the_others_are_trained_as_without_it(corpus, run):
    """Damaged rows change neither the order nor the random numbers of the others."""
    from open_seq2seq.config.loading import load_config
    from open_seq2seq.experiment import effective_params, make_experiment

    config = load_config(str(corpus / "config.py"))
    params = effective_params(config, [], "train")
    before = list(make_experiment(params, config.base_model, "train").data.batches(2))
    shutil.move(corpus / "13.wav", corpus / "gone.wav")
    shutil.copy(corpus / "gone.wav", corpus / "13.wav")
    data = make_experiment(params, config.base_model, "train").data
    assert data.check().problems == []
    (corpus / "13.wav").unlink()  # while training runs
    after = list(data.batches(2))
    assert len(before) == len(after)
    rows = []
    for one, other in zip(before, after):
        kept = [place for place, row in enumerate(one.indices) if row in other.indices]
        np.testing.assert_array_equal(one.features[kept], other.features)
        np.testing.assert_array_equal(one.indices[kept], other.indices)
        rows += [left.row for left in other.left_out]
    assert rows == [13]


def test_too_many_end_training(corpus, run):
    for index in (2, 5, 9):
        spoil(corpus / f"{index}.wav")
    code, _, err = run("--mode=train", "--max_damaged_share=0.1", "--max_steps=20")
    assert code == 2 and "max_damaged_share=0.1" in err
    assert str(corpus / "run/left_out_training.txt") in err
    listed = (corpus / "run/left_out_training.txt").read_text()
    assert all(f"data.csv:{index + 2}:" in listed for index in (2, 5, 9))


def test_evaluation_is_of_the_recordings_that_can_be_read(corpus, run):
    assert run("--mode=train", "--max_steps=2")[0] == 0
    cut(corpus / "4.wav")
    summary = corpus / "summary.json"
    code, out, err = run("--mode=eval", f"--eval_summary={summary}")
    assert code == 2 and "data.csv:6" in err and "--skip_bad_rows" in err
    assert "Validation WER" in out and '"utterances": 17' in summary.read_text()
    code, out, err = run("--mode=eval", "--skip_bad_rows")
    assert code == 0, err
    assert "left_out_evaluation.txt" in out
    assert "data.csv:6" in (corpus / "run/left_out_evaluation.txt").read_text()
    for index in range(18):
        cut(corpus / f"{index}.wav", to=0.3)
    code, _, err = run("--mode=eval", "--skip_bad_rows")
    assert code == 2 and "No recording could be read" in err
