"""Encoders, by the name a config gives them."""

from open_seq2seq.encoders.tdnn import TDNNEncoder

ENCODERS = {"TDNNEncoder": TDNNEncoder}

__all__ = ["ENCODERS", "TDNNEncoder"]
