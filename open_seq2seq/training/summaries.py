"""TensorBoard events of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from open_seq2seq.training.console import say

try:
    import tensorflow as tf
except ModuleNotFoundError:  # with the JAX backend it need not be there
    tf = None


def make_summaries(folder: Path) -> Summaries | None:
    """The writer, or None (and a word about it) without TensorFlow."""
    if tf is None:
        say("TensorFlow is not installed: no TensorBoard events; see evaluations.jsonl.")
        return None
    return Summaries(folder)


class Summaries:
    """Writes scalars and histograms for TensorBoard.

    Args:
      folder: where the events file goes.
    """

    def __init__(self, folder: Path):
        self._writer: Any = tf.summary.create_file_writer(str(folder))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        with self._writer.as_default():
            for name, value in values.items():
                tf.summary.scalar(name, value, step=step)

    def histograms(self, step: int, group: str, tensors: Mapping[str, Any]) -> None:
        """The distribution of each tensor, as `group/name`."""
        with self._writer.as_default():
            for name, tensor in tensors.items():
                tf.summary.histogram(f"{group}/{name}", tensor, step=step)

    def norms(self, step: int, group: str, tensors: Mapping[str, Any]) -> None:
        """The Euclidean norm of each tensor, as `group/name`."""
        with self._writer.as_default():
            for name, tensor in tensors.items():
                tf.summary.scalar(f"{group}/{name}", tf.norm(tensor), step=step)

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()
