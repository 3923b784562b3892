"""What a recogniser is made of, wherever its network comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypedDict

from open_seq2seq.config.schema import Params
from open_seq2seq.decoders import Decoder
from open_seq2seq.inference.front_end import FrontEnd
from open_seq2seq.inference.transcriber import Network
from open_seq2seq.streaming import StreamingNetwork
from open_seq2seq.vocabulary import SymbolTexts


class RecognizerParts(TypedDict):
    """The arguments of `Recognizer`, by their names there."""

    front_end: FrontEnd
    network: Network
    vocabulary: SymbolTexts
    decoder: Decoder
    frame_shift: float
    time_stride: int
    segmentation: Params
    batch_size: int
    threads: int
    trained_on: Mapping[str, float] | None
    make_streaming: Callable[[], StreamingNetwork] | None
