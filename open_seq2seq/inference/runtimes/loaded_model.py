"""A model file that can be run."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from open_seq2seq.errors import InputError, Problem, RunError
from open_seq2seq.inference.runtimes.names import RUNTIMES
from open_seq2seq.inference.runtimes.session import Session
from open_seq2seq.native_build.cpu import available_cores


class LoadedModel:
    """A model file, loaded by a runtime; threads may share it.

    Args:
      path: the model's file.
      runtime: a name of `RUNTIMES`.
      threads: that it computes with; None: as many as there are cores.

    Raises:
      InputError: the runtime is not installed, or cannot load the file.
    """

    def __init__(self, path: Path, runtime: str, threads: int | None = None):
        self.path, self.runtime = path, runtime
        kind = RUNTIMES[runtime]
        if not is_installed(runtime):
            raise not_installed(runtime)
        try:
            self._session: Session = kind(path, threads or available_cores())
        except InputError:
            raise
        except Exception as error:  # whatever a runtime makes of a file
            found = f"a file that {runtime} cannot load ({first_line(error)})"
            problem = Problem(str(path), found, "a model", "Export the model again.")
            raise InputError("The exported model cannot be loaded:", [problem]) from error

    def log_probs(self, samples: np.ndarray) -> np.ndarray:
        """The natural logarithms of the symbols' probabilities, of one recording.

        Args:
          samples: `[n]` float32 in [-1, 1] at the model's rate.

        Returns:
          `[time, class]` float32, the blank last.

        Raises:
          RunError: the model fails.
        """
        log_probs, lengths = self.batch_log_probs(samples[None], np.array([len(samples)], np.int32))
        return log_probs[0, : lengths[0]]

    def batch_log_probs(
        self, samples: np.ndarray, num_samples: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same of several recordings; not of models with batch 1.

        Args:
          samples: `[batch, n]` float32.
          num_samples: `[batch]` int32, those that count.

        Returns:
          `[batch, time, class]` float32 and `[batch]` int32, the rows that count.

        Raises:
          RunError: the model fails.
        """
        size = f"{samples.shape[0]} x {samples.shape[1]} samples"
        try:
            found = self._session.run(np.ascontiguousarray(samples, np.float32), num_samples)
        except Exception as error:  # a runtime has errors of its own
            raise RunError(
                f"{self.path} fails in {self.runtime} on {size}: {first_line(error)}"
            ) from error
        log_probs, lengths = found
        if log_probs.ndim != 3 or lengths.shape != log_probs.shape[:1] or log_probs.dtype != "f4":
            raise RunError(
                f"{self.path} gives {log_probs.dtype} {list(log_probs.shape)} and lengths "
                f"{list(lengths.shape)} for {size}, not log-probabilities [batch, time, class]."
            )
        return log_probs, lengths


def is_installed(runtime: str) -> bool:
    """Whether the package of a runtime can be imported."""
    return find_spec(RUNTIMES[runtime].PACKAGE) is not None


def not_installed(runtime: str) -> InputError:
    """What to say of a runtime whose package is missing."""
    kind = RUNTIMES[runtime]
    name = f"open-seq2seq[{kind.EXTRA}]" if kind.EXTRA else "open-seq2seq"
    problem = Problem(
        f"runtime {runtime}",
        f"no package {kind.PACKAGE}",
        "an installed one",
        f"pip install '{name}'",
    )
    return InputError("The runtime is not installed:", [problem])


def first_line(error: Exception) -> str:
    """What a runtime's error says first: they write pages."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]
