"""A split of a corpus (training or held-out data) as the doctor sees it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from open_seq2seq.corpora.doctor.findings import Row, shorten
from open_seq2seq.corpora.doctor.measure import Measurement
from open_seq2seq.data.checks import CheckReport, check_files
from open_seq2seq.data.manifest import Utterance
from open_seq2seq.data.manifest_table import Manifest
from open_seq2seq.data.speakers import speaker_of
from open_seq2seq.data.speech2text.corpus import Corpus
from open_seq2seq.data.transcripts import check_transcripts
from open_seq2seq.errors import Problem
from open_seq2seq.vocabulary import Vocabulary


@dataclass(frozen=True)
class Recording:
    """A file, or a segment of one, that stands for an utterance.

    Args:
      row: the utterance's place in its split.
      path: the file.
      name: as the manifest writes it.
      start, duration: of a segment, in seconds; None: it is the whole file.
    """

    row: int
    path: str
    name: str
    start: float | None = None
    duration: float | None = None


@dataclass
class Split:
    """Data for one purpose, with what training's start says of it.

    Args:
      name: `train`, `dev`: how findings call it.
      files: the manifests.
      utterances: their rows, as far as they are used.
      report: of training's start on these rows.
      sample_freq: the features' sample rate, in Hz.
      vocabulary: None where it is not known.
      subdirs: synthetic voices; a `{}` in a path stands for any of them.
      held_out: it is for evaluation only.
      measured: of each of `recordings`, once they are read: the numbers, or what is wrong.
    """

    name: str
    files: Sequence[str]
    utterances: Sequence[Utterance]
    report: CheckReport
    sample_freq: int
    vocabulary: Vocabulary | None = None
    subdirs: Sequence[str] = ()
    held_out: bool = False
    measured: list[Measurement | Problem] = field(default_factory=list)

    @cached_property
    def recordings(self) -> list[Recording]:
        """Every recording: one of an utterance, unless there is a choice of voices."""
        found = []
        for row, utterance in enumerate(self.utterances):
            start = utterance.offset
            duration = None if start is None else utterance.duration
            voices = self.subdirs if "{}" in utterance.path else [""]
            for voice in voices or [""]:
                path, name = (
                    text.replace("{}", voice) if voice else text
                    for text in (utterance.path, utterance.name)
                )
                found.append(Recording(row, path, name, start, duration))
        return found

    @cached_property
    def texts(self) -> list[str]:
        """The transcripts, "" where there is none."""
        return [utterance.transcript or "" for utterance in self.utterances]

    @cached_property
    def speakers(self) -> list[str | None]:
        """Who speaks: as the manifest says, or as file names in LibriSpeech's layout do."""
        return [speaker_of(utterance) for utterance in self.utterances]

    def sound(self) -> Iterator[tuple[Recording, Measurement]]:
        """The recordings that could be read."""
        for recording, measurement in zip(self.recordings, self.measured):
            if isinstance(measurement, Measurement):
                yield recording, measurement

    @cached_property
    def seconds(self) -> np.ndarray:
        """[utterance] durations (the mean of several voices); NaN where unreadable.

        Measured ones; where nothing was measured those of the manifests and headers.
        """
        if not self.measured:
            corpus = Corpus(Manifest.of(self.utterances), self.subdirs, self.sample_freq)
            return corpus.seconds().mean(axis=1)
        total, count = np.zeros(len(self.utterances)), np.zeros(len(self.utterances))
        for recording, measurement in self.sound():
            total[recording.row] += measurement.duration
            count[recording.row] += 1
        return np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)

    def row(self, row: int, value: str, text: bool = False) -> Row:
        """What a finding says of an utterance."""
        utterance = self.utterances[row]
        shown = shorten(utterance.transcript or "") if text else ""
        return Row(utterance.source, utterance.name, value, shown)

    def row_of(self, recording: Recording, value: str, text: bool = False) -> Row:
        """What a finding says of a recording."""
        utterance = self.utterances[recording.row]
        shown = shorten(utterance.transcript or "") if text else ""
        return Row(utterance.source, recording.name, value, shown)


def split_of(
    name: str,
    files: Sequence[str],
    utterances: Sequence[Utterance],
    sample_freq: int,
    vocabulary: Vocabulary | None = None,
    need_transcript: bool = True,
    held_out: bool = False,
    normalization: str | None = None,
) -> Split:
    """A split of which no config is known, with those checks of training's start that need none.

    These are all but the one whether recordings are long enough for their texts, and the texts'
    characters are only compared with a vocabulary that is given.

    Args:
      need_transcript: texts are checked.
      normalization: the `text_normalization` that they get before.
    """
    utterances = Manifest.of(utterances).normalized(normalization)
    corpus = Corpus(utterances, [], sample_freq)
    report = CheckReport()
    check_files(report, utterances, corpus.headers(), sample_freq)
    if need_transcript:
        check_transcripts(report, utterances, vocabulary, normalization, may_be_empty=held_out)
    return Split(name, files, utterances, report, sample_freq, vocabulary, (), held_out)
