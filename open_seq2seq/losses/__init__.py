"""Losses, by the name a config gives them."""

from open_seq2seq.losses.batch_losses import BatchLosses
from open_seq2seq.losses.cross_entropy import CrossEntropyLoss
from open_seq2seq.losses.ctc import CTCLoss
from open_seq2seq.losses.loss_function import ConsistentLoss, IntermediateLoss, LossFunction

LOSSES = {"CTCLoss": CTCLoss}

# Those of language models.
LM_LOSSES = {"CrossEntropyLoss": CrossEntropyLoss}

__all__ = [
    "LM_LOSSES",
    "LOSSES",
    "BatchLosses",
    "CTCLoss",
    "ConsistentLoss",
    "CrossEntropyLoss",
    "IntermediateLoss",
    "LossFunction",
]
