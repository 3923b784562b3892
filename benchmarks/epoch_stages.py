"""Where the time of an epoch goes: clocks around the parts of the loader and of the trainer.

They are put there from outside while an epoch runs: the functions are replaced by timed ones.
A stage's time is its own, without that of the stages within it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest import mock

from open_seq2seq.data import audio
from open_seq2seq.data.speech2text import augmentation, recording_features
from open_seq2seq.data.speech2text.augmentation import Augmenter
from open_seq2seq.data.speech2text.feature_cache import FeatureCache
from open_seq2seq.data.speech2text.speech2text import Speech2TextDataLayer
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.training.step_logger import StepLogger

ASSEMBLY = "batch assembly"
# The functions of the loader, where they are looked up, and their stage.
LOADER: list[tuple[Any, str, str]] = [
    (Speech2TextDataLayer, "_load_batch", ASSEMBLY),
    (recording_features, "read_audio", "decode"),
    (audio, "resample", "resample"),
    (augmentation, "resample", "speed"),
    (Augmenter, "waveform", "noise"),
    (FeatureExtractor, "__call__", "features"),
    (Augmenter, "spectrogram", "masks"),
    (FeatureCache, "get", "cache reads"),
    (FeatureCache, "put", "cache writes"),
]
STAGES = [stage for _, _, stage in LOADER]


class StageClock:
    """Own times of stages that may be nested, over all threads.

    Args:
      clock: seconds; the processor time of the calling thread, or the wall time.
    """

    def __init__(self, clock: Callable[[], float]):
        self._clock = clock
        self._running = threading.local()
        self._lock = threading.Lock()
        self.seconds: Counter[str] = Counter()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """The time of the block is `name`'s, but that of stages within it is theirs."""
        inner_of = self._running.__dict__.setdefault("inner", [])
        inner_of.append(0.0)
        started = self._clock()
        try:
            yield
        finally:
            took = self._clock() - started
            inner = inner_of.pop()
            if inner_of:
                inner_of[-1] += took
            with self._lock:
                self.seconds[name] += took - inner

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time counted as that of stage `name`."""

        def wrapper(*arguments: Any, **keywords: Any) -> Any:
            with self.stage(name):
                return function(*arguments, **keywords)

        return wrapper


@contextmanager
def loader_clock() -> Iterator[StageClock]:
    """While in the block, processor seconds of the stages of all loader threads."""
    clock = StageClock(time.thread_time)
    with ExitStack() as patches:
        for owner, name, stage in LOADER:
            function = clock.timed(stage, getattr(owner, name))
            patches.enter_context(mock.patch.object(owner, name, function))
        yield clock


class Taken(NamedTuple):
    """What one batch took, from asking for it to asking for the next one.

    Args:
      epoch: in which it was.
      shape: `[batch, frames]` of its features.
      audio: seconds of recordings.
      wall, processor: seconds, the latter of all threads of this process.
      step: wall seconds of the training step.
    """

    epoch: int
    shape: tuple[int, int]
    audio: float
    wall: float
    processor: float
    step: float


class EpochWatch:
    """Times the epochs of a trainer that is run within `watching`.

    Args:
      trainer: not run yet; its data layer, step and `save` are replaced by timed ones.
      keep_every: every so manieth step's arguments are kept, to repeat it.

    Attributes:
      parts: wall seconds of the parts of the training loop, when the last epoch ended.
      taken: each batch.
      kept: numbers in `taken`, and the step's arguments.
    """

    def __init__(self, trainer: Any, keep_every: int):
        self.loop = StageClock(time.perf_counter)
        self.parts: dict[str, float] = {}
        self.taken: list[Taken] = []
        self.kept: list[tuple[int, tuple[Any, ...]]] = []
        self.step = trainer.step
        self._every = keep_every
        self._load = trainer.data.batches
        self._step_seconds = 0.0
        self._shape, self._audio = (0, 0), 0.0
        trainer.data.batches = self._batches
        trainer.step = self
        trainer.save = self.loop.timed("checkpoints", trainer.save)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While in the block, the reports are timed too."""
        report = self.loop.timed("reports", StepLogger.log)
        with mock.patch.object(StepLogger, "log", report):
            yield

    def _batches(self, epoch: int, start: int) -> Iterator[Any]:
        """The data layer's; the time from one to the next is a batch's."""
        started = time.perf_counter(), time.process_time()
        with self.loop.stage("waiting for a batch"):
            batches = self._load(epoch, start)
        try:
            while True:
                with self.loop.stage("waiting for a batch"):
                    batch = next(batches, None)
                if batch is None:
                    return
                yield batch
                now = time.perf_counter(), time.process_time()
                self._add(epoch, now[0] - started[0], now[1] - started[1])
                started = now
        finally:
            with self.loop.stage("waiting for a batch"):
                batches.close()
            # The last one's, where the trainer has enough, and the end of the threads.
            now = time.perf_counter(), time.process_time()
            self._add(epoch, now[0] - started[0], now[1] - started[1])
            self.parts = dict(self.loop.seconds)

    def _add(self, epoch: int, wall: float, processor: float) -> None:
        if self._step_seconds:
            one = Taken(epoch, self._shape, self._audio, wall, processor, self._step_seconds)
            self.taken.append(one)
        elif self.taken:
            last = self.taken[-1]
            wall, processor = last.wall + wall, last.processor + processor
            self.taken[-1] = last._replace(wall=wall, processor=processor)
        self._step_seconds = 0.0

    def __call__(self, batch: Any, *arguments: Any) -> Any:
        """The trainer's step, timed."""
        if len(self.taken) % self._every == 0:
            self.kept.append((len(self.taken), (batch, *arguments)))
        started = time.perf_counter()
        with self.loop.stage("training step"):
            result = made(self.step(batch, *arguments))
        self._step_seconds = time.perf_counter() - started
        self._shape, self._audio = batch.features.shape[:2], batch.audio_seconds
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self.step, name)

    def alone(self) -> list[tuple[float, float]]:
        """The kept steps once more, with no loader beside them.

        Returns:
          Of each, wall seconds in the epoch and alone.
        """
        pairs = []
        for number, arguments in self.kept:
            started = time.perf_counter()
            made(self.step(*arguments))
            pairs.append((self.taken[number].step, time.perf_counter() - started))
        return pairs


def made(result: Any) -> Any:
    """The result of a step, which has been computed then."""
    float(result.gradient_norm)
    return result
