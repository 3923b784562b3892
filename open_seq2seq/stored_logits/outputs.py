"""What decoding writes for each utterance: CSV, JSON lines, CTM, beams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.files import write_csv, write_whole
from open_seq2seq.stored_logits.grid import utterance_errors
from open_seq2seq.stored_logits.utterances import StoredUtterance
from open_seq2seq.transcripts import recording_names
from open_seq2seq.transcripts.ctm import ctm_lines
from open_seq2seq.transcripts.json_lines import json_line


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
        json_line(utterance.name, result, nbest, reference=utterance.reference)
        for utterance, result in zip(utterances, results)
    ]
    write_whole(path, "".join(lines))


def write_ctm(
    path: str, utterances: Sequence[StoredUtterance], results: Sequence[DecodeResult]
) -> None:
    """NIST CTM: recording, channel, start and duration in seconds, word, confidence."""
    names = recording_names([u.name for u in utterances])
    lines = [ctm_lines(name, result.words) for name, result in zip(names, results)]
    write_whole(path, "".join(lines))


def write_beams(path: str, results: Iterable[DecodeResult]) -> None:
    """OpenSeq2Seq's dump of all beams: `B=>>>>>>>>`, lines `score 0.0 0.0 text`, `E=>>>>>>>>`."""
    lines = []
    for result in results:
        beams = [f"{one.score} 0.0 0.0 {one.text}\n" for one in result.nbest or (result,)]
        lines += ["B=>>>>>>>>\n", *beams, "E=>>>>>>>>\n"]
    write_whole(path, "".join(lines))
