"""What training, evaluation and inference use of a data layer, whichever it is."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from open_seq2seq.data.batch import Batch, TextBatch, Unit
from open_seq2seq.data.checks import CheckReport
from open_seq2seq.data.manifest import Utterance
from open_seq2seq.data.text_line import TextLine
from open_seq2seq.errors import Problem
from open_seq2seq.files import JsonObject
from open_seq2seq.vocabulary import SymbolTexts, Vocabulary

if TYPE_CHECKING:
    # With packages that exported models do without.
    from open_seq2seq.data.speech2text.recording_features import Recording, RecordingFeatures
    from open_seq2seq.data.word_vocabulary import TextVocabulary
    from open_seq2seq.features.extractor import FeatureExtractor

# Closing it stops the threads that load ahead.
BatchIterator = Generator[Batch, None, None] | Generator[TextBatch, None, None]


class DataLayer(Protocol):
    """Utterances, or lines of text, as batches that do not depend on how they are loaded."""

    UNIT: Unit
    params: dict[str, Any]

    @property
    def vocabulary(self) -> SymbolTexts:
        """The classes of the network, the blank not included."""

    @property
    def utterances(self) -> Sequence[Utterance | TextLine]:
        """Those in use, or the lines of text. Rows are places in it."""

    @property
    def batches_per_epoch(self) -> int:
        """Batches of this rank in an epoch; in training the same for every rank."""

    @property
    def bucket_lengths(self) -> list[int]:
        """The lengths that batches are padded to, in frames or tokens."""

    def padding_share(self, epoch: int = 0) -> float:
        """The part of an epoch's batches that is padding."""

    def batches(self, epoch: int = 0, start: int = 0) -> BatchIterator:
        """The batches of an epoch from number `start` on."""

    def check(self, output_length: Callable[[np.ndarray], np.ndarray] | None = None) -> CheckReport:
        """What is wrong with the data, and what the user should know of it.

        Args:
          output_length: the model's map from feature frames to logit frames.
        """

    def drop(self, report: CheckReport) -> None:
        """Goes on without the rows that have problems in `report`.

        Raises:
          InputError: when none are left.
        """

    def fingerprint(self) -> JsonObject:
        """What the data must agree on with a model that was trained on it; JSON."""

    def fingerprint_problems(self, stored: JsonObject) -> list[Problem]:
        """What differs from the fingerprint in a checkpoint."""

    def restore_statistics(self, fingerprint: JsonObject) -> None:
        """Takes what features are normalised by from a checkpoint's fingerprint."""


class SpeechRecordings(Protocol):
    """Recordings that are transcribed, as features or as samples: whatever the network takes."""

    @property
    def utterances(self) -> Sequence[Utterance]:
        """Those in use. Rows are places in it."""

    @property
    def seconds(self) -> np.ndarray:
        """The length of each recording; of several voices the longest, NaN if unknown."""

    def durations(self) -> list[float | None]:
        """The length of each recording in seconds, None where it is not known."""

    def utterance_loader(self) -> Callable[[int], np.ndarray]:
        """A function from a row to what the network takes of it, which threads may call."""

    def blocks(self, row: int) -> Iterator[np.ndarray]:
        """The samples of a recording, `[n]` float32 each, with little memory."""


class SpeechDataLayer(DataLayer, Protocol):
    """Recordings: what a recogniser needs of them besides."""

    seed: int

    @property
    def vocabulary(self) -> Vocabulary:
        """Transcripts are written with it."""

    @property
    def utterances(self) -> Sequence[Utterance]:
        """Those in use."""

    @property
    def recordings(self) -> RecordingFeatures:
        """From a recording to its features."""

    @property
    def extractor(self) -> FeatureExtractor:
        """What computes features."""

    @property
    def num_features(self) -> int:
        """Features of a frame."""

    @property
    def seconds(self) -> np.ndarray:
        """The length of each recording; of several voices the longest, NaN if unknown."""

    @property
    def hours(self) -> float:
        """The length of all of them."""

    @property
    def threads(self) -> int:
        """How many recordings are loaded at the same time."""

    @property
    def most_batch_frames(self) -> int | None:
        """Padded frames in a batch, at most; None: no limit."""

    def durations(self) -> list[float | None]:
        """The length of each recording in seconds, None where it is not known."""

    def batches(self, epoch: int = 0, start: int = 0) -> Generator[Batch, None, None]:
        """See `DataLayer`; recordings that cannot be read are in a batch's `left_out`."""

    def utterance_loader(self) -> Callable[[int], np.ndarray]:
        """A function from a row to its features `[time, feature]`, which threads may call."""

    def recording(self, row: int, voice: int = 0) -> Recording:
        """The recording of an utterance; `voice` says which, where there are several."""

    def blocks(self, row: int) -> Iterator[np.ndarray]:
        """The samples of a recording, `[n]` float32 each, with little memory."""


class LinesDataLayer(DataLayer, Protocol):
    """Lines of text: what the evaluation of a language model needs of them."""

    @property
    def vocabulary(self) -> TextVocabulary:
        """Words or pieces."""

    def batches(self, epoch: int = 0, start: int = 0) -> Generator[TextBatch, None, None]:
        """See `DataLayer`."""
