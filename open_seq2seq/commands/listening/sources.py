"""Where samples come from: a recording played as a stream, or raw samples on standard input."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from queue import Empty, Queue
from typing import Any, NamedTuple, Protocol

import numpy as np

from open_seq2seq.data.audio import audio_blocks, audio_info
from open_seq2seq.errors import InputError, Problem, RunError

# By the name that ffmpeg and arecord have for it.
FORMATS: dict[str, np.dtype[Any]] = {"s16le": np.dtype("<i2"), "f32le": np.dtype("<f4")}

Clock = Callable[[], float]
Say = Callable[[str], None]

# Seconds between two looks at whether there is a wish to end.
_LOOK = 0.05
# What is taken at once of a stream in real time, in seconds.
BLOCK_SECONDS = 0.02
_READ_SECONDS = 0.1
# What may wait between the thread that reads and the one that computes, in seconds: a pipe that
# is faster than the network waits in its turn.
_MOST_WAITING = 10.0
# What is still computed after Ctrl-C, in seconds.
_BACKLOG = 2.0
# Floats beyond are other bytes, read as floats.
_LARGEST = 1e10


class Block(NamedTuple):
    """Samples of a stream.

    Args:
      samples: `[n]`, float32 or 16-bit integers.
      arrived: when the last of them was there, by the source's clock.
    """

    samples: np.ndarray
    arrived: float


class Stop(Protocol):
    """Whether there is a wish to end: Ctrl-C."""

    requested: bool


class Source(Protocol):
    """A stream of samples."""

    @property
    def name(self) -> str:
        """What it is called."""

    def prepare(self, model_freq: int) -> int:
        """Settles the rate of its samples, in Hz.

        Args:
          model_freq: the model's, which needs no conversion.

        Raises:
          InputError: it cannot be used.
        """

    def blocks(self, stop: Stop) -> Generator[Block, None, None]:
        """The samples as they come, until they or the patience of the user end.

        Raises:
          InputError: they cannot be used.
          RunError: nothing comes any more.
        """


class FileSource:
    """A recording, whose samples come when they would be spoken.

    Args:
      path: an audio file.
      speed: times as fast as it was spoken; 0: as fast as they are taken.
      block_seconds: what comes at once where the speed is 0.
      clock, sleep: seconds, and how they are waited for.

    Raises:
      InputError: the file cannot be read.
    """

    def __init__(
        self,
        path: str,
        speed: float,
        block_seconds: float,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self.name, self.speed, self._clock, self._sleep = path, speed, clock, sleep
        self._rate = audio_info(path).sample_freq
        seconds = block_seconds if speed == 0 else BLOCK_SECONDS
        self._frames = max(round(seconds * self._rate), 1)

    def prepare(self, model_freq: int) -> int:
        """See `Source`."""
        return self._rate

    def blocks(self, stop: Stop) -> Generator[Block, None, None]:
        """See `Source`."""
        begun, played = self._clock(), 0
        for block in audio_blocks(self.name, self._frames):
            samples = block.mean(axis=1, dtype=np.float32)
            played += len(samples)
            arrived = self._clock()
            if self.speed:
                # By the recording's time, so that what computing takes does not add up.
                arrived = begun + played / (self._rate * self.speed)
                self._wait(arrived, stop)
            if stop.requested:
                return
            yield Block(samples, arrived)

    def _wait(self, moment: float, stop: Stop) -> None:
        while not stop.requested and (left := moment - self._clock()) > 0:
            self._sleep(min(left, _LOOK))


class PipeSource:
    """Raw samples of one channel on standard input.

    Args:
      format: one of `FORMATS`.
      sample_freq: their rate, in Hz; None: the model's.
      say: gets what the user should know.
      descriptor: what is read; None: standard input.

    Raises:
      InputError: standard input is a terminal.
    """

    name = "standard input"

    def __init__(
        self,
        format: str,
        sample_freq: int | None,
        say: Say,
        clock: Clock = time.monotonic,
        descriptor: int | None = None,
    ):
        if descriptor is None:
            descriptor = _standard_input()
        self._descriptor, self._clock, self._say = descriptor, clock, say
        self._format, self._dtype, self._rate = format, FORMATS[format], sample_freq

    def prepare(self, model_freq: int) -> int:
        """See `Source`."""
        self._rate = self._rate or model_freq
        return self._rate

    def blocks(self, stop: Stop) -> Generator[Block, None, None]:
        """See `Source`."""
        assert self._rate is not None, "prepared"
        size = self._dtype.itemsize
        count = max(int(_READ_SECONDS * self._rate), 1) * size
        queue: Queue[Any] = Queue(max(int(_MOST_WAITING / _READ_SECONDS), 1))
        # A thread, so that it is known when samples came while others were computed.
        threading.Thread(target=self._read, args=(queue, count), daemon=True).start()
        rest, taken = b"", 0
        for data, arrived in waiting(queue, stop, self._clock, self._say):
            data = rest + data
            whole = len(data) // size * size
            rest = data[whole:]
            samples = np.frombuffer(data[:whole], self._dtype)
            self._check(samples, taken)
            taken += len(samples)
            if len(samples):
                yield Block(samples, arrived)
        if rest:
            what = "1 byte is" if len(rest) == 1 else f"{len(rest)} bytes are"
            self._say(
                f"Standard input ended within a sample of {size} bytes ({self._format}): {what} "
                "left out."
            )
        if not taken and not stop.requested:
            expected = f"samples of one channel, {self._format}"
            raise InputError("There is nothing to hear:", [Problem(self.name, "nothing", expected)])

    def _read(self, queue: Queue[Any], count: int) -> None:
        try:
            # Of the descriptor: a thread that waits in sys.stdin would hold its lock at exit.
            while data := os.read(self._descriptor, count):
                queue.put((data, self._clock()))
        except OSError as error:
            queue.put(RunError(f"Standard input cannot be read: {error}."))
        queue.put(None)

    def _check(self, samples: np.ndarray, before: int) -> None:
        if samples.dtype.kind != "f":
            return
        wrong = np.flatnonzero(~(np.abs(samples) <= _LARGEST))
        if len(wrong):
            number = before + int(wrong[0])
            seconds = number / (self._rate or 1)
            problem = Problem(
                self.name,
                f"{samples[wrong[0]]:g} in sample {number} ({seconds:.2f} s)",
                "finite samples, nominally from -1 to 1",
                "If they are whole numbers of 16 bits, --format is s16le.",
            )
            raise InputError("The samples cannot be used:", [problem])


def waiting(
    queue: Queue[Any],
    stop: Stop,
    clock: Clock,
    say: Say,
    idle: Callable[[], None] = lambda: None,
) -> Iterator[Any]:
    """What another thread puts into a queue, until it puts None, or an error, which is raised.

    When there is a wish to end, what has come until then is still given, unless it has waited for
    long: then the machine is too slow, and whoever wants to end would have to wait in turn.

    Args:
      queue: gets pairs of samples and the moment at which the last of them came.
      clock: what tells the moment.
      say: gets what the user should know.
      idle: called while nothing comes.
    """
    left = None
    while left != 0:
        try:
            one = queue.get(timeout=_LOOK)
        except Empty:
            if stop.requested:
                return
            idle()
            continue
        if one is None:
            return
        if isinstance(one, Exception):
            raise one
        if stop.requested:
            late = clock() - one[1]
            if left is None and late > _BACKLOG:
                say(f"The last {late:.0f} s are left out: computing was so far behind.")
                return
            left = (queue.qsize() + 1 if left is None else left) - 1
        yield one


def _standard_input() -> int:
    problem = None
    remedy = "For example: arecord -f S16_LE -r 16000 -t raw | open-seq2seq listen --stdin ..."
    expected = "a pipe or a file of raw samples"
    try:
        if not sys.stdin.isatty():
            return sys.stdin.fileno()
        problem = Problem("--stdin", "a terminal", expected, remedy)
    except (AttributeError, OSError, ValueError):  # it is closed, or another object
        problem = Problem("--stdin", "no standard input", expected, remedy)
    raise InputError("There is nothing to hear:", [problem])
