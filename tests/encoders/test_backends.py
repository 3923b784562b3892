"""Every encoder computes, and learns, the same on the JAX backend as on TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.encoders.backends import all_cases, part, results

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-4  # of the largest value


def test_the_cases_of_all_encoders_are_found():
    names = list(all_cases())
    assert {name.partition("-")[0] for name in names} >= {"crnn", "deepspeech2", "tdnn"}
    assert len(names) == len(set(names)) > 40


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The results of TensorFlow here, and those of JAX, with the same weights, from a process."""
    pytest.importorskip("jax")
    folder = tmp_path_factory.mktemp("backends")
    here = {
        f"{name}/{key}": value
        for name, case in all_cases().items()
        for key, value in results(case, None, None).items()
    }
    np.savez(folder / "tensorflow.npz", **here)
    files = [str(folder / "tensorflow.npz"), str(folder / "jax.npz")]
    command = [sys.executable, "-m", "tests.encoders.backends", *files]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return here, dict(np.load(files[1]))


def assert_close(found, expected, what):
    assert found.shape == expected.shape, what
    largest = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * largest, err_msg=what)


@pytest.mark.slow
@pytest.mark.parametrize("name", all_cases())
def test_same_on_jax(both, name):
    expected, found = both
    np.testing.assert_array_equal(found[f"{name}/lengths"], expected[f"{name}/lengths"])
    assert np.abs(expected[f"{name}/outputs"]).max() > 1e-3, "nothing to compare"
    assert_close(found[f"{name}/outputs"], expected[f"{name}/outputs"], "outputs")
    pairs = list(zip(part(found, name, "gradient"), part(expected, name, "gradient"), strict=True))
    assert pairs
    # Of all gradients together: some are a small difference of large numbers.
    largest = max(np.abs(gradient).max() for _, gradient in pairs)
    assert largest > 1e-6
    for number, (mine, theirs) in enumerate(pairs):
        np.testing.assert_allclose(
            mine, theirs, rtol=0, atol=TOLERANCE * largest, err_msg=f"gradient {number}"
        )
