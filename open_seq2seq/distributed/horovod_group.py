"""ProcessGroup that Horovod connects (Sergeev and Del Balso 2018, arXiv:1802.05799)."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import horovod.tensorflow as hvd
import numpy as np
import tensorflow as tf
from keras import ops

from open_seq2seq.distributed.launch import Launch
from open_seq2seq.distributed.process_group import ProcessGroup, RankStopped, Reducer, Value
from open_seq2seq.distributed.shards import threads_per_worker
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem, RunError
from open_seq2seq.tensors import Tensor, Variable

_Outcome = TypeVar("_Outcome")
# Horovod sends these; the states of random generators are not among them.
_SENT = ("float16", "float32", "float64", "int32", "int64")


def start_horovod(launch: Launch) -> ProcessGroup:
    """Connects the processes of the job, and takes this one's share of the machine.

    Raises:
      InputError: Horovod sees other processes than the launcher.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        # While it waits Open MPI otherwise keeps asking, on the core that computes.
        os.environ.setdefault("OMPI_MCA_mpi_yield_when_idle", "1")
    hvd.init()
    if hvd.size() != launch.size:
        found = f"{hvd.size()} in Horovod, {launch.size} started by the launcher"
        remedy = "Use the mpiexec of the MPI that Horovod was built with, or horovodrun --gloo."
        problem = Problem("number of processes", found, "the same", remedy)
        raise InputError("Horovod does not see the processes of this job:", [problem])
    _take_share(gpus)
    return HorovodGroup()


def _take_share(gpus: Sequence[Any]) -> None:
    """One GPU for each process of a machine, or its part of the cores."""
    if gpus:
        if hvd.local_rank() >= len(gpus):
            found = f"{hvd.local_size()} processes, {len(gpus)} GPUs"
            problem = Problem(socket.gethostname(), found, "at most a process for each GPU")
            raise InputError("There are not enough GPUs:", [problem])
        tf.config.set_visible_devices(gpus[hvd.local_rank()], "GPU")
    threads = threads_per_worker(os.cpu_count() or 1, hvd.local_size())
    tf.config.threading.set_intra_op_parallelism_threads(threads)


class HorovodReducer(Reducer):
    """Sums by Horovod's allreduce."""

    def __init__(self) -> None:
        self.size = hvd.size()

    def sum(self, tensors: Sequence[Tensor], compressed: bool = False) -> list[Tensor]:
        """See `Reducer`."""
        compression = hvd.Compression.fp16 if compressed else hvd.Compression.none
        # One by one: Horovod sends what is ready while the others are still computed, and
        # fuses what waits. Embeddings' gradients are made dense, as the optimizer needs them.
        return [
            hvd.allreduce(tf.convert_to_tensor(tensor), op=hvd.Sum, compression=compression)
            for tensor in tensors
        ]

    def max(self, tensor: Tensor) -> Tensor:
        """See `Reducer`."""
        return hvd.allreduce(tensor, op=hvd.Max)


class HorovodGroup(ProcessGroup):
    """The processes that `hvd.init` has connected."""

    def __init__(self) -> None:
        self.rank, self.size = hvd.rank(), hvd.size()
        self.reducer = HorovodReducer()

    def broadcast(self, value: Value) -> Value:
        """See `ProcessGroup`."""
        return hvd.broadcast_object(value, name="open_seq2seq_value")

    def gather(self, value: Value) -> list[Value]:
        """See `ProcessGroup`."""
        return hvd.allgather_object(value, name="open_seq2seq_values")

    def broadcast_variables(self, variables: Iterable[Variable]) -> None:
        """See `ProcessGroup`."""
        variables = list(variables)
        sent = [v for v in variables if v.dtype in _SENT]
        hvd.broadcast_variables([v.value for v in sent], root_rank=0)
        others = [v for v in variables if v.dtype not in _SENT]
        for variable, value in zip(
            others, self.broadcast([np.asarray(ops.convert_to_numpy(v.value)) for v in others])
        ):
            variable.assign(value)

    def run_on_rank_zero(self, function: Callable[[], Value]) -> Value:
        """See `ProcessGroup`."""
        outcome: tuple[Any, Any] = (None, None)
        own: Exception | None = None
        if self.is_rank_zero:
            try:
                outcome = (function(), None)
            except Exception as error:
                own = error
                outcome = (None, getattr(error, "exit_code", 1))
        value, exit_code = self.broadcast(outcome)
        if own is not None:
            raise own
        if exit_code is not None:
            raise RankStopped(exit_code)
        return value

    def all_or_none(self, function: Callable[[], Value]) -> Value:
        """See `ProcessGroup`."""
        value: Any = None
        own: Exception | None = None
        try:
            value = function()
        except Exception as error:
            own = error
        self._agree(own)
        return value

    def rank_zero_first(self, function: Callable[[], Value]) -> Value:
        """See `ProcessGroup`."""
        if self.is_rank_zero:
            value = self.all_or_none(function)
            self.all_or_none(lambda: None)
            return value
        self.all_or_none(lambda: None)
        return self.all_or_none(function)

    def _agree(self, own: Exception | None) -> None:
        """Raises at all workers if one of them has an error."""
        told = None
        if own is not None:
            known = isinstance(own, OpenSeq2SeqError)
            text = str(own) if known else repr(own)
            told = (text, getattr(own, "exit_code", 1), socket.gethostname())
        all_told = self.gather(told)
        failed = [(rank, *one) for rank, one in enumerate(all_told) if one is not None]
        if not failed:
            return
        exit_code = max(code for _, _, code, _ in failed)
        if not self.is_rank_zero:
            # What is no message of ours is shown with its traceback where it happened.
            if own is not None and not isinstance(own, OpenSeq2SeqError):
                raise own
            raise RankStopped(exit_code)
        if own is not None and len({text for _, text, _, _ in failed}) == 1:
            raise own
        lines = [f"rank {rank} of {self.size} on {host}: {text}" for rank, text, _, host in failed]
        raise (InputError if exit_code == InputError.exit_code else RunError)("\n".join(lines))
