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


@pytest.mark.slow
def test_both_backends_take_the_same_steps(corpus):
    pytest.importorskip("jax")
    # Dropout draws differ between the backends.
    common = ("--encoder_params/dropout_keep_prob=1.0", "--lr_policy_params/decay_steps=20")
    call(corpus, "tensorflow", "--mode=train", "--max_steps=3", *common)
    shutil.copytree(corpus / "run", corpus / "jax")
    go_on = ("--mode=train_eval", "--continue_learning", "--max_steps=12", *common)
    call(corpus, "tensorflow", *go_on)
    call(corpus, "jax", *go_on, f"--logdir={corpus}/jax")
    start = load_file(corpus / "run/best_models" / "ckpt-5/model.safetensors")
    expected = load_file(corpus / "run/ckpt-12/model.safetensors")
    found = load_file(corpus / "jax/ckpt-12/model.safetensors")
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        if not name.startswith("random_state/"):
            np.testing.assert_allclose(found[name], value, atol=2e-4, rtol=2e-3, err_msg=name)
    kernel = "encoder/conv11/kernel"
    assert np.abs(expected[kernel] - start[kernel]).max() > 1e-3, "it did not learn"
    # What one backend trained, the other evaluates.
    line = next(x for x in call(corpus, "tensorflow", "--mode=eval").splitlines() if "loss" in x)
    assert line in call(corpus, "jax", "--mode=eval", f"--logdir={corpus}/run")
