"""Greedy CTC decoding: the best symbol of every frame, runs merged, blanks removed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
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
    symbols = best.ravel()[flat_starts]
    emitted = symbols != blank
    rows, frames = run_rows[emitted], run_frames[emitted]
    symbols, certainty = symbols[emitted], certainty[emitted]

    words = _words(symbols, rows, frames * step_size, certainty, tuple(vocabulary.symbols))
    ids = symbols.tolist()
    batch = np.arange(len(logits) + 1)
    borders = np.searchsorted(rows, batch).tolist()
    word_borders = np.searchsorted(words.rows, batch).tolist()
    return [
        DecodeResult(
            vocabulary.decode(ids[borders[row] : borders[row + 1]]),
            score,
            words.words[word_borders[row] : word_borders[row + 1]],
        )
        for row, score in enumerate(scores.tolist())
    ]


def _best_log_probs(logits: np.ndarray, best: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The log posterior of each frame's best symbol, 0 where no frame counts: [batch, time]."""
    log_probs = np.zeros(best.shape, np.float64)
    used = logits[counts].astype(np.float32, copy=False)  # [frame, symbol + 1]
    if not used.size:
        return log_probs
    top = used[np.arange(len(used)), best[counts]]  # [frame]
    # Twice as fast as subtracting first, which only logits this large need.
    direct = bool((np.abs(top) < 60).all())
    powers = np.exp(used if direct else used - top[:, None])
    # A product with ones sums short rows many times faster than `sum`.
    total = np.log(powers @ np.ones(used.shape[1], np.float32))
    log_probs[counts] = np.minimum(top - total if direct else -total, 0)
    return log_probs


@dataclass(frozen=True)
class _Words:
    """The words of a batch, and the utterance that each belongs to: [word]."""

    words: tuple[Word, ...]
    rows: np.ndarray


def _words(
    symbols: np.ndarray,
    rows: np.ndarray,
    times: np.ndarray,
    certainty: np.ndarray,
    vocabulary: tuple[str, ...],
) -> _Words:
    """The words of a whole batch at once: a Python loop over symbols would take most of the time.

    Args:
      symbols: [symbol], those of all utterances, one after the other.
      rows: [symbol], the utterance of each.
      times: [symbol], seconds.
      certainty: [symbol], log posteriors.
      vocabulary: the text of each class.
    """
    table = _spelling(vocabulary)
    opens = table.starts_word[symbols]
    opens[1:] |= rows[1:] != rows[:-1]
    group = np.cumsum(opens)  # symbols between two spaces, one word or none
    spelled = np.flatnonzero(table.length[symbols])
    if not spelled.size:
        return _Words((), np.zeros(0, int))
    new_word = np.flatnonzero(np.diff(group[spelled], prepend=-1))
    after = np.append(new_word[1:], spelled.size)
    first, last = spelled[new_word], spelled[after - 1]
    # A space inside belongs to no word, and nothing is spelled between first and last but it.
    sums = np.add.reduceat(certainty[spelled], new_word)
    confidence = np.exp(sums / (after - new_word))
    letters = "".join([table.text[index] for index in symbols[spelled].tolist()])
    stops = np.cumsum(table.length[symbols[spelled]])[after - 1].tolist()
    texts = [letters[start:stop] for start, stop in zip([0, *stops], stops)]
    words = map(Word, texts, times[first].tolist(), times[last].tolist(), confidence.tolist())
    return _Words(tuple(words), rows[first])


@dataclass(frozen=True)
class _Spelling:
    """What each class of a vocabulary adds to a word.

    Args:
      text: without spaces around it.
      length: [class] characters of the text.
      starts_word: [class] whether a space comes first.
    """

    text: list[str]
    length: np.ndarray
    starts_word: np.ndarray


@lru_cache(maxsize=8)
def _spelling(vocabulary: tuple[str, ...]) -> _Spelling:
    pieces = [piece.replace(_PIECE_SPACE, " ") for piece in vocabulary]
    text = [piece.strip() for piece in pieces]
    starts_word = np.array([piece.startswith(" ") for piece in pieces], bool)
    return _Spelling(text, np.array([len(one) for one in text], int), starts_word)
