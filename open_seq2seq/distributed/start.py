"""Connecting the processes of a job, and what can be wrong with how they were started."""

from __future__ import annotations

import keras

from open_seq2seq.distributed.launch import launched
from open_seq2seq.distributed.process_group import ALONE, ProcessGroup
from open_seq2seq.errors import InputError, Problem


def start_process_group() -> ProcessGroup:
    """Connects this process with the others of its job, if a launcher started several.

    Raises:
      InputError: there are several, and Horovod is missing or does not see them.
    """
    launch = launched()
    if launch.size == 1:
        return ALONE
    where = f"{launch.size} processes"
    if keras.backend.backend() != "tensorflow":
        found = f"KERAS_BACKEND={keras.backend.backend()}"
        problem = Problem(where, found, "the TensorFlow backend, which Horovod connects")
        raise InputError("These processes cannot work together:", [problem])
    try:
        from open_seq2seq.distributed.horovod_group import start_horovod
    except ImportError as error:
        remedy = "Install it with scripts/install_horovod.sh, or start one process."
        problem = Problem(where, f"no Horovod ({error})", "Horovod to connect them", remedy)
        raise InputError("These processes cannot work together:", [problem]) from error
    return start_horovod(launch)


def check_launch(group: ProcessGroup, use_horovod: bool) -> None:
    """Whether several processes were meant.

    Raises:
      InputError: they were started, and the config is not for them.
    """
    if group.size > 1 and not use_horovod:
        remedy = "Set --use_horovod=True, or start one process."
        problem = Problem("use_horovod", f"False in {group.size} processes", "True", remedy)
        raise InputError("Each process would do all the work on its own:", [problem])


def lost_connection(error: BaseException) -> bool:
    """Whether an error of TensorFlow or Horovod says that another worker is gone."""
    signs = ("Horovod has been shut down", "Connection closed by peer", "Connection reset by peer")
    return launched().size > 1 and any(sign in str(error) for sign in signs)
