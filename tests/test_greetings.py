"""What TensorFlow writes while it is imported."""

import os
import subprocess
import sys

import pytest

from open_seq2seq.greetings import split, without_greetings

GREETINGS = """\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795772688.200066   11453 port.cc:153] oneDNN custom operations are on. You may
2026-11-27 09:42:35.123456: I tensorflow/core/util/port.cc:113] oneDNN custom operations are on.
I0000 00:00:1795772688.321247   11453 cpu_feature_guard.cc:227] This TensorFlow binary is optimized
To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow with
E0000 00:00:1.2   3 cuda_fft.cc:467] Unable to register cuFFT factory: Attempting to register
W0000 00:00:1.2   3 computation_placer.cc:177] computation placer already registered. Please check
"""
ERRORS = """\
E0000 00:00:1.2   3 cuda_platform.cc:51] failed call to cuInit: INTERNAL: CUDA error
W0000 00:00:1.2   3 gpu_device.cc:2430] Cannot dlopen some GPU libraries.
RuntimeWarning: something of NumPy's
"""


def test_greetings_are_told_from_errors():
    assert split(GREETINGS + ERRORS) == (GREETINGS, ERRORS)


def test_errors_written_meanwhile_are_passed_on(capfd):
    with without_greetings():
        os.write(2, (GREETINGS + ERRORS).encode())
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err == ERRORS
    with pytest.raises(OSError), without_greetings():
        os.write(2, GREETINGS.encode())
        raise OSError("no such library")
    assert capfd.readouterr().err == GREETINGS


# TensorFlow's place is taken by a module that greets as it does.
SCRIPT = """
import sys
import open_seq2seq
import tensorflow
print(tensorflow.value, tensorflow.__spec__.name, [type(f).__name__ for f in sys.meta_path])
"""
MODULE = f"""
import os
os.write(2, {(GREETINGS + ERRORS)!r}.encode())
value = 3
"""


@pytest.mark.parametrize(("level", "err"), [(None, ERRORS), ("0", GREETINGS + ERRORS)])
def test_importing_the_package_is_enough(tmp_path, level, err):
    (tmp_path / "tensorflow.py").write_text(MODULE)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    if level is not None:
        environment["TF_CPP_MIN_LOG_LEVEL"] = level
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, timeout=60
    )
    assert done.stderr == err and done.stdout.startswith("3 tensorflow ")
    assert "_Finder" not in done.stdout


def test_tensorflow_itself_says_nothing():
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-c", "import open_seq2seq.encoders, sys; assert 'keras' in sys.modules"],
        capture_output=True, text=True, env=environment, timeout=300,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
