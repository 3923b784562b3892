"""What streams say, as JSON objects: the lines of `listen --json`, the messages of `/v1/stream`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from open_seq2seq.decode_result import PartialWord, Word
from open_seq2seq.streaming.session import StreamPartial
from open_seq2seq.streaming.utterance_stream import Finished

Event = dict[str, Any]


def partial_event(one: StreamPartial) -> Event:
    """An utterance that goes on."""
    text, stable = one.text.strip(), one.stable_text.strip()
    return _event("partial", text, stable, one.words, (one.start, one.decoded), one)


def final_event(one: Finished) -> Event:
    """An utterance that has ended."""
    return _event("final", one.text, one.text, one.result.words, (one.start, one.end), one)


def word_objects(words: Iterable[Word | PartialWord]) -> list[Event]:
    """Of each `word`, `start`, `end` (seconds) and `confidence`; null while it may change."""
    return [
        {
            "word": word.text,
            "start": round(word.start, 4),
            "end": round(word.end, 4),
            "confidence": round(word.confidence, 6) if isinstance(word, Word) else None,
        }
        for word in words
    ]


def _event(
    kind: str,
    text: str,
    stable: str,
    words: Iterable[Word | PartialWord],
    times: tuple[float, float],
    of: StreamPartial | Finished,
) -> Event:
    start, end = times
    return {
        "type": kind,
        "text": text,
        "stable": stable,
        "start": round(start, 4),
        "end": round(end, 4),
        "words": word_objects(words),
        "received": round(of.received, 4),
        "decoded": round(of.decoded, 4),
    }
