"""Decoders, by the name a config gives them."""

from open_seq2seq.decoders.decode_result import DecodeResult, Word
from open_seq2seq.decoders.fully_connected import FullyConnectedCTCDecoder

DECODERS = {"FullyConnectedCTCDecoder": FullyConnectedCTCDecoder}

__all__ = ["DECODERS", "DecodeResult", "FullyConnectedCTCDecoder", "Word"]
