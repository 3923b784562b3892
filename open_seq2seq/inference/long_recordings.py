"""Long recordings: cut into pieces, recognised in batches, put together, with little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from open_seq2seq.config.schema import Params
from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.errors import InputError
from open_seq2seq.inference.pieces import Piece, Rules, cut
from open_seq2seq.inference.stitching import WordMarks, blank_rows, join
from open_seq2seq.inference.transcriber import Transcriber, Transcription

# A recording of training may become a little longer by resampling and rounding.
_SLACK = 1.05
_SLACK_SECONDS = 0.1


@dataclass
class LongRecordings:
    """Transcribes what is longer than anything in training.

    Args:
      transcriber: what computes logits in batches, and decodes.
      front_end: samples `[n]` -> what the network takes: each piece is normalised by itself, as
        the recordings of training were.
      symbols: the vocabulary, without the blank.
      step: samples from one frame of logits to the next.
      frame_shift: the same in seconds.
      params: those of `segmentation`, filled.
      trained: "longest" and "mean" of training's recordings, in seconds; None: unknown.
    """

    transcriber: Transcriber
    front_end: Callable[[np.ndarray], np.ndarray]
    symbols: Sequence[str]
    step: int
    frame_shift: float
    params: Params
    trained: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        self.rules = Rules.of(self.params, self.trained, self.frame_shift)
        self._marks = WordMarks.of(self.symbols)

    @property
    def longest(self) -> float:
        """Up to so many seconds a recording is taken whole."""
        return self.rules.longest * self.frame_shift * _SLACK + _SLACK_SECONDS

    def is_long(self, seconds: float) -> bool:
        """Whether a recording of this length is cut."""
        return bool(self.params["enabled"]) and seconds > self.longest

    def note(self, seconds: Sequence[float] | np.ndarray) -> str | None:
        """What the user should know of recordings of these lengths; None: nothing."""
        count = sum(one > self.longest for one in seconds)
        if not count:
            return None
        what = "1 recording is" if count == 1 else f"{count} recordings are"
        longest = self.rules.longest * self.frame_shift
        known = "the longest that the model was trained on"
        if self.trained is None or self.params["max_duration"]:
            known = "the longest piece (segmentation/max_duration)"
        what += f" longer than {longest:.1f} s, {known}, up to {max(seconds):.0f} s: "
        if self.params["enabled"]:
            return what + "cut into pieces, at pauses where there are any."
        return (
            what + "taken whole (segmentation/enabled is False), which costs accuracy and memory."
        )

    def among(
        self,
        indices: Sequence[int],
        seconds: Sequence[float] | np.ndarray,
        load: Callable[[int], np.ndarray],
        blocks: Callable[[int], Iterable[np.ndarray]],
        keep_logits: bool = False,
        decodes: bool = True,
    ) -> Iterator[Transcription]:
        """What comes of recordings of any length, in the order of `indices`.

        Args:
          indices, load, keep_logits, decodes: as for `Transcriber.transcribe`, which takes those
            that are not long.
          seconds: the length of each, by index.
          blocks: index -> its samples; see `transcribe`.
        """
        short = self.transcriber.transcribe(
            load, [one for one in indices if not self.is_long(seconds[one])], keep_logits, decodes
        )
        try:
            for index in indices:
                if self.is_long(seconds[index]):
                    yield self.transcribe(index, blocks(index), keep_logits, decodes)
                else:
                    yield next(short)
        finally:
            short.close()

    def transcribe(
        self,
        index: int,
        blocks: Iterable[np.ndarray],
        keep_logits: bool = False,
        decodes: bool = True,
    ) -> Transcription:
        """What comes of one recording.

        Args:
          index: its number.
          blocks: its samples, `[n]` float32 each; an `InputError` that they raise is its error.
          keep_logits: whether to return the logits of the whole recording; where nothing is heard
            they are those of the blank.
          decodes: whether to decode.
        """
        whole = _Whole(self._separator(), self.frame_shift)
        kept: list[np.ndarray] = []
        try:
            for group in self._parts(blocks):
                sounds = [(part.first, part.logits) for part in group if part.logits is not None]
                if decodes and sounds:
                    results = self.transcriber.decoded([logits for _, logits in sounds])
                    for (first, _), result in zip(sounds, results):
                        whole.add(first, result)
                if keep_logits:
                    kept += [self._rows(part) for part in group]
        except InputError as error:
            return Transcription(index, error=error)
        logits = np.concatenate(kept) if keep_logits else None
        return Transcription(index, whole.result() if decodes else None, logits)

    def _parts(self, blocks: Iterable[np.ndarray]) -> Iterator[list[_Part]]:
        """The parts of a recording in groups, with logits that share no frames any more."""
        open_part: _Part | None = None
        for group in self._groups(cut(blocks, self.step, self.rules)):
            sounds = [piece for piece in group if piece.span.sound]
            inputs = [self.front_end(one.samples) for one in sounds]
            logits = iter(self.transcriber.logits(inputs))
            ready = []
            for piece in group:
                span = piece.span
                own = next(logits) if span.sound else None
                part = _Part(span.first, span.last - span.first, own)
                if own is not None:
                    part.logits = _of_length(own, part.frames)
                if span.shared and open_part is not None:
                    self._join(open_part, part, span.shared)
                if open_part is not None:
                    ready.append(open_part)
                open_part = part
            yield ready
        if open_part is not None:
            yield [open_part]

    def _groups(self, pieces: Iterator[Piece]) -> Iterator[list[Piece]]:
        """Pieces that make a batch."""
        group: list[Piece] = []
        sounds = 0
        for piece in pieces:
            group.append(piece)
            sounds += piece.span.sound
            if sounds == self.transcriber.batch_size:
                yield group
                group, sounds = [], 0
        if group:
            yield group

    def _join(self, left: _Part, right: _Part, shared: int) -> None:
        """Leaves each frame that both have to one of them."""
        assert left.logits is not None and right.logits is not None
        kept = join(left.logits[-shared:], right.logits[:shared], self._marks)
        left.frames -= shared - kept
        left.logits = left.logits[: left.frames]
        right.first += kept
        right.frames -= kept
        right.logits = right.logits[kept:]

    def _rows(self, part: _Part) -> np.ndarray:
        if part.logits is not None:
            return part.logits
        return blank_rows(part.frames, len(self.symbols) + 1)

    def _separator(self) -> str:
        return " " if self._marks.has_words else ""


@dataclass
class _Part:
    """A piece's logits `[frames, class]`, None where there is nothing to hear, from `first` on."""

    first: int
    frames: int
    logits: np.ndarray | None


def _of_length(logits: np.ndarray, frames: int) -> np.ndarray:
    """A centred window gives a frame more, and striding may give one less."""
    if len(logits) >= frames:
        return logits[:frames]
    return np.concatenate([logits, blank_rows(frames - len(logits), logits.shape[1])])


class _Whole:
    """The results of a recording's parts as one."""

    def __init__(self, separator: str, frame_shift: float):
        self._separator, self._frame_shift = separator, frame_shift
        self._results: list[DecodeResult] = []

    def add(self, first: int, result: DecodeResult) -> None:
        """A part's result, which begins at this frame."""
        self._results.append(replace(result, nbest=()).shifted(first * self._frame_shift))

    def result(self) -> DecodeResult:
        """Texts, words and tokens in order, and the sums of the scores."""
        parts = self._results
        acoustic = [part.acoustic_score for part in parts]
        return DecodeResult(
            self._separator.join(text for part in parts if (text := part.text.strip())),
            sum(part.score for part in parts),
            tuple(word for part in parts for word in part.words),
            (),
            None if None in acoustic or not parts else sum(one for one in acoustic if one),
            sum(part.lm_score for part in parts),
            tuple(token for part in parts for token in part.tokens),
            tuple(map(sum, zip(*(part.ngram_scores for part in parts)))),
            sum(part.bonus_count for part in parts),
            sum(part.boost for part in parts),
        )
