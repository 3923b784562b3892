"""Reads and measures many recordings in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice

import numpy as np

from open_seq2seq.corpora.doctor.measure import Measurement, block_multiple, measure
from open_seq2seq.corpora.doctor.split import Recording
from open_seq2seq.corpora.doctor.thresholds import Thresholds
from open_seq2seq.data.audio import audio_blocks, audio_info
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.native_build.cpu import available_cores

# Threads share the measuring of a long list in tasks of so many recordings.
_TASK = 8
# Samples of a channel that are in memory at a time: half a minute at 16 kHz.
_BLOCK = 1 << 19


def measure_all(
    recordings: Sequence[Recording],
    limits: Thresholds,
    workers: int | None = None,
    advance: Callable[[int], None] = lambda count: None,
) -> list[Measurement | Problem]:
    """Measures recordings; every sample is read once, by threads.

    Decoding, spectra and hashes release the interpreter's lock: processes were no faster. A block
    of each recording is in memory, not the whole.

    Args:
      workers: threads; None: one per core.
      advance: is told how many more recordings are done.

    Returns:
      In their order: the numbers, or what is wrong with the recording.
    """
    tasks = [recordings[start : start + _TASK] for start in range(0, len(recordings), _TASK)]
    count = min(available_cores() if workers is None else workers, len(tasks))
    results: list[Measurement | Problem] = []
    for done in _in_order(tasks, lambda task: [measure_one(one, limits) for one in task], count):
        results += done
        advance(len(done))
    return results


def _in_order(
    tasks: Sequence[Sequence[Recording]],
    work: Callable[[Sequence[Recording]], list[Measurement | Problem]],
    count: int,
) -> Iterator[list[Measurement | Problem]]:
    """The results in the tasks' order, with few tasks waiting: an interruption ends it soon."""
    if count <= 1:
        yield from map(work, tasks)
        return
    with ThreadPoolExecutor(count, thread_name_prefix="doctor") as executor:
        rest = iter(tasks)
        waiting: list[Future] = [executor.submit(work, task) for task in islice(rest, 2 * count)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [executor.submit(work, task) for task in islice(rest, 1)]


def measure_one(recording: Recording, limits: Thresholds) -> Measurement | Problem:
    """The numbers of a recording, or what is wrong with it."""
    try:
        header = audio_info(recording.path)
        rate = header.sample_freq
        multiple = block_multiple(rate, limits)
        frames = max(1, _BLOCK // multiple) * multiple
        blocks = audio_blocks(recording.path, frames, recording.start, recording.duration)
        with np.errstate(invalid="ignore", over="ignore"):  # of NaN, which is found at the end
            measured = measure(blocks, rate, limits)
        return replace(measured, codec=f"{header.format} {header.subtype}")
    except InputError as error:
        return error.problems[0]
