"""Words as cues: the pieces of text that subtitles show one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from open_seq2seq.decode_result import Word

# As broadcasters ask for them (Netflix' Timed Text Style Guide, the BBC's Subtitle Guidelines).
LINE = 42  # characters
LINES = 2
LONGEST = 7.0  # seconds
SHORTEST = 1.0
PAUSE = 0.8  # a longer silence ends a cue
SPEED = 20.0  # characters that are read in a second
GAP = 0.08  # between two cues, where the words leave time: two pictures
_LEAST = 0.001  # the formats' own step


@dataclass(frozen=True)
class Cue:
    """What is shown at a time.

    Args:
      start, end: seconds from the start of the recording; end > start.
      lines: of text, one or two.
    """

    start: float
    end: float
    lines: tuple[str, ...]


def cues_of(words: Sequence[Word]) -> list[Cue]:
    """The cues of a recording: in order, without overlap.

    A cue ends at a pause, before it would have more than two lines of 42 characters, and before
    seven seconds. It is shown for a second at least, and as long as it takes to read, as far as
    the next one leaves time.
    """
    groups = list(word_groups([piece for word in words for piece in _pieces(word)]))
    cues: list[Cue] = []
    for place, group in enumerate(groups):
        start = max(group[0].start, cues[-1].end if cues else 0.0)
        text = " ".join(word.text for word in group)
        wanted = max(group[-1].end, start + max(SHORTEST, len(text) / SPEED))
        wanted = min(wanted, max(start + LONGEST, group[-1].end))
        if place + 1 < len(groups):
            following = groups[place + 1][0].start
            wanted = min(wanted, max(following - GAP, min(group[-1].end, following)))
        cues.append(Cue(start, max(wanted, start + _LEAST), _lines(group)))
    return cues


def _pieces(word: Word) -> Iterator[Word]:
    """A word that is longer than a line (a language without spaces), cut into lines."""
    if len(word.text) <= LINE:
        yield word
        return
    each = (word.end - word.start) / len(word.text)
    for begin in range(0, len(word.text), LINE):
        text = word.text[begin : begin + LINE]
        start = word.start + begin * each
        yield Word(text, start, start + len(text) * each, word.confidence)


def word_groups(words: Sequence[Word]) -> Iterator[list[Word]]:
    """The words of each cue, in order."""
    group: list[Word] = []
    for word in words:
        if group and (
            word.start - group[-1].end > PAUSE
            or word.end - group[0].start > LONGEST
            or len(_filled([*group, word])) > LINES
        ):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _filled(words: Sequence[Word]) -> list[list[str]]:
    """The words in lines that are filled one after the other."""
    lines: list[list[str]] = []
    for word in words:
        if lines and len(" ".join([*lines[-1], word.text])) <= LINE:
            lines[-1].append(word.text)
        else:
            lines.append([word.text])
    return lines


def _lines(words: Sequence[Word]) -> tuple[str, ...]:
    """One line, or two that are as even as can be."""
    texts = [word.text for word in words]
    if len(" ".join(texts)) <= LINE or len(texts) == 1:
        return (" ".join(texts),)
    halves = [(" ".join(texts[:cut]), " ".join(texts[cut:])) for cut in range(1, len(texts))]
    return min(halves, key=lambda two: max(map(len, two)))
