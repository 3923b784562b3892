"""I-vectors that change within an utterance: one row for every so many frames.

Kaldi's nnet3-compute scores chunks of frames, each with the row of its middle
(nnet3/nnet-am-decodable-simple.cc); frames around a chunk are those of the utterance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from open_seq2seq.interop.kaldi import Network
from open_seq2seq.scoring.model import Arrays


@dataclass(frozen=True)
class OnlineRows:
    """How rows of i-vectors belong to frames.

    Args:
      period: frames of features that a row is of (`--online_ivector_period`).
      chunk: frames that are scored with one row (`--frames_per_chunk`).
    """

    period: int = 10
    chunk: int = 50


def changing(network: Network, inputs: Arrays) -> list[str]:
    """The inputs of whole utterances that have several rows, which are not all the same."""
    found = []
    for one in network.inputs:
        value = np.asarray(inputs[one.name]) if one.per_utterance else np.zeros((0, 0))
        if value.ndim == 2 and len(value) > 1 and (value != value[:1]).any():
            found.append(one.name)
    return found


def with_single_rows(network: Network, inputs: Arrays) -> dict[str, np.ndarray]:
    """Inputs of whole utterances by one row: of those whose rows are all the same, the first."""
    return {
        one.name: np.atleast_2d(inputs[one.name])[0] if one.per_utterance else inputs[one.name]
        for one in network.inputs
        if one.name in inputs
    }


def scored_in_chunks(
    network: Network, inputs: Arrays, rules: OnlineRows, score: Callable[[Arrays], Arrays]
) -> Arrays:
    """The scores of an utterance with i-vectors that change.

    Args:
      network: without recurrences, whose state a chunk would not have.
      inputs: of the utterance.
      rules: which rows.
      score: gives the scores of a whole utterance with one row.
    """
    parts = [
        {name: value[first:end] for name, value in score(piece).items()}
        for piece, first, end in _chunks(network, inputs, rules)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _chunks(
    network: Network, inputs: Arrays, rules: OnlineRows
) -> Iterator[tuple[Mapping[str, np.ndarray], int, int]]:
    """Each chunk with the frames around it, and which rows of its scores count."""
    step = network.frame_subsampling
    size = -(-rules.chunk // step) * step
    around = -(-network.left_context // step) * step
    frames = len(inputs[network.inputs[0].name])
    for start in range(0, frames, size):
        end = min(start + size, frames)
        begin = max(start - around, 0)
        stop = min(end + network.right_context, frames)
        last = start + (end - 1 - start) // step * step
        row = (start + (last - start) // 2) // rules.period
        piece = {}
        for one in network.inputs:
            value = np.asarray(inputs[one.name])
            if one.per_utterance:
                rows = np.atleast_2d(value)
                piece[one.name] = rows[min(row, len(rows) - 1)]
            else:
                piece[one.name] = value[begin:stop]
        yield piece, (start - begin) // step, -(-(end - begin) // step)
