"""Streams: text while people speak, which is the text of the whole recording."""

from open_seq2seq.streaming.buffered import BufferedNetwork, WindowLengths
from open_seq2seq.streaming.endpoints import (
    ENDPOINT_RULES,
    Endpoint,
    EndpointRule,
    endpoint_rules_of,
)
from open_seq2seq.streaming.network import StreamingNetwork
from open_seq2seq.streaming.pool import StreamPool
from open_seq2seq.streaming.session import Session, StreamPartial
from open_seq2seq.streaming.utterance_stream import Finished, UtteranceStream
from open_seq2seq.streaming.voice_gate import VoiceGate

__all__ = [
    "ENDPOINT_RULES",
    "BufferedNetwork",
    "Endpoint",
    "EndpointRule",
    "Finished",
    "Session",
    "StreamPartial",
    "StreamPool",
    "StreamingNetwork",
    "UtteranceStream",
    "VoiceGate",
    "WindowLengths",
    "endpoint_rules_of",
]
