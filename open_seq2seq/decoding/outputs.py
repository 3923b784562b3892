"""What decoding writes for each utterance: CSV, JSON lines, CTM, beams."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from open_seq2seq.decoders.decode_result import DecodeResult
from open_seq2seq.decoding.grid import utterance_errors
from open_seq2seq.decoding.utterances import StoredUtterance
from open_seq2seq.files import write_csv, write_whole


def write_transcripts(
    path: str, utterances: Sequence[StoredUtterance], results: Sequence[DecodeResult]
) -> None:
    """A CSV with the columns `wav_filename` and `transcript`: it can be read as a manifest."""
    pairs = zip(utterances, results)
    write_csv(path, [{"wav_filename": u.name, "transcript": r.text} for u, r in pairs])


def write_utterances(
    path: str,
    utterances: Sequence[StoredUtterance],
    results: Sequence[DecodeResult],
    lower: Callable[[str], str] = str.lower,
) -> None:
    """A CSV with reference, hypothesis, error rates and score of each utterance.

    Where there are no references, these columns and the error rates are empty. Texts are
    lower-cased by `lower`, as they are compared.
    """
    hypotheses = [lower(result.text) for result in results]
    errors = utterance_errors([u.reference or "" for u in utterances], hypotheses)
    rows = []
    for utterance, hypothesis, counts, result in zip(utterances, hypotheses, errors, results):
        known = utterance.reference is not None
        rows.append(
            {
                "wav_filename": utterance.name,
                "reference": utterance.reference if known else "",
                "hypothesis": hypothesis,
                "wer": f"{counts.words.rate:.6f}" if known else "",
                "cer": f"{counts.characters.rate:.6f}" if known else "",
                "score": f"{result.score:.6f}",
            }
        )
    write_csv(path, rows)


def write_json_lines(
    path: str, utterances: Sequence[StoredUtterance], results: Sequence[DecodeResult], nbest: int
) -> None:
    """One JSON object for each utterance: text, scores, words with times, n-best."""
    lines = [
        json.dumps(_json(utterance, result, nbest), ensure_ascii=False)
        for utterance, result in zip(utterances, results)
    ]
    write_whole(path, "".join(f"{line}\n" for line in lines))


def _json(utterance: StoredUtterance, result: DecodeResult, nbest: int) -> dict[str, Any]:
    return {
        "wav_filename": utterance.name,
        "reference": utterance.reference,
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


def _scores(result: DecodeResult) -> dict[str, Any]:
    return {
        "text": result.text,
        "score": _number(result.score),
        "acoustic_score": _number(result.acoustic_score),
        "lm_score": _number(result.lm_score),
    }


def _number(score: float | None) -> float | None:
    """A score for JSON, which has no infinity: that of a recording that no text fits is null."""
    return score if score is not None and math.isfinite(score) else None


def write_ctm(
    path: str, utterances: Sequence[StoredUtterance], results: Sequence[DecodeResult]
) -> None:
    """NIST CTM: recording, channel, start and duration in seconds, word, confidence."""
    lines = []
    for name, result in zip(recording_names([u.name for u in utterances]), results):
        for word in result.words:
            duration = max(word.end - word.start, 0.0)
            times = f"{word.start:.3f} {duration:.3f}"
            lines.append(f"{name} 1 {times} {word.text} {word.confidence:.4f}\n")
    write_whole(path, "".join(lines))


def recording_names(paths: Sequence[str]) -> list[str]:
    """Names without folder and suffix, or with the folders where that leaves two the same.

    CTM has no quotes, so spaces become underscores.
    """
    stems = [Path(path).stem for path in paths]
    if len(set(stems)) < len(set(paths)):
        stems = [str(Path(path).with_suffix("")) for path in paths]
    return ["_".join(stem.split()) for stem in stems]


def write_beams(path: str, results: Iterable[DecodeResult]) -> None:
    """OpenSeq2Seq's dump of all beams: `B=>>>>>>>>`, lines `score 0.0 0.0 text`, `E=>>>>>>>>`."""
    lines = []
    for result in results:
        beams = [f"{one.score} 0.0 0.0 {one.text}\n" for one in result.nbest or (result,)]
        lines += ["B=>>>>>>>>\n", *beams, "E=>>>>>>>>\n"]
    write_whole(path, "".join(lines))
