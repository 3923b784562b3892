"""Rows of features as a graph's tensors: where its axes are, and which of them can be freed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from open_seq2seq.scoring.sessions.session import Tensor

_BY_RANK = {2: "NC", 3: "NTC"}


@dataclass(frozen=True)
class Place:
    """An input of floats.

    Args:
      tensor: what the graph says of it.
      layout: letters of its axes: N the batch, T time, C features. Where the tensor has more axes
        than letters, the first is N and the others are the features.
    """

    tensor: Tensor
    layout: str

    @classmethod
    def of(cls, tensor: Tensor, layouts: Mapping[str, str]) -> Place:
        """With the layout that was given, or the usual one of its rank."""
        rank = len(tensor.shape) if tensor.shape is not None else 0
        return cls(tensor, layouts.get(tensor.name) or _BY_RANK.get(rank, "NC"))

    @property
    def name(self) -> str:
        """The tensor's."""
        return self.tensor.name

    @property
    def has_time(self) -> bool:
        """Whether whole utterances lie in it."""
        return "T" in self.layout and "N" in self.layout

    def size(self, letter: str) -> int | None:
        """The length of an axis; None: it is free."""
        shape = self.tensor.shape
        letter = "N" if letter == "T" and "T" not in self.layout else letter
        if letter == "N" and "N" not in self.layout:
            letter = "T"
        return None if shape is None else shape[self.layout.index(letter)]

    @property
    def dim(self) -> int | None:
        """Features of a frame."""
        shape = self.tensor.shape
        if shape is None:
            return None
        if len(shape) == len(self.layout):
            return shape[self.layout.index("C")]
        return None if None in shape[1:] else int(np.prod([size or 1 for size in shape[1:]]))

    def freed(self, letter: str) -> list[int | None]:
        """The tensor's shape with an axis of any length."""
        free = list(self.tensor.shape or ())
        if letter in self.layout:
            free[self.layout.index(letter)] = None
        return free

    def rows(self, value: np.ndarray) -> np.ndarray:
        """Frames `[frame, feature]` as the tensor: its batch, or the time of one utterance."""
        if self.has_time:
            return self.utterances(value[None])
        shape = self.tensor.shape
        if shape is not None and len(shape) != len(self.layout):
            return np.ascontiguousarray(
                value.reshape(len(value), *(size or -1 for size in shape[1:]))
            )
        return np.ascontiguousarray(value.T if self.layout.startswith("C") else value, np.float32)

    def utterances(self, value: np.ndarray) -> np.ndarray:
        """`[utterance, time, feature]` in the order of the tensor's axes; of one without time each
        utterance's first row."""
        if not self.has_time:
            return self.rows(value[:, 0])
        axes = ["NTC".index(letter) for letter in self.layout]
        return np.ascontiguousarray(value.transpose(axes), np.float32)
