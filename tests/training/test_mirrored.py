"""Several devices of one process, in a process of its own: see mirrored_cases.py."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from open_seq2seq.distributed.devices import CPU_DEVICES


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="devices of TensorFlow")
@pytest.mark.parametrize("cases", ["not slow", pytest.param("slow", marks=pytest.mark.slow)])
def test_two_devices_are_one(cases):
    """The devices are made before anything else, so that other tests keep one."""
    file = Path(__file__).with_name("mirrored_cases.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", cases, file]
    # Not a worker of this suite's own distribution.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment[CPU_DEVICES] = "2"
    finished = subprocess.run(
        command, capture_output=True, text=True, cwd=file.parents[2], env=environment
    )
    assert finished.returncode == 0, finished.stdout[-20_000:] + finished.stderr[-2000:]
    assert "skipped" not in finished.stdout.splitlines()[-1]
