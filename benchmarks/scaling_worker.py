"""One worker of `scaling.py`: does what it is told over a socket, and says how long it took."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks.scaling_pauses import Evaluations, Pauses
from benchmarks.train_step import BATCH, MODELS, RATE, SYMBOLS, batch, encoder_params
from open_seq2seq.data.batch import Batch
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.distributed.process_group import ProcessGroup, Reducer
from open_seq2seq.distributed.start import start_process_group
from open_seq2seq.encoders import TDNNEncoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers import make_optimizer
from open_seq2seq.training.step import StepOptions, TrainStep

Time = tuple[float, float]
FRAME = 0.01


class Grouped(Reducer):
    """All gradients in one `grouped_allreduce`: sent when the last one is there."""

    def sum(self, tensors: Any, compressed: bool = False) -> list[Any]:
        """See `Reducer`."""
        import horovod.tensorflow as hvd

        compression = hvd.Compression.fp16 if compressed else hvd.Compression.none
        return hvd.grouped_allreduce(
            [tf.convert_to_tensor(t) for t in tensors], op=hvd.Sum, compression=compression
        )


class Flat(Reducer):
    """All gradients copied into one tensor, and back."""

    def sum(self, tensors: Any, compressed: bool = False) -> list[Any]:
        """See `Reducer`."""
        import horovod.tensorflow as hvd

        tensors = [tf.convert_to_tensor(t) for t in tensors]
        compression = hvd.Compression.fp16 if compressed else hvd.Compression.none
        flat = tf.concat([tf.reshape(t, [-1]) for t in tensors], 0)
        flat = hvd.allreduce(flat, op=hvd.Sum, compression=compression)
        # Not all shapes are known before a step.
        parts = tf.split(flat, tf.stack([tf.size(t) for t in tensors]), num=len(tensors))
        return [tf.reshape(part, tf.shape(t)) for part, t in zip(parts, tensors)]


def timed(function: Callable[[], Any]) -> Time:
    """Wall time and processor time of all threads."""
    wall, processor = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - processor


def _take(step: TrainStep, data: Batch) -> None:
    # Reading the loss waits for the step.
    assert np.isfinite(step(data, RATE).loss)


class Worker:
    """What the parent can ask for; every method is called by name in all workers of the job."""

    def __init__(self, group: ProcessGroup):
        self.group = group
        self.steps: dict[Any, Callable[[], Any]] = {}
        self.pauses: Pauses | None = None
        self.evaluations: Evaluations | None = None

    def reducer(self, kind: str) -> Reducer | None:
        """How gradients are summed: not at all, by the framework, or in another way."""
        if kind == "none" or self.group.reducer is None:
            return None
        if kind in ("grouped", "flat"):
            reducer = Grouped() if kind == "grouped" else Flat()
            reducer.size = self.group.size
            return reducer
        return self.group.reducer

    def make_steps(self, model: str, policy: str, kinds: list[str]) -> tuple[int, int]:
        """Training steps of one network, which differ in how gradients are summed.

        Returns: the gradient's bytes, and its tensors.
        """
        blocks, frames = MODELS[model]
        params = Speech2Text.PARAMS.fill(
            {
                "encoder": TDNNEncoder,
                "encoder_params": encoder_params(blocks),
                "decoder": FullyConnectedCTCDecoder,
                "loss": CTCLoss,
            }
        )
        features, lengths, labels, label_lengths = batch(frames)
        network = Speech2Text(params, features.shape[-1], SYMBOLS, policy)
        self.group.broadcast_variables(network.variables)
        seconds = float(lengths.sum()) * FRAME
        data = Batch(features, lengths, labels, label_lengths, np.arange(BATCH), seconds)
        variables = network.trainable_variables
        for kind in kinds:
            optimizer = make_optimizer("Momentum", {"momentum": 0.9})
            options = StepOptions(compress=kind == "float16")
            step = TrainStep(network, optimizer, variables, options, None, self.reducer(kind))
            self.steps[model, policy, kind] = partial(_take, step, data)
            for _ in range(2):
                self.steps[model, policy, kind]()
        return sum(4 * int(np.prod(v.shape)) for v in variables), len(variables)

    def run_steps(self, model: str, policy: str, kind: str, count: int) -> list[Time]:
        """So many steps."""
        return [timed(self.steps[model, policy, kind]) for _ in range(count)]

    def make_sums(self, name: str, shapes: list[tuple[int, ...]], kind: str) -> None:
        """A sum over the workers of tensors of these shapes, without any other work."""
        tensors = [tf.random.normal(shape) for shape in shapes]
        reducer = self.reducer(kind)
        assert reducer is not None
        compressed = kind == "float16"
        graph = tf.function(
            lambda: [t[..., :1] for t in reducer.sum(tensors, compressed)], autograph=False
        )
        self.steps[name] = lambda: [t.numpy() for t in graph()][:0]
        for _ in range(3):
            self.steps[name]()

    def run_sums(self, name: str, count: int) -> list[Time]:
        """So many of them, one after the other."""
        return [timed(self.steps[name]) for _ in range(count)]

    def forget(self) -> None:
        """Frees the steps and sums."""
        self.steps.clear()
        keras.utils.clear_session()

    def make_pauses(self, config: str, width: float, folder: str) -> dict[str, float]:
        """See `Pauses`."""
        self.pauses = Pauses(self.group, config, width, Path(folder))
        return self.pauses.describe()

    def run_pauses(self, kind: str, count: int) -> list[float]:
        """See `Pauses`."""
        assert self.pauses is not None
        return self.pauses.run(kind, count)

    def make_evaluations(self) -> int:
        """See `Evaluations`."""
        self.evaluations = Evaluations(self.group)
        return len(self.evaluations.shared.utterances)

    def run_evaluation(self, shared: bool) -> tuple[float, float]:
        """See `Evaluations`."""
        assert self.evaluations is not None
        return self.evaluations.run(shared)


def serve(address: str, name: str) -> None:
    """Connects with the parent, and does what it says until it says no more."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    worker = Worker(start_process_group())
    with Client(address, "AF_UNIX") as parent:
        parent.send((name, worker.group.rank, os.getpid()))
        while (told := parent.recv()) is not None:
            method, arguments = told
            try:
                parent.send((True, getattr(worker, method)(*arguments)))
            except Exception:
                parent.send((False, traceback.format_exc()))
