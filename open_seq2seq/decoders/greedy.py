"""Greedy CTC decoding: the best symbol of every frame, runs merged, blanks removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from open_seq2seq.decode_result import DecodeResult, Partial, PartialWord, Word
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.vocabulary import PIECE_SPACE, SymbolTexts

# Frames whose posteriors are computed at once: what stays in the processor's cache.
_BLOCK = 4096


def greedy_decode(
    logits: np.ndarray, lengths: np.ndarray, vocabulary: SymbolTexts, frame_shift: float
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
      frame_shift: seconds from one frame to the next.

    Returns:
      One result per utterance.
    """
    logits = np.asarray(logits)
    native = _native()
    if native is None:
        return greedy_decode_numpy(logits, lengths, vocabulary, frame_shift)
    table = _spelling(tuple(vocabulary.symbols))
    found = native.greedy(
        np.ascontiguousarray(logits, np.float32),
        np.asarray(lengths).tolist(),
        table.text,
        table.starts_word.tolist(),
    )
    return [
        DecodeResult(
            vocabulary.decode(ids),
            score,
            tuple(
                [Word(text, a * frame_shift, b * frame_shift, sure) for text, a, b, sure in words]
            ),
        )
        for ids, score, words in found
    ]


@cache
def _native() -> Any:
    """The native decoder, where it is built: twice as fast as NumPy."""
    from ctc_decoder_with_lm.library import core, why_unavailable

    return core() if why_unavailable() is None else None


def greedy_decode_numpy(
    logits: np.ndarray, lengths: np.ndarray, vocabulary: SymbolTexts, frame_shift: float
) -> list[DecodeResult]:
    """`greedy_decode` without the native decoder."""
    blank = logits.shape[2] - 1
    counts = np.arange(logits.shape[1]) < np.asarray(lengths)[:, None]  # [batch, time]
    best = np.full(counts.shape, blank)
    log_probs = np.zeros(counts.shape)
    best[counts], log_probs[counts] = _best_classes(logits, counts)
    return _collapsed(best, log_probs, blank, vocabulary, frame_shift)


def _collapsed(
    best: np.ndarray,
    log_probs: np.ndarray,
    blank: int,
    vocabulary: SymbolTexts,
    frame_shift: float,
) -> list[DecodeResult]:
    """The results of frame-by-frame paths.

    Args:
      best: [batch, time], the class of each frame, the blank past each length.
      log_probs: [batch, time], its log posterior, 0 past each length.
    """
    scores = log_probs.sum(axis=1)
    starts_run = np.ones(best.shape, bool)
    starts_run[:, 1:] = best[:, 1:] != best[:, :-1]
    run_rows, run_frames = np.nonzero(starts_run)
    flat_starts = run_rows * best.shape[1] + run_frames
    # Each run reaches up to the next one, and each row starts one.
    certainty = (
        np.maximum.reduceat(log_probs.ravel(), flat_starts) if flat_starts.size else np.zeros(0)
    )
    symbols = best.ravel()[flat_starts]
    emitted = symbols != blank
    rows, frames = run_rows[emitted], run_frames[emitted]
    symbols, certainty = symbols[emitted], certainty[emitted]

    words = _words(symbols, rows, frames * frame_shift, certainty, tuple(vocabulary.symbols))
    ids = symbols.tolist()
    batch = np.arange(len(best) + 1)
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


def _best_classes(logits: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best class of each frame that counts, and its log posterior: [frame] each."""
    frames = logits.reshape(-1, logits.shape[2])
    places = np.flatnonzero(counts)
    classes = np.empty(len(places), np.intp)
    log_probs = np.empty(len(places))
    for start in range(0, len(places), _BLOCK):
        block = slice(start, start + _BLOCK)
        used = frames.take(places[block], axis=0).astype(np.float32, copy=False)
        classes[block] = used.argmax(axis=1)
        log_probs[block] = _log_probs(used, classes[block])
    return classes, log_probs


def _log_probs(frames: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The log posterior of each frame's best class: [frame]. Overwrites `frames`."""
    top = frames.ravel().take(np.arange(0, frames.size, frames.shape[1]) + classes)
    # Nothing is subtracted where no power can overflow or vanish: that takes half the time.
    direct = bool(top.min() > -60 and top.max() < 60)
    if not direct:
        frames -= top[:, None]
    # A product with ones sums short rows many times faster than `sum`. The library that computes it
    # may raise the flag of an invalid value for what lies behind a row's end.
    with np.errstate(invalid="ignore"):
        powers = np.exp(frames, out=frames) @ np.ones(frames.shape[1], np.float32)
    total = np.log(powers)
    log_probs: np.ndarray = np.minimum(top - total if direct else -total, 0)
    return log_probs


class GreedyDecoder:
    """A `Decoder` that takes the best symbol of every frame; it needs nothing but the symbols.

    Args:
      vocabulary: the network's symbols, the blank not included.
      frame_shift: seconds from one frame to the next.
    """

    note: str | None = None
    pronounced = False

    def __init__(self, vocabulary: SymbolTexts, frame_shift: float):
        self.vocabulary, self.frame_shift = vocabulary, frame_shift

    def decode(self, logits: np.ndarray, lengths: np.ndarray) -> list[DecodeResult]:
        """See `Decoder`."""
        return greedy_decode(logits, lengths, self.vocabulary, self.frame_shift)

    def stream(self) -> GreedyStream:
        """See `Decoder`."""
        return GreedyStream(self.vocabulary, self.frame_shift)


class GreedyStream:
    """A `DecodingStream`; what it keeps of a frame is whether a symbol begins there.

    A word is finished when the next one begins, so what `partial` costs does not grow.
    """

    def __init__(self, vocabulary: SymbolTexts, frame_shift: float):
        self._vocabulary, self._frame_shift = vocabulary, frame_shift
        self._symbols = tuple(vocabulary.symbols)
        self._starts_word = _spelling(self._symbols).starts_word
        # The symbols so far, their first frames, and the log posteriors of their surest ones.
        self._ids: list[int] = []
        self._frames: list[int] = []
        self._certainty: list[float] = []
        # The class of the last frame, how many frames there were, and the score.
        self._last, self._count, self._score = len(self._symbols), 0, 0.0
        # Symbols of finished words, their text, where the last of them begins, and the words.
        self._done, self._text, self._anchor = 0, "", 0
        self._words: list[PartialWord] = []

    def accept(self, logits: np.ndarray) -> None:
        """See `DecodingStream`."""
        logits = np.asarray(logits)
        blank = len(self._symbols)
        if logits.ndim != 2 or logits.shape[1] != blank + 1:
            found, expected = f"shape {list(logits.shape)}", f"[time, {blank + 1}], blank last"
            raise InputError("The decoder cannot use:", [Problem("logits", found, expected)])
        if not len(logits):
            return
        best, log_probs = _best_classes(logits[None], np.ones((1, len(logits)), bool))
        self._score += float(log_probs.sum())
        firsts = np.flatnonzero(np.diff(best, prepend=self._last))
        if firsts[:1].tolist() != [0]:  # the run before goes on
            end = int(firsts[0]) if len(firsts) else len(best)
            if self._last != blank:
                self._certainty[-1] = max(self._certainty[-1], float(log_probs[:end].max()))
        if len(firsts):
            emitted = best[firsts] != blank
            certainty = np.maximum.reduceat(log_probs, firsts)[emitted]
            self._ids += best[firsts][emitted].tolist()
            self._frames += (firsts[emitted] + self._count).tolist()
            self._certainty += certainty.tolist()
        self._last = int(best[-1])
        self._count += len(best)

    def partial(self) -> Partial:
        """See `DecodingStream`; later frames can only lengthen it."""
        opening = np.flatnonzero(self._starts_word[self._ids[self._done :]])
        if len(opening) and opening[-1]:
            end = self._done + int(opening[-1])
            words = self._timed(self._done, end)
            self._text = self._text_to(end)
            self._words += _without_confidence(words)
            if words:
                self._anchor = self._done
            self._done = end
        text = self._text_to(len(self._ids))
        words = self._timed(self._done, len(self._ids))
        return Partial(text, text, (*self._words, *_without_confidence(words)))

    def _text_to(self, end: int) -> str:
        """The text of the first symbols, by that of those that are finished.

        What pieces give depends on those before (spaces are left out at the start), so it is what
        they add to a finished word.
        """
        known = self._vocabulary.decode(self._ids[self._anchor : self._done])
        more = self._vocabulary.decode(self._ids[self._anchor : end])
        return self._text + more[len(known) :]

    def _timed(self, first: int, end: int) -> tuple[Word, ...]:
        part = slice(first, end)
        symbols = np.array(self._ids[part], np.intp)
        times = np.array(self._frames[part], np.intp) * self._frame_shift
        certainty = np.array(self._certainty[part], np.float64)
        return _words(symbols, np.zeros(len(symbols), int), times, certainty, self._symbols).words

    def end_cost(self) -> float:
        """See `DecodingStream`: 0, as every text may end."""
        return 0.0

    def finish(self) -> DecodeResult:
        """See `DecodingStream`."""
        words = self._timed(0, len(self._ids))
        return DecodeResult(self._vocabulary.decode(self._ids), self._score, words)

    def reset(self) -> None:
        """See `DecodingStream`."""
        self._ids, self._frames, self._certainty, self._words = [], [], [], []
        self._last, self._count, self._score = len(self._symbols), 0, 0.0
        self._done, self._text, self._anchor = 0, "", 0


def _without_confidence(words: Sequence[Word]) -> list[PartialWord]:
    """It may still change."""
    return [PartialWord(word.text, word.start, word.end) for word in words]


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
    pieces = [piece.replace(PIECE_SPACE, " ") for piece in vocabulary]
    text = [piece.strip() for piece in pieces]
    starts_word = np.array([piece.startswith(" ") for piece in pieces], bool)
    return _Spelling(text, np.array([len(one) for one in text], int), starts_word)
