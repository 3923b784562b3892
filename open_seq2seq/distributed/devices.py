"""The devices of one process, as far as the config asks for several and the machine has them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import cache
from typing import Any

import keras

from open_seq2seq.distributed.process_group import ProcessGroup
from open_seq2seq.errors import InputError, Problem

# Splits a CPU into so many logical devices, to try what is meant for several GPUs.
CPU_DEVICES = "OPEN_SEQ2SEQ_CPU_DEVICES"


def has_accelerator() -> bool:
    """Whether the backend sees a GPU (JAX: or a TPU)."""
    if keras.backend.backend() == "jax":
        import jax

        return bool(jax.default_backend() != "cpu")
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def choose_gpus(params: Mapping[str, Any]) -> None:
    """Leaves this process the GPUs that `gpu_ids` names; before TensorFlow computes anything.

    With Horovod each process has the one of its number instead.

    Args:
      params: checked parameters of any mode.

    Raises:
      InputError: `gpu_ids` names GPUs that are not there.
    """
    chosen = list(dict.fromkeys(params.get("gpu_ids") or []))
    if not chosen or params.get("use_horovod") or keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    missing = [f"GPU {number}" for number in chosen if not 0 <= number < len(gpus)]
    if gpus and missing:
        expected = f"numbers from 0 to {len(gpus) - 1}"
        problem = Problem("gpu_ids", f"no {', '.join(missing)}", expected)
        raise InputError("These devices cannot be used:", [problem])
    if gpus:
        tf.config.set_visible_devices([gpus[number] for number in chosen], "GPU")


def training_devices(params: Mapping[str, Any]) -> list[str]:
    """The devices that train together, `GPU:0` or `CPU:1`; none where one trains alone.

    Args:
      params: checked parameters of training.
    """
    asked = _asked(params)
    if asked == 1 or params.get("use_horovod") or keras.backend.backend() != "tensorflow":
        return []
    devices = _devices()
    return devices[:asked] if len(devices) > 1 else []


def make_strategy(devices: Sequence[str]) -> Any:
    """The `tf.distribute.MirroredStrategy` over several devices, None for fewer."""
    return _strategy(tuple(devices)) if len(devices) > 1 else None


@cache
def _strategy(devices: tuple[str, ...]) -> Any:
    # One for a process: the sums of a second one would bear the same numbers as the first one's.
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(list(devices))


def copies(strategy: Any) -> Any:
    """A context: while a model, its optimizer or averages are made, each device gets a copy."""
    if strategy is None:
        return nullcontext()
    from open_seq2seq.distributed.mirrored import copies_on_devices

    return copies_on_devices(strategy)


def device_notes(params: Mapping[str, Any], group: ProcessGroup, devices: int) -> list[str]:
    """How a config for several devices trains here, if it is not as it asks for.

    Args:
      params: checked parameters of training.
      group: the processes of the job.
      devices: how many this process uses, 1 at least.
    """
    asked, alone = _asked(params), group.size == 1
    names = []
    if asked > 1 and alone and devices < asked:
        names.append(f"num_gpus {asked}")
    if params.get("use_horovod") and alone:
        names.append("use_horovod")
    if not names:
        return []
    iterations = params.get("iter_size") or 1
    batch = params["batch_size_per_gpu"] * iterations
    size = f"a step has {devices * batch} utterances"
    if devices < asked:
        size += f", not {asked * batch} (--iter_size={asked * iterations // devices} gives it "
        size += "as many)"
    where = "one device" if devices == 1 else f"{devices} devices"
    note = f"{', '.join(names)}: trains in one process on {where}, so {size}."
    if params.get("use_horovod"):
        note += " `mpiexec -np N python run.py ...` starts several (docs/distributed.md)."
    return [note]


def _asked(params: Mapping[str, Any]) -> int:
    return max(len(params.get("gpu_ids") or []) or params.get("num_gpus", 1), 1)


def _devices() -> list[str]:
    """The GPUs, or the parts of a CPU that is to be split."""
    import tensorflow as tf

    gpus = tf.config.get_visible_devices("GPU")
    if gpus:
        return [f"GPU:{number}" for number in range(len(gpus))]
    parts = _cpu_parts()
    if parts > 1 and len(tf.config.list_logical_devices("CPU")) < parts:
        raise InputError(f"{CPU_DEVICES} came too late: TensorFlow has been used already.")
    return [f"CPU:{number}" for number in range(parts)] if parts > 1 else []


def split_cpu() -> None:
    """Does what `OPEN_SEQ2SEQ_CPU_DEVICES` asks for; before TensorFlow computes anything.

    Raises:
      InputError: it is no number.
    """
    parts = _cpu_parts()
    if parts == 1 or keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * parts
    )


def _cpu_parts() -> int:
    parts = os.environ.get(CPU_DEVICES, "1")
    if not parts.isdecimal() or int(parts) < 1:
        problem = Problem(CPU_DEVICES, repr(parts), "a number of devices, at least 1")
        raise InputError("The environment cannot be used:", [problem])
    return int(parts)
