"""Decoders: the CTC head, by the name a config gives it, and apart from it the search.

The head is a Keras layer; it is imported when it is asked for, so that scripts that only
read results start without Keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from open_seq2seq.decode_result import DecodeResult, Partial, Token, Word
from open_seq2seq.decoders.factory import make_decoder
from open_seq2seq.decoders.protocol import Decoder, DecodingStream

if TYPE_CHECKING:
    from open_seq2seq.decoders.fully_connected import FullyConnectedCTCDecoder

    DECODERS: dict[str, type[FullyConnectedCTCDecoder]]

__all__ = [
    "DECODERS",
    "DecodeResult",
    "Decoder",
    "DecodingStream",
    "FullyConnectedCTCDecoder",
    "Partial",
    "Token",
    "Word",
    "make_decoder",
]


def __getattr__(name: str) -> Any:
    if name not in ("DECODERS", "FullyConnectedCTCDecoder"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from open_seq2seq.decoders.fully_connected import FullyConnectedCTCDecoder

    found = {
        "FullyConnectedCTCDecoder": FullyConnectedCTCDecoder,
        "DECODERS": {"FullyConnectedCTCDecoder": FullyConnectedCTCDecoder},
    }
    globals().update(found)
    return found[name]
