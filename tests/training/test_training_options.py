"""Accumulation, averaged weights, LARC, loss scaling and summaries through the command line."""

import json
import re

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file

from open_seq2seq.runs.events import read_events
from open_seq2seq.training import trainer as trainers
from open_seq2seq.training.step import TrainStep

FIXED = "--lr_policy_params/decay_steps=10"  # not the number of steps of the run


def weights(folder, name="model.safetensors"):
    return load_file(folder / name)


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


def state_of(folder):
    return json.loads((folder / "state.json").read_text())


@pytest.fixture
def calls(monkeypatch):
    """The batches of a run: rows, and whether the weights were to be updated."""
    seen = []
    original = TrainStep.__call__

    def watched(self, batch, rate, scale, decay, update, stop):
        seen.append((batch.indices.tolist(), update))
        return original(self, batch, rate, scale, decay, update, stop)

    monkeypatch.setattr(TrainStep, "__call__", watched)
    return seen


class TestAccumulation:
    def test_groups_go_over_epochs_and_the_last_is_smaller(self, corpus, run, calls):
        """18 utterances in batches of 4: 5 batches an epoch, 15 in all, steps of 4, 4, 4 and 3."""
        epochs = ("--max_steps=None", "--num_epochs=3", "--iter_size=4")
        code, out, err = run("--mode=train", *epochs, "--save_checkpoint_steps=1", FIXED)
        assert code == 0, err
        assert "Finished training: 4 steps" in out and "3.0 epochs in all" in out
        assert [update for _, update in calls] == ([False] * 3 + [True]) * 3 + [False] * 2 + [True]
        for epoch in range(3):
            epoch_calls = calls[5 * epoch : 5 * epoch + 5]
            assert sorted(row for rows, _ in epoch_calls for row in rows) == list(range(18))
        progress = [state_of(corpus / f"run/ckpt-{step}")["progress"] for step in (3, 4)]
        assert [(p["epoch"], p["position"]) for p in progress] == [(2, 2), (2, 5)]

    def test_going_on_within_an_epoch_is_exact(self, corpus, run):
        more = ("--iter_size=3", "--max_grad_norm=1", FIXED, "--mode=train", "--ema_decay=0.9")
        assert run(*more, f"--logdir={corpus}/whole")[0] == 0
        assert run(*more, f"--logdir={corpus}/cut", "--max_steps=6")[0] == 0
        code, _, err = run(*more, f"--logdir={corpus}/cut", "--continue_learning")
        assert code == 0, err
        for name in ("model", "optimizer", "ema"):
            file = f"{name}.safetensors"
            whole = weights(corpus / "whole/ckpt-10", file)
            assert same(whole, weights(corpus / "cut/ckpt-10", file)), name

    @pytest.mark.slow
    def test_ctrl_c_within_a_group_finishes_it_first(self, corpus, run, monkeypatch):
        import os
        import signal

        original, count = TrainStep.__call__, []

        def interrupted(self, *arguments):
            count.append(1)
            if len(count) == 5:
                os.kill(os.getpid(), signal.SIGINT)
            return original(self, *arguments)

        with monkeypatch.context() as patch:
            patch.setattr(TrainStep, "__call__", interrupted)
            code, _, _ = run("--mode=train", "--iter_size=3")
        assert code == 130 and len(count) == 6
        assert state_of(corpus / "run/ckpt-2")["progress"]["step"] == 2

    @pytest.mark.slow
    def test_two_small_batches_make_the_step_of_a_large_one(self, corpus, run):
        """Without batch norm, dropout and padding to other lengths nothing tells them apart."""
        # 16 utterances: every batch is full, and every utterance has the same weight.
        lines = (corpus / "data.csv").read_text().splitlines()[:17]
        (corpus / "data.csv").write_text("\n".join(lines) + "\n")
        common = (
            "--mode=train", "--encoder_params/normalization=layer_norm", FIXED, "--max_steps=4",
            "--encoder_params/dropout_keep_prob=1.0", "--data_layer_params/augmentation=None",
            "--max_grad_norm=2", "--lr_policy_params/learning_rate=0.01",
        )  # fmt: skip
        code, _, err = run(*common, f"--logdir={corpus}/one", "--batch_size_per_gpu=16")
        assert code == 0, err
        two = ("--batch_size_per_gpu=8", "--iter_size=2")
        assert run(*common, f"--logdir={corpus}/two", *two)[0] == 0
        assert run(*common, f"--logdir={corpus}/half", "--batch_size_per_gpu=8")[0] == 0
        one, two, half = (weights(corpus / f"{run}/ckpt-4") for run in ("one", "two", "half"))
        for name, value in one.items():
            if not name.startswith("random_state/"):
                np.testing.assert_allclose(two[name], value, atol=2e-6, rtol=2e-4, err_msg=name)
        kernel = "encoder/conv11/kernel"
        assert np.abs(half[kernel] - one[kernel]).max() > 1e-4, "any batch would do"


class TestAveragedWeights:
    def test_kept_evaluated_and_used(self, corpus, run, monkeypatch):
        """The checkpoint's averages are those of its history, in NumPy; eval and infer use them."""
        history = []
        original = trainers.Trainer._evaluate_and_save

        def remember(self, logger):
            history.append([np.array(v.value) for v in self.step.variables])
            return original(self, logger)

        monkeypatch.setattr(trainers.Trainer, "_evaluate_and_save", remember)
        rate = "--lr_policy_params/learning_rate=0.05"
        code, out, err = run("--mode=train_eval", "--ema_decay=0.4", rate, "--max_steps=10")
        assert code == 0, err
        ema = weights(corpus / "run/ckpt-10", "ema.safetensors")
        raw = weights(corpus / "run/ckpt-10")
        # What it starts from, the initial weights, has a share of less than 1e-4 after ten steps.
        expected = history[0]
        for step, values in enumerate(history):
            decay = min(0.4, (1 + step) / (10 + step))
            expected = [decay * a + (1 - decay) * w for a, w in zip(expected, values)]
        for (name, average), value in zip(sorted(ema.items()), sorted_like(ema, raw, expected)):
            np.testing.assert_allclose(average, value, atol=2e-5, err_msg=name)
            assert not np.allclose(average, raw[name], atol=1e-6) or not raw[name].any(), name

        # The best model is what was evaluated: the averages.
        best = corpus / "run/best_models"
        newest = json.loads((best / "best.json").read_text())["entries"][0]["name"]
        assert state_of(best / newest)["averaged_weights"]
        if newest == "ckpt-10":
            stored = weights(best / newest)
            assert all(np.array_equal(stored[name], ema[name]) for name in ema)

        last = re.findall(r"Step 10: eval loss ([\d.]+)", out)[0]
        code, out, _ = run("--mode=eval")
        assert code == 0 and "with averaged weights" in out
        assert f"loss {last}" in out
        code, out, _ = run("--mode=eval", "--use_ema=False")
        assert code == 0 and "averaged" not in out and f"loss {last}" not in out

    @pytest.mark.slow
    @pytest.mark.slow
    def test_another_model_starts_from_them(self, corpus, run):
        assert run("--mode=train", "--max_steps=6", "--ema_decay=0.9")[0] == 0
        again = ("--mode=train", f"--load_model={corpus}/run", f"--logdir={corpus}/tuned")
        code, out, err = run(*again, "--max_steps=1", "--lr_policy_params/learning_rate=0")
        assert code == 0, err
        assert "averaged weights are used" in out
        tuned, ema = (
            weights(corpus / "tuned/ckpt-1"),
            weights(corpus / "run/ckpt-6", "ema.safetensors"),
        )
        assert all(np.array_equal(tuned[name], ema[name]) for name in ema)

    @pytest.mark.slow
    def test_an_average_can_be_added_to_a_run(self, corpus, run):
        assert run("--mode=train", "--max_steps=3", FIXED)[0] == 0
        more = ("--mode=train", "--continue_learning", "--max_steps=5", FIXED, "--ema_decay=0.9")
        code, out, err = run(*more)
        assert code == 0, err
        assert "no averaged weights" in out
        assert (corpus / "run/ckpt-5/ema.safetensors").exists()


def sorted_like(ema, raw, values):
    """The values, which are in the order of the variables, in the order of sorted names.

    Matched by shape and by nearness to the weights, since names are not known here."""
    left = list(values)
    for name in sorted(ema):
        distances = [
            np.abs(v - raw[name]).max() if v.shape == raw[name].shape else np.inf for v in left
        ]
        yield left.pop(int(np.argmin(distances)))


@pytest.mark.slow
def test_losses_of_inner_layers_are_trained_written_and_left_out_of_evaluation(corpus, run):
    loss = "--loss_params={'intermediate_layers': [1], 'intermediate_weight': 0.5}"
    code, out, err = run("--mode=train_eval", "--max_steps=5", loss)
    assert code == 0, err
    tags = ["loss", "loss_final", "loss_intermediate_1"]
    ((_, total),), *terms = read_events(corpus / "run", tags).values()
    assert total == pytest.approx(sum(value for ((_, value),) in terms) / 2, rel=1e-3)
    ((_, evaluated),) = read_events(corpus / "run", ["loss"], "eval")["loss"]
    # Layers of the head's channels have no variables: the model is one without them.
    code, out, err = run("--mode=eval")
    assert code == 0, err
    assert float(re.findall(r"loss ([0-9.]+) over", out)[0]) == pytest.approx(evaluated, rel=1e-3)


class TestLossScaling:
    FLOAT16 = ("--dtype=mixed_float16", "--loss_scaling=Backoff")

    def test_overflows_skip_steps_and_are_said(self, corpus, run, calls):
        huge = f"--loss_scaling_params={{'scale_max': {2.0**40}, 'step_window': 5}}"
        summaries = "--summaries=['loss_scale']"
        code, out, err = run("--mode=train", *self.FLOAT16, huge, summaries, "--max_steps=10")
        assert code == 0, err
        skipped = len(re.findall("the gradients overflowed at the loss scale", out))
        total = int(re.findall(r"(\d+) batches overflowed", out)[0])
        assert total >= skipped >= 8 and "slow on a CPU" in out
        assert len(calls) == 10 + total  # the steps are all there
        assert "Finished training: 10 steps" in out
        assert not (corpus / "run/nonfinite.csv").exists()
        state = state_of(corpus / "run/ckpt-10")
        assert state["loss_scaling"]["name"] == "Backoff"
        assert state["loss_scaling"]["iteration"] == len(calls)
        assert state["progress"]["epoch"] * 5 + state["progress"]["position"] == len(calls)
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(corpus / "run"), size_guidance={"tensors": 0})
        events.Reload()
        assert len(events.Tensors("loss_scale")) >= total

    @pytest.mark.parametrize("name", ["Backoff", pytest.param("LogMax", marks=pytest.mark.slow)])
    def test_going_on_is_exact(self, corpus, run, name):
        more = ("--mode=train", "--dtype=mixed_float16", f"--loss_scaling={name}", FIXED)
        params = {"scale_max": 2.0**30, "step_window": 3} if name == "Backoff" else {}
        more = (*more, f"--loss_scaling_params={params}")
        assert run(*more, f"--logdir={corpus}/whole", "--max_steps=8")[0] == 0
        assert run(*more, f"--logdir={corpus}/cut", "--max_steps=5")[0] == 0
        code, _, err = run(*more, f"--logdir={corpus}/cut", "--max_steps=8", "--continue_learning")
        assert code == 0, err
        assert same(weights(corpus / "whole/ckpt-8"), weights(corpus / "cut/ckpt-8"))
        states = [state_of(corpus / f"{run}/ckpt-8") for run in ("whole", "cut")]
        assert states[0]["loss_scaling"] == states[1]["loss_scaling"]
        assert states[0]["loss_scaling"]["scale"] > 1

    def test_where_it_is_not_needed_one_line_says_so(self, corpus, run):
        """OpenSeq2Seq's configs in mixed precision have a scaler."""
        mixed = ("--mode=train", "--dtype=mixed", "--max_steps=2", FIXED)
        code, out, err = run(*mixed, "--loss_scaling=Backoff")
        assert code == 0, err
        assert out.count("is not applied") == 1
        assert run(*mixed, f"--logdir={corpus}/plain")[0] == 0
        assert same(weights(corpus / "run/ckpt-2"), weights(corpus / "plain/ckpt-2"))

    def test_a_gradient_that_no_scale_makes_finite_stops_the_run(self, corpus, run):
        """At the smallest scale it counts like any loss that is not finite."""
        params = f"--loss_scaling_params={{'scale_min': {2.0**50}, 'scale_max': {2.0**52}}}"
        code, _, err = run("--mode=train", *self.FLOAT16, params, "--max_steps=50")
        assert code == 1 and "max_nonfinite_share" in err


def test_larc_trains_and_is_written(corpus, run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    chosen = "--summaries=['larc_summaries', 'learning_rate', 'global_gradient_norm']"
    larc = "--larc_params={'larc_eta': 0.001}"
    code, out, err = run("--mode=train", larc, "--max_grad_norm=None", chosen)
    assert code == 0, err
    assert "nothing to write" not in out
    events = EventAccumulator(str(corpus / "run"))
    tags = set(events.Reload().Tags()["tensors"])
    values = {}
    for kind in ("larc_clip_on", "larc_grad_update", "larc_final_lr"):
        for name in ("encoder/conv11/kernel", "decoder/fully_connected/bias"):
            assert f"{kind}/{name}" in tags
        values[kind] = read(events, f"{kind}/encoder/conv11/kernel")
    rate = read(events, "learning_rate")
    assert values["larc_final_lr"] == pytest.approx(values["larc_grad_update"] * rate)
    assert values["larc_clip_on"] == float(values["larc_grad_update"] < 1)

    code, _, err = run("--mode=train", larc, "--no_dir_check")
    assert code == 2 and "max_grad_norm" in err


def test_gradient_norms_and_histograms_of_a_group(corpus, run):
    """The norm over all variables is that of the norms of each, and below the clip."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    chosen = ["gradients", "gradient_norm", "global_gradient_norm", "variables", "variable_norm",
              "loss_scale", "learning_rate"]  # fmt: skip
    arguments = ("--iter_size=2", f"--summaries={chosen}", "--max_grad_norm=1e9")
    code, out, err = run("--mode=train", "--max_steps=5", *arguments)
    assert code == 0, err
    assert "Epoch 1, global step 5" in out  # ten batches of an epoch of five
    events = EventAccumulator(str(corpus / "run"))
    tags = events.Reload().Tags()["tensors"]
    norms = {tag: read(events, tag) for tag in tags if tag.startswith("gradient_norm/")}
    total = np.sqrt(sum(value**2 for value in norms.values()))
    assert total == pytest.approx(read(events, "global_gradient_norm"), rel=1e-4)
    stored = weights(corpus / "run/ckpt-5")
    kernel = "encoder/conv11/kernel"
    assert read(events, f"variable_norm/{kernel}") == pytest.approx(
        np.linalg.norm(stored[kernel]), rel=1e-5
    )
    assert f"variables/{kernel}" in tags and f"gradients/{kernel}" in tags
    assert read(events, "loss_scale") == 1.0 and read(events, "epoch") == 2.0


def read(events, tag):
    return float(tf.make_ndarray(events.Tensors(tag)[-1].tensor_proto))


def test_the_best_checkpoint_is_restored(corpus, run):
    code, out, err = run(
        "--mode=train_eval", "--max_steps=30", "--eval_steps=10", "--max_grad_norm=None",
        "--lr_policy_params/learning_rate=0.03", "--best_checkpoint_metric=loss",
    )  # fmt: skip
    assert code == 0, err
    losses = {int(s): float(x) for s, x in re.findall(r"Step (\d+): eval loss ([\d.]+)", out)}
    # Make the second best the best, as if the last weights had been worse.
    listing, last = corpus / "run/best_models/best.json", max(losses)
    record = json.loads(listing.read_text())
    record["entries"] = [entry for entry in record["entries"] if entry["step"] != last]
    listing.write_text(json.dumps(record))
    first = record["entries"][0]["step"]
    assert losses[first] != losses[last]
    code, out, _ = run("--mode=eval", "--restore_best_checkpoint=True")
    assert code == 0 and f"best_models/ckpt-{first}" in out and f"loss {losses[first]:.4f}" in out
    code, out, _ = run("--mode=eval")
    assert code == 0 and f"run/ckpt-{last}" in out and f"loss {losses[last]:.4f}" in out
