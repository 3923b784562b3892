"""A network as layers that follow each other, and what is fed to it and read from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from open_seq2seq.interop.kaldi.layers import Layer


@dataclass(frozen=True)
class Input:
    """What a network is fed.

    Args:
      name: "input", or "ivector" and the like.
      dim: features of a frame.
      per_utterance: one row for the whole utterance (i-vectors), `[1, dim]` or `[dim]`.
    """

    name: str
    dim: int
    per_utterance: bool = False


@dataclass(frozen=True)
class Node:
    """A layer in its place.

    Args:
      name: of its own, not that of an input.
      layer: what it computes.
      inputs: names of nodes and inputs.
      dim: features of its output.
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    dim: int


@dataclass(frozen=True)
class Output:
    """What is read.

    Args:
      name: "output", "output-xent" and the like.
      node: which computes it.
      dim: scores of a frame.
    """

    name: str
    node: str
    dim: int


@dataclass(frozen=True)
class Network:
    """An acoustic model.

    Args:
      kind: which of Kaldi's libraries it is of.
      inputs: the features first.
      nodes: in an order of computation: a node's inputs come before it, but for those that close a
        circle (nnet3's recurrences, which always go through a `Shift` to another frame).
      outputs: all that are named; "output" first.
      left_context, right_context: frames that outputs need before and after theirs. Features are
        padded with copies of the first and last frame (nnet2, nnet3), or every splice does so by
        itself (nnet1: `Splice.clamp`).
      priors: of the classes, as stored in the model (nnet2, nnet3); empty: there are none.
      frame_subsampling: scores are of every so many frames.
    """

    kind: Literal["nnet1", "nnet2", "nnet3"]
    inputs: tuple[Input, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Output, ...]
    left_context: int = 0
    right_context: int = 0
    priors: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    frame_subsampling: int = 1

    @property
    def pads_input(self) -> bool:
        """Whether the features are padded by the contexts, once."""
        return self.kind != "nnet1"

    def node(self, name: str) -> Node:
        """A node by its name."""
        return next(one for one in self.nodes if one.name == name)
