"""What is there more than once: within a split, and in training and held-out data."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from open_seq2seq.corpora.doctor.audio_findings import is_silent
from open_seq2seq.corpora.doctor.findings import Finding, Row, counted, recordings, shorten
from open_seq2seq.corpora.doctor.measure import ENVELOPE_POINTS, Measurement
from open_seq2seq.corpora.doctor.split import Recording, Split
from open_seq2seq.corpora.doctor.thresholds import Thresholds

# Recordings of one text are compared with so many that are next to them in length.
_NEIGHBOURS = 200


class _Heard(NamedTuple):
    split: Split
    recording: Recording
    measured: Measurement

    @property
    def text(self) -> str:
        return plain_text(self.split.texts[self.recording.row])

    @property
    def place(self) -> str:
        return self.split.utterances[self.recording.row].source


def plain_text(text: str) -> str:
    """The words of a text: case, marks and spaces make no other text."""
    kept = (c if c.isalnum() or c in "'’" or c.isspace() else " " for c in text.casefold())
    return " ".join("".join(kept).split())


def duplicate_findings(splits: Sequence[Split], limits: Thresholds) -> Iterator[Finding]:
    """The same sound twice, the same text many times, segments that overlap."""
    heard = [
        _Heard(split, recording, measured)
        for split in splits
        for recording, measured in split.sound()
        if not is_silent(measured, limits)
    ]
    groups = _same_samples(heard)
    # Of exact copies one is enough to be compared with the others.
    copies = {id(one.recording) for group in groups for one in group[1:]}
    groups += _same_outline([one for one in heard if id(one.recording) not in copies], limits)
    yield from _audio_findings(groups)
    for split in splits:
        yield from _overlaps(split, limits)
        yield from _repeated_texts(split, limits)


def leak_findings(
    trained: Sequence[Split], held_out: Sequence[Split], limits: Thresholds
) -> Iterator[Finding]:
    """Texts and speakers of held-out data that training data has too."""
    texts: dict[str, str] = {}
    speakers: dict[str, str] = {}
    for split in trained:
        for utterance, speaker in zip(split.utterances, split.speakers):
            texts.setdefault(plain_text(utterance.transcript or ""), utterance.source)
            if speaker is not None:
                speakers.setdefault(speaker, utterance.source)
    texts.pop("", None)
    for split in held_out:
        yield from _text_leaks(split, texts, limits)
        yield from _speaker_leaks(split, speakers)


def _same_samples(heard: Sequence[_Heard]) -> list[list[_Heard]]:
    by_digest: dict[bytes, list[_Heard]] = defaultdict(list)
    for one in heard:
        by_digest[one.measured.digest].append(one)
    return [group for group in by_digest.values() if len(group) > 1]


def _same_outline(heard: Sequence[_Heard], limits: Thresholds) -> list[list[_Heard]]:
    """Recordings of one text, alike in length and in their level over time.

    Short texts are left out: two recordings of a word may have one outline by chance.
    """
    by_text: dict[str, list[_Heard]] = defaultdict(list)
    for one in heard:
        text = one.text
        if text.count(" ") + 1 >= limits.leaked_words:
            by_text[text].append(one)
    groups = []
    for same in by_text.values():
        if len(same) > 1:
            same.sort(key=lambda one: one.measured.duration)
            groups += _joined(same, _alike(same, limits))
    return groups


def _alike(same: Sequence[_Heard], limits: Thresholds) -> Iterator[tuple[int, int]]:
    """Pairs of recordings, sorted by length, that have one outline."""
    outlines = np.array([one.measured.envelope for one in same], np.float32)
    seconds = np.array([one.measured.duration for one in same])
    ends = np.searchsorted(seconds, seconds + limits.same_length, side="right")
    for first, end in enumerate(np.minimum(ends, np.arange(len(same)) + 1 + _NEIGHBOURS)):
        likeness = outlines[first + 1 : end] @ outlines[first] / ENVELOPE_POINTS
        for other in np.flatnonzero(likeness >= limits.same_envelope):
            yield first, first + 1 + int(other)


def _joined(same: Sequence[_Heard], pairs: Iterable[tuple[int, int]]) -> list[list[_Heard]]:
    """Groups of what pairs connect, in the order of `same`."""
    leader = list(range(len(same)))

    def leader_of(place: int) -> int:
        while leader[place] != place:
            place = leader[place]
        return place

    for pair in pairs:
        first, other = sorted(map(leader_of, pair))
        leader[other] = first
    groups: dict[int, list[_Heard]] = defaultdict(list)
    for place, one in enumerate(same):
        groups[leader_of(place)].append(one)
    return [group for group in groups.values() if len(group) > 1]


def _audio_findings(groups: Sequence[Sequence[_Heard]]) -> Iterator[Finding]:
    """Duplicates of held-out recordings in training, then those within a split."""
    leaks: dict[str, list[Row]] = defaultdict(list)
    several: dict[tuple[str, bool], list[Row]] = defaultdict(list)
    for group in groups:
        firsts: dict[str, _Heard] = {}
        for one in group:
            first = firsts.setdefault(one.split.name, one)
            if first is one:
                continue
            same_text = one.text == first.text
            found = f"as {first.place} ({first.recording.name})"
            if not same_text:
                found += f", with the text {shorten(first.split.texts[first.recording.row], 60)!r}"
            several[one.split.name, same_text].append(
                one.split.row_of(one.recording, found, text=True)
            )
        trained = next((one for one in group if not one.split.held_out), None)
        for one in group:
            if trained is not None and one.split.held_out:
                found = f"as {trained.place} ({trained.recording.name})"
                leaks[one.split.name].append(one.split.row_of(one.recording, found, text=True))
    for name, rows in leaks.items():
        title = recordings(len(rows), "is in the training data too", "are in the training data too")
        remedy = "Remove them from one of both: error rates on them say nothing."
        yield Finding("warning", "leaked audio", name, title, remedy, rows)
    for (name, same_text), rows in several.items():
        ending = "" if same_text else ", with another text"
        title = recordings(len(rows), f"repeats another one{ending}", f"repeat another one{ending}")
        remedy = "Remove the copies." if same_text else "One of the texts is wrong: listen."
        check = "duplicate audio" if same_text else "contradicting texts"
        yield Finding("warning", check, name, title, remedy, rows)


def _overlaps(split: Split, limits: Thresholds) -> Iterator[Finding]:
    """Segments that share much of a file. Equal ones are duplicates already."""
    by_path: dict[str, list[tuple[float, float, Recording]]] = defaultdict(list)
    for recording in split.recordings:
        if recording.start is not None:
            end = recording.start + (recording.duration or 0.0)
            by_path[recording.path].append((recording.start, end, recording))
    rows = []
    for segments in by_path.values():
        segments.sort(key=lambda segment: segment[:2])
        furthest = segments[0]
        for segment in segments[1:]:
            start, end, recording = segment
            shared = min(end, furthest[1]) - start
            shorter = min(end - start, furthest[1] - furthest[0])
            if shared > limits.overlap_share * shorter and segment[:2] != furthest[:2]:
                source = split.utterances[furthest[2].row].source
                rows.append(split.row_of(recording, f"{shared:.2f} s shared with {source}"))
            furthest = max(furthest, segment, key=lambda one: one[1])
    if rows:
        title = counted(len(rows), "segment overlaps", "segments overlap")
        remedy = "Two texts for one sound, unless the channels hold different speakers."
        yield Finding("warning", "overlap", split.name, f"{title} another one", remedy, rows)


def _repeated_texts(split: Split, limits: Thresholds) -> Iterator[Finding]:
    counts = Counter(text for text in map(plain_text, split.texts) if text)
    repeated = [(text, n) for text, n in counts.most_common() if n >= limits.repeated_text]
    extra = sum(counts.values()) - len(counts)
    if not extra:
        return
    title = counted(extra, "transcript repeats an earlier one", "transcripts repeat earlier ones")
    title += f" ({len(counts)} different of {sum(counts.values())})"
    remedy = "Commands and digits do; in read speech, look at the first ones." if repeated else ""
    rows = [Row("", "", f"{n} times", shorten(text)) for text, n in repeated]
    yield Finding("note", "repeated text", split.name, title, remedy, rows)


def _text_leaks(split: Split, texts: dict[str, str], limits: Thresholds) -> Iterator[Finding]:
    long, short = [], 0
    for row, text in enumerate(map(plain_text, split.texts)):
        if text not in texts:
            continue
        if text.count(" ") + 1 >= limits.leaked_words:
            long.append(split.row(row, f"as {texts[text]}", text=True))
        else:
            short += 1
    if long:
        title = counted(
            len(long), "transcript is in the training data too",
            "transcripts are in the training data too",
        )  # fmt: skip
        remedy = "A model knows these texts, and so does an LM of them: keep them apart."
        yield Finding("warning", "leaked text", split.name, title, remedy, long)
    if short:
        words = f"of less than {limits.leaked_words} words"
        title = counted(
            short, f"transcript {words} is in the training data too",
            f"transcripts {words} are in the training data too",
        )  # fmt: skip
        remedy = "As it should be for commands and digits."
        yield Finding("note", "shared short text", split.name, title, remedy)


def _speaker_leaks(split: Split, speakers: dict[str, str]) -> Iterator[Finding]:
    counts = Counter(speaker for speaker in split.speakers if speaker in speakers)
    if not counts:
        return
    all_speakers = len({speaker for speaker in split.speakers if speaker is not None})
    title = f"{len(counts)} of {counted(all_speakers, 'speaker', 'speakers')}"
    title += f" {'is' if len(counts) == 1 else 'are'} in the training data too"
    rows = [
        Row(speakers[speaker or ""], "", recordings(n, "", "").strip(), str(speaker))
        for speaker, n in counts.most_common()
    ]
    remedy = "Error rates are not those of new speakers. Split the corpus by speaker."
    yield Finding("warning", "leaked speaker", split.name, title, remedy, rows)
