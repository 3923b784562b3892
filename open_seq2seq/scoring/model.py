"""What scores utterances: a model of any kind behind the same calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

# Arrays by the names of inputs or outputs: features `[time, dim]`, scores `[time, class]`.
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Port:
    """An input or output.

    Args:
      name: as the command line has it.
      dim: numbers of a row; None: known when it has run.
      per_utterance: an input of one row for the whole utterance: an i-vector.
    """

    name: str
    dim: int | None
    per_utterance: bool = False


class VariableState:
    """A state of a recurrent model, as OpenVINO's `query_state()` gives it.

    Args:
      name: of the variable.
      read, write: get and set its value.
      initial: its value at the beginning of an utterance.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], np.ndarray],
        write: Callable[[np.ndarray], None],
        initial: Callable[[], None],
    ):
        self.name = name
        self._read, self._write, self._initial = read, write, initial

    @property
    def state(self) -> np.ndarray:
        """Its value now."""
        return self._read()

    @state.setter
    def state(self, value: np.ndarray) -> None:
        self._write(value)

    def reset(self) -> None:
        """Back to the beginning of an utterance."""
        self._initial()


class ScoringModel(Protocol):
    """A model that has been loaded.

    `about` says in words what runs it, `precision` in which numbers, `inputs` and `outputs` what
    it takes and gives; `notes` are sentences for the user.
    """

    about: str
    precision: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    notes: list[str]

    def score(self, utterances: Sequence[Arrays], outputs: Sequence[str]) -> list[Arrays]:
        """The scores of whole utterances, each from the initial state.

        Args:
          utterances: the inputs of each: features `[time, dim]`, or `[dim]` of an i-vector.
          outputs: which are wanted.
        """

    def accept(self, piece: Arrays, outputs: Sequence[str], last: bool = False) -> Arrays:
        """The scores that follow from the next frames of a stream.

        Args:
          piece: the next rows of each input.
          outputs: which are wanted.
          last: whether the stream ends, so that rows that wait for context come too.
        """

    def query_state(self) -> list[VariableState]:
        """What it keeps between pieces; empty where it keeps nothing."""

    def reset_state(self) -> None:
        """A new stream begins."""
