"""TensorBoard events of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf


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

    def variables(self, step: int, variables: Mapping[str, Any], norms_only: bool) -> None:
        """A histogram, or only the norm, of each variable."""
        with self._writer.as_default():
            for name, variable in variables.items():
                if norms_only:
                    tf.summary.scalar(f"variable_norm/{name}", tf.norm(variable.value), step=step)
                else:
                    tf.summary.histogram(f"variables/{name}", variable.value, step=step)

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()
