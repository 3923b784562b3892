"""`load_model`: training that starts from another model's weights."""

import re
import shutil

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file

from open_seq2seq.errors import InputError
from open_seq2seq.training.transfer import base_checkpoint, kept_symbols, transfer

QUIET = ("--print_samples_steps=None",)


def first_loss(output):
    return float(re.search(r"global step 1:\n\*\*\* +Train loss: ([\d.]+)", output)[1])


def weights(checkpoint):
    arrays = load_file(checkpoint / "model.safetensors")
    return {n: value for n, value in arrays.items() if not n.startswith("random_state/")}


@pytest.fixture
def trained(corpus, learned):
    """A run that has learned something, in corpus/run."""
    shutil.copytree(learned, corpus / "run")


@pytest.mark.usefixtures("trained")
def test_fine_tuning_with_another_vocabulary(run, corpus):
    """Symbols of another order, one new and one gone: those that remain are still known."""
    base = weights(corpus / "run/ckpt-60")
    (corpus / "vocab.txt").write_text("c\nb\n \nd\na\n")
    rows = (corpus / "data.csv").read_text().splitlines()
    (corpus / "data.csv").write_text("\n".join([*rows[:-1], rows[-1].replace("bac", "bad")]))
    common = ("--mode=train", "--max_steps=1", "--lr_policy_params/learning_rate=0.0", *QUIET)
    code, scratch, error = run(f"--logdir={corpus}/scratch", *common)
    assert code == 0, error
    assert "Starting training from scratch" in scratch
    # The base model's folder with `logs`, as --enable_logs makes it.
    (corpus / "base").mkdir()
    shutil.copytree(corpus / "run", corpus / "base/logs")
    code, output, error = run(f"--logdir={corpus}/tuned", f"--load_model={corpus}/base", *common)
    assert code == 0, error
    assert f"Starting training from the base model {corpus}/base/logs/ckpt-60" in output
    assert "4 symbols remain; symbols added ['d'], removed []" in output
    assert "by symbol: decoder/fully_connected/kernel, 5 of 6 columns, blank included" in output
    assert first_loss(output) < 0.3 * first_loss(scratch)
    tuned, fresh = weights(corpus / "tuned/ckpt-1"), weights(corpus / "scratch/ckpt-1")
    for name in ("kernel", "bias"):
        name = f"decoder/fully_connected/{name}"
        # Old columns: space a b c blank. The rate is 0, so the step changed no weight.
        np.testing.assert_array_equal(tuned[name][..., [2, 4, 1, 0, 5]], base[name])
        np.testing.assert_array_equal(tuned[name][..., 3], fresh[name][..., 3])
    np.testing.assert_array_equal(tuned["encoder/conv11/kernel"], base["encoder/conv11/kernel"])


@pytest.mark.usefixtures("trained")
def test_only_a_run_from_scratch_starts_from_it(run, corpus):
    code, _, error = run("--mode=train", "--max_steps=2", f"--logdir={corpus}/own", *QUIET)
    assert code == 0, error
    own = ("--max_steps=4", f"--logdir={corpus}/own", f"--load_model={corpus}/run", *QUIET)
    code, output, _ = run("--mode=train", "--continue_learning", *own)
    assert code == 0
    assert f"load_model has no effect: this run goes on from {corpus}/own/ckpt-2" in output
    assert "Resuming training" in output
    code, output, _ = run("--mode=eval", *own[1:])
    assert code == 0
    assert "load_model has no effect" in output
    assert f"Evaluating {corpus}/own/ckpt-4" in output


def test_what_differs_is_said(run, corpus):
    """Other features and another width: the rest is loaded, and the report names all."""
    code, _, error = run("--mode=train_eval", "--max_steps=20", "--eval_steps=20", *QUIET)
    assert code == 0, error
    code, output, error = run(
        "--mode=train",
        "--max_steps=1",
        f"--logdir={corpus}/tuned",
        f"--load_model={corpus}/run",
        "--restore_best_checkpoint=True",
        "--data_layer_params/num_audio_features=24",
        *QUIET,
    )
    assert code == 0, error
    assert f"from the base model {corpus}/run/best_models/ckpt-20" in output
    assert "WARNING: the base model was trained on other features" in output
    assert "data_layer_params/num_audio_features: 24 here, 20, which the checkpoint" in output
    assert re.search(
        r"another shape, starts fresh: encoder/conv11/kernel, \(5, 20, 16\) in", output
    )
    base, tuned = weights(corpus / "run/best_models/ckpt-20"), weights(corpus / "tuned/ckpt-1")
    kernel = "encoder/conv21/kernel"
    assert np.abs(tuned[kernel] - base[kernel]).max() < 0.01
    assert np.abs(base[kernel]).max() > 0


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda path: None, "nothing of that name"),
        (lambda path: path.mkdir(), "an empty folder"),
        (lambda path: path.write_text("x"), "a file"),
        (lambda path: (path / "some").mkdir(parents=True), "a folder without checkpoints"),
    ],
)
def test_a_base_that_is_none_is_refused_before_anything_is_written(run, corpus, make, found):
    make(corpus / "base")
    code, _, error = run("--mode=train", f"--load_model={corpus}/base")
    assert code == 2
    assert f"load_model {corpus}/base: found {found}" in error
    assert not (corpus / "run").exists()


def test_a_tensorflow_1_checkpoint_is_pointed_to_its_importer(tmp_path):
    (tmp_path / "model.ckpt-7.index").touch()
    with pytest.raises(InputError, match="import_openseq2seq_checkpoint"):
        base_checkpoint(str(tmp_path), best=False)


@pytest.mark.usefixtures("trained")
def test_a_base_of_another_kind_is_refused(run, corpus):
    text = (corpus / "config.py").read_text()
    (corpus / "config.py").write_text(text.replace('"num_channels": 16', '"num_channels": 12'))
    layers = '"kernel_size": [5], "stride"', '"kernel_size": [3], "stride"'
    text = (corpus / "config.py").read_text().replace(*layers)
    (corpus / "config.py").write_text(text)
    (corpus / "vocab.txt").write_text(" \na\nb\nc\nd\n")
    code, _, error = run("--mode=train", f"--logdir={corpus}/x", f"--load_model={corpus}/run")
    assert code == 2
    assert "The base model is of another kind" in error
    assert "another shape, starts fresh: encoder/conv11/kernel" in error


def test_unused_and_missing_variables_are_listed():
    first, second = keras.layers.Dense(3, name="a"), keras.layers.Dense(3, name="b")
    first.build((None, 2))
    second.build((None, 2))
    variables = {"a/kernel": first.kernel, "b/kernel": second.kernel}
    arrays = {"a/kernel": np.ones((2, 3), np.float32), "c/kernel": np.ones(3, np.float32)}
    result = transfer(arrays, variables, kept_symbols("ab", "ab"))
    assert (result.loaded, result.missing, result.unused) == (
        ["a/kernel"],
        ["b/kernel"],
        ["c/kernel"],
    )
    np.testing.assert_array_equal(np.array(first.kernel), 1.0)
    assert "1 of 2 variables loaded" in result.text()


def test_symbols_are_paired_by_themselves_not_by_place():
    columns = kept_symbols([" ", "a", "b"], ["b", "x", " "])
    assert (columns.old, columns.new) == ([2, 0, 3], [0, 2, 3])
    assert not columns.is_identity
    assert kept_symbols("ab", "ab").is_identity
    # Of one size, but of another order: not simply copied.
    assert not kept_symbols("ab", "ba").is_identity
