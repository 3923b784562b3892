"""Transcripts as JSON lines: text, scores, words with their times, n-best lists.

`scripts/rescore.py` reads them, whether `run.py` or `scripts/decode.py` wrote them.
"""

from __future__ import annotations

import json
import math

from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.files import JsonObject


def json_line(name: str, result: DecodeResult, nbest: int | None = None, **more: object) -> str:
    """One JSON object, with its line feed.

    Args:
      name: the recording's, `wav_filename`.
      result: what was recognised; without an n-best list it is the only one in it.
      nbest: hypotheses in `nbest`, at most; None: all.
      more: further values, behind the name.
    """
    content = {
        "wav_filename": name,
        **more,
        **_scores(result),
        "words": [
            {
                "text": word.text,
                "start": round(word.start, 4),
                "end": round(word.end, 4),
                "confidence": round(word.confidence, 6),
            }
            for word in result.words
        ],
        "nbest": [_scores(one) for one in (result.nbest or (result,))[:nbest]],
    }
    return json.dumps(content, ensure_ascii=False) + "\n"


def _scores(result: DecodeResult) -> JsonObject:
    return {
        "text": result.text,
        "score": _number(result.score),
        "acoustic_score": _number(result.acoustic_score),
        "lm_score": _number(result.lm_score),
    }


def _number(score: float | None) -> float | None:
    """A score for JSON, which has no infinity: that of a recording that no text fits is null."""
    return score if score is not None and math.isfinite(score) else None
