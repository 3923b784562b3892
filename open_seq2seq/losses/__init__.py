"""Losses, by the name a config gives them."""

from open_seq2seq.losses.ctc import CTCLoss

LOSSES = {"CTCLoss": CTCLoss}

__all__ = ["LOSSES", "CTCLoss"]
