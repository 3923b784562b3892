"""The bodies of OpenAI's transcriptions: json, text, srt, vtt, verbose_json."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from open_seq2seq.decode_result import DecodeResult, Word
from open_seq2seq.streaming.events import word_objects
from open_seq2seq.transcripts.cues import word_groups
from open_seq2seq.transcripts.subtitles import srt, webvtt

FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
# Of a language that nobody named: ISO 639-2.
_UNDETERMINED = "und"


def answer(
    result: DecodeResult, seconds: float, format: str, granularities: Sequence[str], language: str
) -> Response:
    """The answer to a request.

    Args:
      result: of the recording.
      seconds: its length.
      format: one of `FORMATS`.
      granularities: of verbose_json: "word", "segment".
      language: as the request names it.
    """
    text = result.text.strip()
    if format == "text":
        return PlainTextResponse(text + "\n")
    if format == "srt":
        return PlainTextResponse(srt(result.words))
    if format == "vtt":
        return PlainTextResponse(webvtt(result.words), media_type="text/vtt")
    body: dict[str, Any] = {"text": text, "usage": usage(seconds)}
    if format == "verbose_json":
        body = {
            "task": "transcribe",
            "language": language or _UNDETERMINED,
            "duration": round(seconds, 4),
            **body,
        }
        if "segment" in granularities:
            body["segments"] = segments(result.words)
        if "word" in granularities:
            body["words"] = word_objects(result.words)
        if result.nbest:
            body["nbest"] = nbest(result)
    return JSONResponse(body)


def usage(seconds: float) -> dict[str, Any]:
    """What was computed."""
    return {"type": "duration", "seconds": math.ceil(seconds)}


def nbest(result: DecodeResult) -> list[dict[str, Any]]:
    """The hypotheses, best first.

    `score` orders them, and is no probability: hot words, beta and language models are in it, and
    may make it positive. `log_probability` is the network's own, natural logarithm, of the symbols
    with a beam, of the best path without.
    """
    return [
        {
            "text": one.text.strip(),
            "score": _finite(one.score),
            "log_probability": _finite(
                one.score if one.acoustic_score is None else one.acoustic_score
            ),
        }
        for one in result.nbest or (result,)
    ]


def _finite(score: float) -> float | None:
    return round(score, 4) if math.isfinite(score) else None


def segments(words: Sequence[Word]) -> list[dict[str, Any]]:
    """The words as segments, cut where subtitles are.

    What Whisper's decoder has and CTC has not is constant: seek and temperature 0, no tokens,
    no_speech_prob 0 (a segment is made of words). avg_logprob is the mean of the logarithms of
    the words' confidences.
    """
    found = []
    for number, group in enumerate(word_groups(words)):
        text = " ".join(word.text for word in group)
        data = text.encode()
        logs = [math.log(max(word.confidence, 1e-9)) for word in group]
        found.append(
            {
                "id": number,
                "seek": 0,
                "start": round(group[0].start, 4),
                "end": round(group[-1].end, 4),
                "text": f" {text}",
                "tokens": [],
                "temperature": 0.0,
                "avg_logprob": round(sum(logs) / len(logs), 6),
                "compression_ratio": round(len(data) / len(zlib.compress(data)), 4),
                "no_speech_prob": 0.0,
            }
        )
    return found
