"""The line on what a run computes on, and why not on a GPU that is there."""

import pytest

from open_seq2seq.ops.nvidia import NvidiaGpus
from open_seq2seq.training import device_line as module
from open_seq2seq.training.device_line import Framework, describe_devices, device_line

CUDA = Framework("TensorFlow", "2.21.0", cuda=True)
PLAIN = Framework("TensorFlow", "2.21.0", cuda=False)
BOTH = Framework("TensorFlow", "2.21.0", cuda=False, both=True)
ALONE = Framework("TensorFlow", "2.21.0", cuda=True, libraries=False)
WINDOWS = Framework("TensorFlow", "2.21.0", cuda=False, platform="win32")
JAX, JAX_CUDA = Framework("JAX", "0.10.2", cuda=False), Framework("JAX", "0.10.2", cuda=True)

ONE = NvidiaGpus(("NVIDIA A10",), driver=True)
NO_DRIVER = NvidiaGpus(("NVIDIA A10",), driver=False)
CLOSED = NvidiaGpus(("NVIDIA A10",), driver=True, closed=("/dev/nvidia0",))

HIDDEN = "CUDA_VISIBLE_DEVICES is"
DRIVER = "no NVIDIA driver is loaded (install it; a container needs --gpus all)"
BUILD = "TensorFlow 2.21.0 is built without CUDA (make gpu)"
LIBRARIES = "CUDA's libraries are not found (make gpu)"
PLUGIN = "JAX 0.10.2 has no CUDA plugin (pip install 'jax[cuda12]')"
UNKNOWN = "does not find it (TF_CPP_MIN_LOG_LEVEL=0 shows what it says)"
OVER = "tensorflow-cpu lies over tensorflow (pip uninstall -y tensorflow-cpu, then pip install "
ALL = (HIDDEN, DRIVER, BUILD, LIBRARIES, PLUGIN, UNKNOWN, OVER, "JAX_PLATFORMS", "WSL", "opened")


@pytest.mark.parametrize(
    ("gpus", "framework", "environment", "expected"),
    [
        (ONE, PLAIN, {}, {BUILD}),
        (ONE, BOTH, {}, {OVER}),
        (ONE, ALONE, {}, {LIBRARIES}),
        (ONE, CUDA, {}, {UNKNOWN}),
        (ONE, WINDOWS, {}, {"WSL"}),
        (NO_DRIVER, CUDA, {}, {DRIVER}),
        (NO_DRIVER, PLAIN, {}, {DRIVER, BUILD}),
        (CLOSED, CUDA, {}, {"opened"}),
        (ONE, CUDA, {"CUDA_VISIBLE_DEVICES": ""}, {HIDDEN}),
        (ONE, CUDA, {"CUDA_VISIBLE_DEVICES": "-1"}, {HIDDEN}),
        (ONE, CUDA, {"CUDA_VISIBLE_DEVICES": "1,0"}, {HIDDEN}),
        (ONE, PLAIN, {"CUDA_VISIBLE_DEVICES": "0"}, {BUILD}),
        (ONE, PLAIN, {"CUDA_VISIBLE_DEVICES": "GPU-1"}, {BUILD}),
        (ONE, JAX, {}, {PLUGIN}),
        (ONE, JAX_CUDA, {"JAX_PLATFORMS": "cpu"}, {"JAX_PLATFORMS"}),
        (ONE, JAX, {"JAX_PLATFORMS": "cuda,cpu"}, {PLUGIN}),
        (ONE, CUDA, {"JAX_PLATFORMS": "cpu"}, {UNKNOWN}),
    ],
)
def test_why_a_gpu_is_not_used(gpus, framework, environment, expected):
    line = describe_devices([], gpus, framework, environment)
    assert line.startswith("Computes on the CPU (") and "\n" not in line
    assert "not on the GPU (NVIDIA A10): " in line and line.endswith("See docs/gpu.md.")
    assert {one for one in ALL if one in line} == expected


def test_what_is_used():
    nothing = NvidiaGpus()
    assert describe_devices(["A10"], nothing, CUDA, {}) == "Computes on GPU:0 (A10)."
    assert describe_devices(["A", "B"], nothing, CUDA, {}) == (
        "Computes on GPU:0 (A); 1 more can be used in training (num_gpus)."
    )
    together = ["GPU:0", "GPU:1"]
    assert describe_devices(["A", "B"], nothing, CUDA, {}, together) == (
        "Computes on GPU:0 (A), GPU:1 (B)."
    )
    line = describe_devices([], nothing, CUDA, {}, ["CPU:0", "CPU:1"])
    assert line.startswith("Computes on 2 parts of the CPU (") and "GPU" not in line
    line = describe_devices([], nothing, CUDA, {}, processes=4)
    assert line.startswith("Each of 4 processes computes on the CPU (")
    three = NvidiaGpus(("NVIDIA A10",) * 3, driver=True)
    assert "not on the GPU (3 x NVIDIA A10): " in describe_devices([], three, PLAIN, {})


def test_this_process(monkeypatch):
    """The framework that is installed here, with a GPU that it cannot see."""
    monkeypatch.setattr(module, "gpu_names", list)
    monkeypatch.setattr(module, "find_nvidia_gpus", NvidiaGpus)
    assert device_line().startswith("Computes on the CPU (") and "GPU" not in device_line()
    monkeypatch.setattr(module, "find_nvidia_gpus", lambda: ONE)
    assert "TensorFlow 2." in device_line() or "CUDA" in device_line()
    assert "not on the GPU (NVIDIA A10): " in device_line()
