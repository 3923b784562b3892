"""A model that a runtime has loaded, as a function of tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from open_seq2seq.scoring.model import VariableState


@dataclass(frozen=True)
class Tensor:
    """An input or output of a graph.

    Args:
      name: its own.
      shape: None where a length is free; None as a whole: the rank is not known.
      is_whole: of whole numbers (lengths), not floats.
    """

    name: str
    shape: tuple[int | None, ...] | None
    is_whole: bool = False


class TensorSession(Protocol):
    """A loaded graph. `about` and `precision` say in words what runs it and in which numbers."""

    about: str
    precision: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def run(self, feeds: Mapping[str, np.ndarray], outputs: Sequence[str]) -> list[np.ndarray]:
        """The outputs' values.

        Raises:
          RunError: the runtime fails.
        """

    @property
    def keeps_frames(self) -> bool:
        """Whether variables hold old frames, so that scores may be late."""

    def query_state(self) -> list[VariableState]:
        """The variables that it keeps between runs."""

    def with_shapes(self, shapes: Mapping[str, Sequence[int | None]]) -> TensorSession | None:
        """The same graph for inputs of other shapes; None: it is not made for them."""


class StatelessSession:
    """What a `TensorSession` of a runtime whose graphs keep nothing says of state and shapes."""

    @property
    def keeps_frames(self) -> bool:
        """See `TensorSession`."""
        return False

    def query_state(self) -> list[VariableState]:
        """See `TensorSession`."""
        return []

    def with_shapes(self, shapes: Mapping[str, Sequence[int | None]]) -> None:
        """See `TensorSession`: shapes stay as they are."""
        return
