"""What a model makes of a batch with labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from open_seq2seq.tensors import Tensor


class BatchLosses(NamedTuple):
    """The losses of a batch, and the logits that the last of them comes from.

    Args:
      losses: `[batch]` float32, of each utterance: training minimises their mean, as the loss
        function's `mean` takes it.
      logits: `[batch, time', class]` float32, the model's output.
      lengths: `[batch]` int32, frames of each utterance in `logits`.
      terms: what `losses` is summed up from, by name, each `[batch]` float32 and without its
        weight; empty where there is one term alone.
    """

    losses: Tensor
    logits: Tensor
    lengths: Tensor
    terms: Mapping[str, Tensor] = {}
