"""The JAX backend trains like TensorFlow: both go on from one checkpoint to the same weights."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

RUN = Path(__file__).parents[2] / "run.py"


def call(corpus, backend, *arguments):
    command = [sys.executable, str(RUN), f"--config_file={corpus / 'config.py'}", *arguments]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


OPTIONS = ("--iter_size=2", "--ema_decay=0.8", "--max_grad_norm=None",
           "--larc_params={'larc_eta': 0.05}",
           "--freeze_variables_regex=decoder/fully_connected/bias")  # fmt: skip


ON_DEVICE = "--train_params/data_layer_params/features_on_device=True"


@pytest.mark.slow
@pytest.mark.parametrize("on_device", [(), (ON_DEVICE,)], ids=["", "features on device"])
@pytest.mark.parametrize("options", [(), OPTIONS])
def test_both_backends_take_the_same_steps(corpus, options, on_device):
    pytest.importorskip("jax")
    # Dropout draws differ between the backends.
    common = ("--encoder_params/dropout_keep_prob=1.0", "--lr_policy_params/decay_steps=20")
    common += options
    call(corpus, "tensorflow", "--mode=train", "--max_steps=3", *common)
    shutil.copytree(corpus / "run", corpus / "jax")
    start = load_file(corpus / "run/ckpt-3/model.safetensors")
    go_on = ("--mode=train_eval", "--continue_learning", "--max_steps=12", *common)
    call(corpus, "tensorflow", *go_on)
    call(corpus, "jax", *go_on, f"--logdir={corpus}/jax", *on_device)
    for file in ("ema.safetensors", "model.safetensors") if options else ("model.safetensors",):
        expected = load_file(corpus / "run/ckpt-12" / file)
        found = load_file(corpus / "jax/ckpt-12" / file)
        assert expected.keys() == found.keys()
        for name, value in expected.items():
            if not name.startswith("random_state/"):
                np.testing.assert_allclose(found[name], value, atol=2e-4, rtol=2e-3, err_msg=name)
    kernel = "encoder/conv11/kernel"
    assert np.abs(expected[kernel] - start[kernel]).max() > 1e-3, "it did not learn"
    # What one backend trained, the other evaluates.
    line = next(x for x in call(corpus, "tensorflow", "--mode=eval").splitlines() if "loss" in x)
    assert line in call(corpus, "jax", "--mode=eval", f"--logdir={corpus}/run")


STEPS = ["tests/training/test_step.py", "tests/models/test_intermediate_losses.py"]
FEATURES = ["tests/features/test_device_features.py", "tests/training/test_features_on_device.py",
            "tests/data/speech2text/test_batch_inputs.py"]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("tests", [STEPS, FEATURES], ids=["steps", "features"])
def test_the_step_on_jax_against_numpy(tests):
    """The tests of the step, of losses and of features are written for both backends."""
    pytest.importorskip("jax")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        cwd=RUN.parent,
        timeout=600,
    )
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.slow
def test_streams():
    """The tests of streams of models in memory, on JAX."""
    pytest.importorskip("jax")
    file = RUN.parent / "tests/inference/test_streams.py"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment["KERAS_BACKEND"] = "jax"
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=RUN.parent, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout and "skipped" not in done.stdout
