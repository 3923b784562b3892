"""One line on what a run computes on, and why not on a GPU that is there."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from ctypes.util import find_library
from dataclasses import dataclass
from importlib import metadata

import keras

from open_seq2seq.native_build.cpu import available_cores, cpu_name
from open_seq2seq.ops.nvidia import NvidiaGpus, find_nvidia_gpus
from open_seq2seq.runs.record import gpu_names

_PAGE = "docs/gpu.md"


@dataclass(frozen=True)
class Framework:
    """What computes.

    Args:
      name: "TensorFlow" or "JAX".
      version: of it.
      cuda: whether it is made for CUDA: its build, or JAX's plugin.
      both: whether `tensorflow` and `tensorflow-cpu` are installed, one over the other.
      libraries: whether CUDA's libraries are there, as packages or in the system.
      platform: as `sys.platform`.
    """

    name: str
    version: str
    cuda: bool
    both: bool = False
    libraries: bool = True
    platform: str = "linux"


def reasons(
    gpus: NvidiaGpus, framework: Framework, environment: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Why the GPUs of this machine are not used, all that is known of it.

    Args:
      gpus: at least one.
      framework: it does not see them.
      environment: the process's.

    Returns: each reason, and what to do.
    """
    found = []
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and _hides(visible, len(gpus.names)):
        found.append((f"CUDA_VISIBLE_DEVICES is {visible!r}", "unset it, or set the GPU's number"))
    platforms = environment.get("JAX_PLATFORMS", "")
    if framework.name == "JAX" and platforms and not {"cuda", "gpu"} & set(platforms.split(",")):
        found.append((f"JAX_PLATFORMS is {platforms!r}", "unset it"))
    if not gpus.driver:
        found.append(("no NVIDIA driver is loaded", "install it; a container needs --gpus all"))
    if gpus.closed:
        found.append((f"{gpus.closed[0]} may not be opened by this user", "see its group: ls -l"))
    if framework.platform == "win32":
        found.append((f"{framework.name} uses no GPU on Windows itself", "use WSL 2"))
    elif framework.both and not framework.cuda:
        remedy = "pip uninstall -y tensorflow-cpu, then pip install --no-deps --force-reinstall "
        remedy += f"tensorflow=={framework.version}"
        found.append(("tensorflow-cpu lies over tensorflow", remedy))
    elif not framework.cuda and framework.name == "JAX":
        what = f"JAX {framework.version} has no CUDA plugin"
        found.append((what, "pip install 'jax[cuda12]'"))
    elif not framework.cuda:
        what = f"{framework.name} {framework.version} is built without CUDA"
        found.append((what, "make gpu"))
    elif not framework.libraries:
        found.append(("CUDA's libraries are not found", "make gpu"))
    if not found:
        what = f"{framework.name} {framework.version} does not find it"
        found.append((what, "TF_CPP_MIN_LOG_LEVEL=0 shows what it says"))
    return found


def _hides(visible: str, count: int) -> bool:
    """Whether CUDA sees none of so many GPUs: it takes those before the first that is not there."""
    first = visible.split(",")[0].strip()
    if first.isdecimal():
        return int(first) >= count
    return not first.startswith(("GPU-", "MIG-"))


def describe_devices(
    used: Sequence[str],
    gpus: NvidiaGpus,
    framework: Framework,
    environment: Mapping[str, str],
    together: Sequence[str] = (),
    processes: int = 1,
) -> str:
    """The line.

    Args:
      used: names of the GPUs that the framework sees, in their order; none: it uses the CPU.
      gpus: those that the machine has.
      framework, environment: as in `reasons`.
      together: the devices that train together (`GPU:0`, `CPU:1`), if there are several.
      processes: of the job.
    """
    begin = "Computes" if processes == 1 else f"Each of {processes} processes computes"
    if used:
        count = max(len(together), 1)
        names = ", ".join(f"GPU:{i} ({name})" for i, name in enumerate(used[:count]))
        others = len(used) - count
        if not others or processes > 1:
            return f"{begin} on {names}."
        return f"{begin} on {names}; {others} more can be used in training (num_gpus)."
    cpu = f"the CPU ({cpu_name()}, {available_cores()} cores)"
    if together:
        cpu = f"{len(together)} parts of {cpu}"
    if not gpus.names:
        return f"{begin} on {cpu}."
    several = f"{len(gpus.names)} x " if len(gpus.names) > 1 else ""
    why = "; ".join(f"{what} ({remedy})" for what, remedy in reasons(gpus, framework, environment))
    return f"{begin} on {cpu}, not on the GPU ({several}{gpus.names[0]}): {why}. See {_PAGE}."


def device_line(together: Sequence[str] = (), processes: int = 1) -> str:
    """The line of this process; as `describe_devices`."""
    used = gpu_names()
    gpus = NvidiaGpus() if used else find_nvidia_gpus()
    framework = this_framework() if gpus.names else Framework("", "", False)
    return describe_devices(used, gpus, framework, os.environ, together, processes)


def this_framework() -> Framework:
    """That of Keras's backend."""
    if keras.backend.backend() == "jax":
        cuda = any(_installed(f"jax-cuda{major}-plugin") for major in (12, 13))
        version = _installed("jax") or "?"
        return Framework("JAX", version, cuda, libraries=True, platform=sys.platform)
    import tensorflow as tf

    packages = any(_installed(f"nvidia-cudnn-cu{major}") for major in (12, 13))
    return Framework(
        "TensorFlow",
        tf.__version__,
        tf.test.is_built_with_cuda(),
        bool(_installed("tensorflow") and _installed("tensorflow-cpu")),
        packages or find_library("cudnn") is not None,
        sys.platform,
    )


def _installed(package: str) -> str:
    """Its version, "" where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
