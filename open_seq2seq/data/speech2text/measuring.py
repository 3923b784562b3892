"""The statistics that features of a corpus are normalised by: measured on a sample of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from open_seq2seq.data.draws import Stream, generator
from open_seq2seq.data.loader import Stopped, load_in_order
from open_seq2seq.data.paths import config_path
from open_seq2seq.data.protocols import SpeechDataLayer
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.features.statistics import (
    FeatureStatistics,
    StatisticsSum,
    read_statistics,
)


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Args:
      statistics: means and deviations.
      recordings: on how many recordings.
      problems: of those that could not be read.
      note: where the statistics come from, for the user.
    """

    statistics: FeatureStatistics
    recordings: int
    problems: list[Problem]
    note: str


def statistics_of(data: SpeechDataLayer) -> Measured:
    """The statistics for training on `data`: from `feature_norm_file`, or measured.

    Raises:
      InputError: the file cannot be used, or no recording can be read.
    """
    name = data.params["feature_norm_file"]
    if name is None:
        return measure_statistics(data, data.params["feature_norm_recordings"])
    path = Path(config_path(name))
    statistics = read_statistics(path, data.extractor.parameters)
    return Measured(statistics, 0, [], f"Mean and deviation of the features are those of {path}.")


def measure_statistics(data: SpeechDataLayer, most: int | None) -> Measured:
    """Means and deviations of the features of recordings without augmentation.

    The same for the same data, parameters and seed, whatever the number of threads.

    Args:
      most: so many recordings at most, drawn by the data's seed; None: all.

    Raises:
      InputError: none can be read.
    """
    rows, voices = chosen_recordings(data, most)
    total, problems = sums_of(data, rows, voices)
    return measured_of(data, total, len(rows), problems)


def chosen_recordings(data: SpeechDataLayer, most: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Rows to measure, and which synthetic voice of each."""
    count = len(data.utterances)
    rng = generator(Stream.STATISTICS, data.seed)
    size = count if most is None else min(most, count)
    rows = np.sort(rng.choice(count, size, replace=False))
    return rows, rng.integers(2**31, size=size)


def sums_of(
    data: SpeechDataLayer, rows: np.ndarray, voices: np.ndarray
) -> tuple[StatisticsSum, list[Problem]]:
    """The sums over some recordings, and what is wrong with those that could not be read."""
    extractor = data.extractor

    def load(index: int, stop: threading.Event) -> tuple[np.ndarray, np.ndarray] | Problem:
        if stop.is_set():
            raise Stopped
        row = int(rows[index])
        recording = data.recording(row, int(voices[index]))
        try:
            return extractor.unnormalised(data.recordings.samples(recording))
        except InputError as error:
            problem = error.problems[0]
            return Problem(data.utterances[row].source, problem.found, problem.expected)

    total, problems = extractor.statistics_sum(), []
    for loaded in load_in_order(load, range(len(rows)), data.threads):
        if isinstance(loaded, Problem):
            problems.append(loaded)
        else:
            total.add(*loaded)
    return total, problems


def measured_of(
    data: SpeechDataLayer, total: StatisticsSum, size: int, problems: list[Problem]
) -> Measured:
    """What sums over `size` recordings give, without those that could not be read.

    Raises:
      InputError: none could.
    """
    count, extractor = len(data.utterances), data.extractor
    measured = size - len(problems)
    statistics = total.result()
    hours = statistics.frames * extractor.options.window_stride / 3600
    note = (
        f"Mean and deviation of the features were measured on {measured} of {count} recordings "
        f"({hours:.2f} h)."
    )
    if problems:
        note += f" {len(problems)} more could not be read, the first is {problems[0]}"
    return Measured(statistics, measured, problems, note)
