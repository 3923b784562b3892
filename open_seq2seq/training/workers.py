"""The workers of a job: processes that train one model together.

A worker on its own is a `Workers`; those that Horovod connects are in `horovod_workers`. Code
that uses them reads the same for both.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import keras
import numpy as np

from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem
from open_seq2seq.training.launch import launched

Value = TypeVar("Value")


class WorkerStopped(OpenSeq2SeqError):
    """This worker ends because another one has a reason to, which says it.

    Args:
      exit_code: the other's.
    """

    def __init__(self, exit_code: int = 1):
        super().__init__("Another worker has said why.")
        self.exit_code = exit_code


class Reducer:
    """Sums over workers inside a compiled training step.

    Args:
      size: how many workers there are.
    """

    size: int

    def sum(self, tensors: Sequence[Any], compressed: bool = False) -> list[Any]:
        """Each tensor summed over all workers; the gradient of a sum is the gradients' sum.

        Args:
          tensors: of the same shapes in every worker.
          compressed: send float32 as float16.
        """
        raise NotImplementedError

    def max(self, tensor: Any) -> Any:
        """The elementwise largest over all workers."""
        raise NotImplementedError


class Workers:
    """A process on its own: rank 0 of 1.

    Every method but the properties is called by all workers, at the same place of the program.
    """

    rank = 0
    size = 1
    reducer: Reducer | None = None

    @property
    def is_first(self) -> bool:
        """Whether this is the worker that writes and prints."""
        return self.rank == 0

    def broadcast(self, value: Value) -> Value:
        """Rank 0's value; anything that can be pickled."""
        return value

    def gather(self, value: Value) -> list[Value]:
        """Every worker's value, by rank; anything that can be pickled."""
        return [value]

    def broadcast_variables(self, variables: Iterable[Any]) -> None:
        """Gives the Keras variables of all workers the values that rank 0's have."""

    def first(self, function: Callable[[], Value]) -> Value:
        """What the function returns to rank 0, the only one to call it.

        Raises:
          what it raises, at rank 0; WorkerStopped at the others.
        """
        return function()

    def together(self, function: Callable[[], Value]) -> Value:
        """Every worker calls the function, and all go on, or none.

        Raises:
          rank 0: the function's error if all have the same; else a RunError or InputError that
            says what happened at which rank. The others: WorkerStopped.
        """
        return function()

    def in_turn(self, function: Callable[[], Value]) -> Value:
        """As `together`, but rank 0 first: it may write files that the others read."""
        return function()

    def stop(self, error: OpenSeq2SeqError) -> OpenSeq2SeqError:
        """What to raise when all workers found the same error: one of them says it."""
        return error if self.is_first else WorkerStopped(error.exit_code)


ALONE = Workers()


def start_workers() -> Workers:
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
        from open_seq2seq.training.horovod_workers import start_horovod
    except ImportError as error:
        remedy = "Install it with scripts/install_horovod.sh, or start one process."
        problem = Problem(where, f"no Horovod ({error})", "Horovod to connect them", remedy)
        raise InputError("These processes cannot work together:", [problem]) from error
    return start_horovod(launch)


def check_launch(workers: Workers, use_horovod: bool) -> None:
    """Whether several processes were meant.

    Raises:
      InputError: they were started, and the config is not for them.
    """
    if workers.size > 1 and not use_horovod:
        remedy = "Set --use_horovod=True, or start one process."
        problem = Problem("use_horovod", f"False in {workers.size} processes", "True", remedy)
        raise InputError("Each process would do all the work on its own:", [problem])


def lost_connection(error: BaseException) -> bool:
    """Whether an error of TensorFlow or Horovod says that another worker is gone."""
    signs = ("Horovod has been shut down", "Connection closed by peer", "Connection reset by peer")
    return launched().size > 1 and any(sign in str(error) for sign in signs)


def threads_per_worker(cores: int, local_size: int) -> int:
    """Threads for each of `local_size` workers on a machine with so many cores.

    A launcher that binds processes to cores has divided them already.
    """
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    return mine if mine < cores else max(cores // local_size, 1)


def own_state(state: np.ndarray, rank: int) -> np.ndarray:
    """A random generator's state for one worker: rank 0's is as it was, the others have their own.

    Args:
      state: [2] uint32, seed and counter, as Keras keeps them.
    """
    seed, counter = state.tolist()
    # An odd number near 2^32 / the golden ratio: the seeds of many workers lie far apart.
    return np.array([(seed + rank * 0x9E3779B1) % 2**32, counter], state.dtype)


def rate_factor(rule: str | None, workers: int) -> float:
    """What the learning rate is multiplied by for so many workers.

    Args:
      rule: None: 1; "linear": the number of workers (Goyal et al. 2017, arXiv:1706.02677);
        "sqrt": its square root, as suits Adam and its like (Krizhevsky 2014, arXiv:1404.5997).
    """
    return {None: 1.0, "linear": float(workers), "sqrt": workers**0.5}[rule]
