"""TensorBoard events of a run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from open_seq2seq.runs.events import EVAL, TRAIN
from open_seq2seq.tensors import Tensor

_log = logging.getLogger(__name__)


try:
    import tensorflow as tf
except ModuleNotFoundError:  # with the JAX backend it need not be there
    tf = None


def make_tensorboard(folder: Path) -> TensorBoard | None:
    """The writer, or None (and a word about it) without TensorFlow."""
    if tf is None:
        _log.info("TensorFlow is not installed: no TensorBoard events; see evaluations.jsonl.")
        return None
    return TensorBoard(folder)


class TensorBoard:
    """Writes scalars and histograms for TensorBoard.

    Args:
      folder: gets the events of training, and its folder `eval` those of evaluations: TensorBoard
        lays the two over each other.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._writers: dict[str, Any] = {}

    def _writer(self, part: str) -> Any:
        """Made when it is needed: a run without evaluations has no empty file of them."""
        if part not in self._writers:
            self._writers[part] = tf.summary.create_file_writer(str(self._folder / part))
        return self._writers[part]

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Figures of training."""
        self._scalars(TRAIN, step, values)

    def evaluation(self, step: int, values: Mapping[str, float]) -> None:
        """Figures of an evaluation, under the tags that training has them under."""
        self._scalars(EVAL, step, values)

    def _scalars(self, part: str, step: int, values: Mapping[str, float]) -> None:
        with self._writer(part).as_default():
            for name, value in values.items():
                tf.summary.scalar(name, value, step=step)

    def histograms(self, step: int, group: str, tensors: Mapping[str, Tensor]) -> None:
        """The distribution of each tensor, as `group/name`."""
        with self._writer(TRAIN).as_default():
            for name, tensor in tensors.items():
                tf.summary.histogram(f"{group}/{name}", tensor, step=step)

    def norms(self, step: int, group: str, tensors: Mapping[str, Tensor]) -> None:
        """The Euclidean norm of each tensor, as `group/name`."""
        with self._writer(TRAIN).as_default():
            for name, tensor in tensors.items():
                tf.summary.scalar(f"{group}/{name}", tf.norm(tensor), step=step)

    def flush(self) -> None:
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()
