"""Transcripts before they are used: checked, and what would mend them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from open_seq2seq.data.checks import CheckReport
from open_seq2seq.data.manifest import Utterance
from open_seq2seq.data.normalization import (
    DOTTED_AND_DOTLESS,
    NORMALIZERS,
    normalizer,
)
from open_seq2seq.data.unknown_characters import unknown_problems
from open_seq2seq.data.watched_normalizer import WatchedNormalizer
from open_seq2seq.errors import Problem
from open_seq2seq.vocabulary import Vocabulary

# What tools write for a missing text. They may also be words, so they are only noted.
_LOOKS_MISSING = {"nan", "NaN", "null", "NULL", "None", "N/A", "NA", "<NA>"}
# To find the normalisation that mends most so many rows tell enough.
_MOST_TRIED = 2000


def check_transcripts(
    report: CheckReport,
    utterances: Sequence[Utterance],
    vocabulary: Vocabulary | None,
    normalization: str | None = None,
    may_be_empty: bool = False,
) -> None:
    """Reports empty transcripts, those in a language that the normalisation is not for, and, if
    there is a vocabulary, characters outside it with the normalisation that would mend most.

    Args:
      normalization: how the transcripts have been normalised.
      may_be_empty: as in evaluation, where nothing is said in some recordings and whatever is
        recognised there is an error: it is only noted.
    """
    empty = 0
    looks_missing = []
    has_dotless = vocabulary is not None and any(
        not DOTTED_AND_DOTLESS.isdisjoint(symbol) for symbol in vocabulary.symbols
    )
    outside: list[int] = []
    for row, utterance in enumerate(utterances):
        text = utterance.transcript or ""
        if not text.strip():
            empty += 1
            if not may_be_empty:
                report.add(row, _empty(utterance, normalization), "empty transcript")
            continue
        if text in _LOOKS_MISSING:
            looks_missing.append(f"{utterance.source} ({text})")
        if vocabulary is None:
            continue
        if has_dotless and normalization == "plain" and "I" in (utterance.written or text):
            report.add(row, _dotless_lost(utterance), "capital of another letter")
        if vocabulary.unknown(text):
            outside.append(row)
    if vocabulary is not None and outside:
        _report_outside(report, utterances, outside, vocabulary, normalization)
    if empty and may_be_empty:
        report.notes.append(empty_note(empty, len(utterances)))
    if looks_missing:
        report.notes.append(
            "Transcripts that look like missing values are taken as words: "
            + ", ".join(looks_missing)
        )
    watched = WatchedNormalizer(normalization)
    for utterance in utterances if normalization == "plain" else ():
        watched(_written(utterance))
    if watched.note:
        report.notes.append(watched.note)


def empty_note(empty: int, count: int) -> str:
    """What to say of an evaluation's references of which some are empty."""
    verb = "is" if empty == 1 else "are"
    return f"{empty} of {count} references {verb} empty: every word recognised there is an error."


def _written(utterance: Utterance) -> str:
    return utterance.written or utterance.transcript or ""


def _empty(utterance: Utterance, normalization: str | None) -> Problem:
    found = "an empty transcript"
    if normalization:
        found += f" after text_normalization {normalization}"
    return Problem(utterance.source, found, "what is said", "Add the text, or remove the row.")


def _dotless_lost(utterance: Utterance) -> Problem:
    return Problem(
        utterance.source,
        "a capital I, which text_normalization 'plain' writes as i",
        "ı, as the vocabulary has this letter",
        "Set text_normalization to 'turkish' in data_layer_params.",
    )


def _report_outside(
    report: CheckReport,
    utterances: Sequence[Utterance],
    rows: Sequence[int],
    vocabulary: Vocabulary,
    normalization: str | None,
) -> None:
    """Adds the characters outside the vocabulary of these rows."""
    best, mended = best_normalization(
        [_written(utterances[row]) for row in rows[:_MOST_TRIED]], vocabulary, normalization
    )
    remedy = best_remedy(best, sum(mended), len(mended))
    for place, row in enumerate(rows):
        utterance = utterances[row]
        for problem in unknown_problems(vocabulary, utterance.transcript or "", utterance.source):
            # Rows that were not tried are taken for mended: the first ones told which it is.
            if remedy and (place >= len(mended) or mended[place]):
                problem = replace(problem, remedy=remedy)
            report.add(row, problem, "unknown character")


def best_remedy(best: str | None, mended: int, tried: int) -> str:
    """What to do about transcripts of which a normalisation mends some; "" if none does."""
    if best is None:
        return ""
    rows = f"{mended} of {tried}" if mended < tried else f"all {tried}" if tried > 1 else "the"
    return (
        f"Set text_normalization to {best!r} in data_layer_params: it mends {rows} "
        f"row{'s' if tried > 1 else ''}."
    )


def best_normalization(
    texts: Sequence[str],
    vocabulary: Vocabulary,
    current: str | None = None,
) -> tuple[str | None, list[bool]]:
    """The normalisation after which most of the texts are of the vocabulary alone.

    Args:
      texts: as they are written.
      current: the one that has not been enough.

    Returns:
      Its name, None if none makes one good; and for each text whether it is mended. `plain` goes
      before those that mend no more texts, as it changes least. With a vocabulary that has ı, I
      is the capital of that: then `turkish` goes first, and only it counts for texts with I.
    """
    has_dotless = any(not DOTTED_AND_DOTLESS.isdisjoint(symbol) for symbol in vocabulary.symbols)
    best: str | None = None
    most = [False] * len(texts)
    first = "turkish" if has_dotless else "plain"
    for name in (first, *(name for name in NORMALIZERS if name != first)):
        if name == current:
            continue
        normalize = normalizer(name)
        mended = []
        for text in texts:
            result = normalize(text)
            wrong = has_dotless and name != "turkish" and "I" in text
            mended.append(bool(result) and not wrong and not vocabulary.unknown(result))
        if sum(mended) > sum(most):
            best, most = name, mended
    return best, most
