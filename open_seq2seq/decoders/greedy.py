"""Greedy CTC decoding: the best symbol of every frame, runs merged, blanks removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from open_seq2seq.decoders.decode_result import DecodeResult, Word

# SentencePiece writes the space before a word as this character.
_PIECE_SPACE = "\u2581"


def greedy_decode(
    logits: np.ndarray, lengths: np.ndarray, vocabulary: Any, step_size: float
) -> list[DecodeResult]:
    """Decodes a batch.

    A word starts at the frame of its first symbol, but not before the word in front has
    ended, and ends at the frame of its last symbol (the rule of OpenSeq2Seq's word
    times). Its confidence is the geometric mean of its symbols' posterior
    probabilities, each taken at the symbol's most certain frame. The score is the log
    probability of the frame-by-frame best path.

    Args:
      logits: [batch, time, symbol + 1], unnormalised, blank last.
      lengths: [batch], the frames that count.
      vocabulary: gives `symbols` and `decode(ids)`.
      step_size: seconds from one frame to the next.

    Returns:
      One result per utterance.
    """
    logits = np.asarray(logits)
    lengths = np.asarray(lengths)
    blank = logits.shape[2] - 1
    counts = np.arange(logits.shape[1]) < lengths[:, None]  # [batch, time]
    best = logits.argmax(axis=2)  # [batch, time]
    best[~counts] = blank
    log_probs = _best_log_probs(logits, best, counts)  # [batch, time]
    scores = log_probs.sum(axis=1)

    starts_run = np.ones_like(counts)
    starts_run[:, 1:] = best[:, 1:] != best[:, :-1]
    run_rows, run_frames = np.nonzero(starts_run)
    flat_starts = run_rows * logits.shape[1] + run_frames
    # Each run reaches up to the next one, and each row starts one.
    certainty = (
        np.maximum.reduceat(log_probs.ravel(), flat_starts) if flat_starts.size else np.zeros(0)
    )
    symbols = best[run_rows, run_frames]
    emitted = symbols != blank
    rows, frames = run_rows[emitted], run_frames[emitted]
    symbols, certainty = symbols[emitted], certainty[emitted]

    borders = np.searchsorted(rows, np.arange(len(logits) + 1))
    return [
        _result(
            symbols[start:stop],
            frames[start:stop],
            certainty[start:stop],
            float(score),
            vocabulary,
            step_size,
        )
        for start, stop, score in zip(borders[:-1], borders[1:], scores)
    ]


def _best_log_probs(logits: np.ndarray, best: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The log posterior of each frame's best symbol, 0 where no frame counts: [batch, time]."""
    log_probs = np.zeros(best.shape, np.float64)
    used = logits[counts].astype(np.float32, copy=False)  # [frame, symbol + 1]
    if used.size:
        top = np.take_along_axis(used, best[counts][:, None], axis=1)
        log_probs[counts] = -np.log(np.exp(used - top).sum(axis=1))
    return log_probs


def _result(
    symbols: np.ndarray,
    frames: np.ndarray,
    certainty: np.ndarray,
    score: float,
    vocabulary: Any,
    step_size: float,
) -> DecodeResult:
    ids = symbols.tolist()
    pieces = [vocabulary.symbols[index] for index in ids]
    words: list[Word] = []
    for first, last, text in _words(pieces):
        end_before = words[-1].end if words else 0.0
        start = max(step_size * int(frames[first]), end_before)
        end = max(step_size * int(frames[last]), start)
        confidence = float(np.exp(certainty[first : last + 1].mean()))
        words.append(Word(text, start, end, min(confidence, 1.0)))
    return DecodeResult(vocabulary.decode(ids), score, tuple(words))


def _words(pieces: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Each word's first and last symbol, and its text; spaces belong to no word."""
    first, last, text = -1, -1, ""
    for index, piece in enumerate(pieces):
        bare = piece.replace(_PIECE_SPACE, " ")
        starts_word = bare.startswith(" ")
        if starts_word and text:
            yield first, last, text
            text = ""
        bare = bare.strip()
        if bare:
            first = index if not text else first
            last, text = index, text + bare
    if text:
        yield first, last, text
