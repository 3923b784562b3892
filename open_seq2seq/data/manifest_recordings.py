"""The recordings of manifests as samples, for a network that has its front-end inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from open_seq2seq.data.audio import mono_blocks, read_audio
from open_seq2seq.data.checks import CheckReport, check_files
from open_seq2seq.data.damaged_recording import DamagedRecording
from open_seq2seq.data.manifest import Utterance
from open_seq2seq.data.manifest_table import Manifest
from open_seq2seq.data.speech2text.corpus import Corpus
from open_seq2seq.data.transcripts import check_transcripts
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.vocabulary import Vocabulary


class ManifestRecordings:
    """`SpeechRecordings` of samples: what an exported model is evaluated on.

    Args:
      utterances: rows of manifests.
      sample_freq: the rate that recordings are converted to, in Hz.
      text_normalization: of the transcripts; None: as they are.
      min_duration, max_duration: what is shorter or longer is left out, in seconds; None: nothing.

    Raises:
      InputError: there is no normalisation of this name.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        sample_freq: int,
        text_normalization: str | None = None,
        min_duration: float | None = None,
        max_duration: float | None = None,
    ):
        self.sample_freq, self._normalization = sample_freq, text_normalization
        manifest = Manifest.of(utterances).normalized(text_normalization)
        self._corpus = Corpus(manifest, [], sample_freq, lenient=True)
        self._corpus.keep_durations(min_duration or -1.0, max_duration or -1.0)

    @property
    def utterances(self) -> Manifest:
        """See `SpeechRecordings`."""
        return self._corpus.utterances

    @property
    def seconds(self) -> np.ndarray:
        """See `SpeechRecordings`."""
        return self._corpus.seconds()[:, 0]

    def durations(self) -> list[float | None]:
        """See `SpeechRecordings`."""
        return [None if np.isnan(one) else one for one in self.seconds.tolist()]

    def utterance_loader(self) -> Callable[[int], np.ndarray]:
        """From a row to its samples `[n]` float32; raises `DamagedRecording`."""
        return self._samples

    def blocks(self, row: int) -> Iterator[np.ndarray]:
        """See `SpeechRecordings`; raises `DamagedRecording`."""
        utterance = self.utterances[row]
        try:
            yield from mono_blocks(utterance.path, self.sample_freq, *_segment(utterance))
        except InputError as error:
            raise DamagedRecording(utterance, utterance.path, error) from error

    def check(self, with_transcripts: bool, vocabulary: Vocabulary | None = None) -> CheckReport:
        """Checks every file, by its header, and transcript.

        Args:
          with_transcripts: whether these are used.
          vocabulary: what they have to be written with; None: this is not checked.
        """
        report = CheckReport(filtered=self._corpus.filtered)
        check_files(report, self.utterances, self._corpus.headers(), self.sample_freq)
        if with_transcripts:
            check_transcripts(
                report, self.utterances, vocabulary, self._normalization, may_be_empty=True
            )
        return report

    def drop(self, report: CheckReport) -> None:
        """Goes on without the rows that have problems in `report`.

        Raises:
          InputError: when none are left.
        """
        self._corpus.drop(report.bad_rows)
        if not self.utterances:
            problem = Problem("the manifests", "no usable recordings", "at least one")
            raise InputError("Nothing is left of the data:", [problem])

    def _samples(self, row: int) -> np.ndarray:
        utterance = self.utterances[row]
        try:
            samples = read_audio(utterance.path, self.sample_freq, *_segment(utterance))
        except InputError as error:
            raise DamagedRecording(utterance, utterance.path, error) from error
        return samples


def _segment(utterance: Utterance) -> tuple[float | None, float | None]:
    """Where in its file an utterance is: start and duration in seconds, None of a whole file."""
    return utterance.offset, None if utterance.offset is None else utterance.duration
