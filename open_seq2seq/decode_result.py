"""What every decoder returns: the native decoder's, which is usable without the framework."""

from ctc_decoder_with_lm.decode_result import (
    DecodeResult,
    Partial,
    PartialWord,
    Token,
    Word,
)

__all__ = ["DecodeResult", "Partial", "PartialWord", "Token", "Word"]
