"""The speech data layer: manifests in, batches of features and labels out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import cached_property
from typing import TypeVar

import numpy as np

from open_seq2seq.config.schema import Params
from open_seq2seq.data.audio import AudioInfo, mono_blocks
from open_seq2seq.data.batch import Batch, LeftOut, Unit
from open_seq2seq.data.batching import BatchPlanner
from open_seq2seq.data.checked_rows import checked_rows
from open_seq2seq.data.checks import CheckReport, check_feasible, check_files
from open_seq2seq.data.damaged_recording import DamagedRecording
from open_seq2seq.data.draws import Stream, generator
from open_seq2seq.data.epoch_plan import EpochPlan, PlannedBatch
from open_seq2seq.data.loader import Stopped, load_in_order
from open_seq2seq.data.manifest import Utterance, read_manifests
from open_seq2seq.data.manifest_table import Manifest
from open_seq2seq.data.speech2text.augmentation import Augmenter
from open_seq2seq.data.speech2text.batch_inputs import (
    BatchInputs,
    FeatureInputs,
    WaveformInputs,
)
from open_seq2seq.data.speech2text.corpus import Corpus
from open_seq2seq.data.speech2text.feature_cache import WHOLE
from open_seq2seq.data.speech2text.params import SPEECH2TEXT_DATA
from open_seq2seq.data.speech2text.recording_features import (
    Drawn,
    Recording,
    RecordingFeatures,
)
from open_seq2seq.data.stored_features import features_info, read_stored_utterances
from open_seq2seq.data.text import load_vocabulary
from open_seq2seq.data.transcripts import check_transcripts
from open_seq2seq.data.unknown_characters import unknown_problems
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem, RunError
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.features.fingerprint import check_fingerprint
from open_seq2seq.features.problems import parse_options
from open_seq2seq.files import JsonObject
from open_seq2seq.native_build.cpu import available_cores

MODES = ("train", "eval", "infer")
_MOST_WORKERS = 8
# What is loaded of a recording.
_Loaded = TypeVar("_Loaded")


class Speech2TextDataLayer:
    """Recordings and transcripts as batches.

    Everything random (order, speed, noise, masks, dither, synthetic voices) comes from
    (seed, epoch, row): neither the number of loader threads nor where an epoch is entered
    changes a batch. With several workers all have the same seed. In training each of their
    steps takes a part of the batch that one worker of as many times the batch size would take;
    in evaluation and inference they take that worker's batches in turn (`batching`).

    Args:
      params: the parameters of `PARAMS`.
      mode: "train", "eval" or "infer". Only inference works without transcripts.
      batch_size: utterances in a batch, for each device.
      seed: source of everything random.
      rank, world_size: this worker's number, from 0, and how many share the data.
      devices: this worker's, which divide its training batches among them; evaluation and
        inference are batched for one.
      utterances: what to use instead of reading `dataset_files`.

    Raises:
      InputError: parameters, vocabulary or manifests are not valid.
    """

    PARAMS = SPEECH2TEXT_DATA
    UNIT: Unit = Batch.UNIT

    def __init__(
        self,
        params: Params,
        *,
        mode: str,
        batch_size: int,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        devices: int = 1,
        utterances: Sequence[Utterance] | None = None,
    ):
        self.params = self.PARAMS.parse(params)
        if mode not in MODES:
            raise ValueError(f"mode is one of {', '.join(MODES)}. Received: mode={mode!r}")
        if batch_size < 1:
            problem = Problem("batch_size", f"{batch_size}", "at least 1")
            raise InputError("The data cannot be batched:", [problem])
        if self.params["shuffle"] and mode != "train":
            problem = Problem("shuffle", f"True in {mode}", "False", "Put it into train_params.")
            raise InputError("Only training data can be shuffled:", [problem])
        self.mode = mode
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.devices = devices
        options = parse_options(self.params)
        # That of stored features follows from their number.
        self.params["sample_freq"] = options.sample_freq
        info: Callable[[str], AudioInfo | Problem] | None = None
        if options.is_stored:
            sizes = options.num_audio_features, options.sample_freq

            def info(path: str) -> AudioInfo | Problem:
                return features_info(path, *sizes)

        self.vocabulary = load_vocabulary(
            self.params["vocab_file"], self.params["bpe"], self.params["symbol_separator"]
        )
        self.recordings = RecordingFeatures(self.params, seed, mode)
        self._inputs: BatchInputs = FeatureInputs(self.recordings)
        if self.params["features_on_device"] and mode == "train":
            self._inputs = WaveformInputs(self.recordings, self.params)
        self.num_features: int = self.extractor.num_features
        if utterances is None:
            read = read_stored_utterances if options.is_stored else read_manifests
            utterances = read(self.params["dataset_files"], mode != "infer")
        manifest = Manifest.of(utterances).normalized(self.params["text_normalization"])
        synthetic = self.params["syn_enable"] and mode != "infer"
        subdirs = self.params["syn_subdirs"] if synthetic else []
        self._corpus = Corpus(
            manifest,
            subdirs,
            self.params["sample_freq"],
            lenient=mode != "train",
            info=info,
        )
        limits = [self.params[name] or -1.0 for name in ("min_duration", "max_duration")]
        self._corpus.keep_durations(*limits)
        if len(manifest) and not len(self.utterances):
            self._raise_none_left()
        self._plan: tuple[int, EpochPlan] | None = None

    @property
    def extractor(self) -> FeatureExtractor:
        """What computes features."""
        return self.recordings.extractor

    @property
    def augmenter(self) -> Augmenter:
        """What changes recordings and features at random."""
        return self.recordings.augmenter

    @property
    def utterances(self) -> Manifest:
        """The utterances in use: within the limits on duration, and not dropped."""
        return self._corpus.utterances

    def durations(self) -> list[float | None]:
        """The seconds of each utterance as it was recorded (of several voices their mean), None
        where its file does not tell."""
        means = self._corpus.seconds().mean(axis=1)
        return [None if np.isnan(seconds) else float(seconds) for seconds in means]

    @property
    def hours(self) -> float:
        """Length of the recordings in use; of several voices of an utterance their mean."""
        return float(np.nansum(self._corpus.seconds().mean(axis=1))) / 3600

    @property
    def batches_per_epoch(self) -> int:
        """Batches of this worker in an epoch; in training the same for every worker."""
        return self._planner.batches_per_epoch

    @property
    def bucket_lengths(self) -> list[int]:
        """The numbers of frames that batches are padded to."""
        return self._planner.bucket_lengths.tolist()

    def padding_share(self, epoch: int = 0) -> float:
        """The part of an epoch's batches that is padding: 1 - frames / padded frames."""
        return self._epoch_plan(epoch).padding_share

    @property
    def notes(self) -> list[str]:
        """What the user should know about this data, one sentence each."""
        notes = list(self.extractor.notes)
        count = len(self._corpus.filtered)
        if count:
            names = ("min_duration", "max_duration")
            limits = [name for name in names if (self.params[name] or -1.0) > 0]
            total = count + len(self.utterances)
            notes.append(f"{count} of {total} recordings left out by {' and '.join(limits)}.")
        notes += self.recordings.notes
        return notes

    def check(self, output_length: Callable[[np.ndarray], np.ndarray] | None = None) -> CheckReport:
        """Checks files and transcripts, all or those that `check_files` says.

        It reads the files' headers, not their samples.

        Args:
          output_length: the model's map from feature frames to logit frames; None: it is
            not checked whether utterances are long enough for their labels.
        """
        report = CheckReport(notes=self.notes, filtered=self._corpus.filtered)
        rows, note = checked_rows(self.params["check_files"], len(self.utterances), self.seed)
        report.notes += [note] if note else []
        corpus = self._corpus if rows is None else self._corpus.part(rows)
        check_files(report, corpus.utterances, corpus.headers(), self.params["sample_freq"])
        if self.mode != "infer":
            self._check_transcripts(report, corpus, output_length)
        if rows is not None:
            report.rows = rows[np.array(report.rows, np.int64)].tolist()
        return report

    def _check_transcripts(
        self,
        report: CheckReport,
        corpus: Corpus,
        output_length: Callable[[np.ndarray], np.ndarray] | None,
    ) -> None:
        check_transcripts(
            report,
            corpus.utterances,
            self.vocabulary,
            self.params["text_normalization"],
            may_be_empty=self.mode == "eval",
        )
        if output_length is not None:
            check_feasible(
                report,
                corpus.utterances,
                self.vocabulary,
                self._fewest_frames(corpus),
                output_length,
                fatal=self.mode == "train",
            )

    def drop(self, report: CheckReport) -> None:
        """Goes on without the rows that have problems in `report`.

        Raises:
          InputError: when none are left.
        """
        self._corpus.drop(report.bad_rows)
        self.__dict__.pop("_planner", None)
        self._plan = None
        if not self.utterances:
            self._raise_none_left()

    def batches(self, epoch: int = 0, start: int = 0) -> Generator[Batch, None, None]:
        """The batches of an epoch from number `start` on, loaded ahead by worker threads.

        A recording that cannot be read when its turn comes is in its batch's `left_out`, and
        changes nothing for the others; of a batch of which none is left there is a padding batch.
        Closing the iterator stops the threads.

        Raises:
          InputError: a transcript has unknown characters.
          RunError: something failed that is not the recording's fault; it names the file.
        """
        plan, _ = self._epoch_plan(epoch), self.recordings.cache  # made here, not in the threads
        workers = self.threads

        def load(step: int, stop: threading.Event) -> Batch:
            return self._load_batch(plan.batch(step), epoch, stop)

        return load_in_order(load, range(start, len(plan)), workers)

    @property
    def threads(self) -> int:
        """How many recordings are loaded at the same time; 0: in the thread that asks."""
        workers: int | None = self.params["loader_workers"]
        return min(available_cores(), _MOST_WORKERS) if workers is None else workers

    def utterance_loader(self) -> Callable[[int], np.ndarray]:
        """A function from a row to its features `[time, feature]`, for inference.

        Threads may call it. It raises `DamagedRecording` if the recording cannot be read, and
        RunError, which names the file, if something else failed.
        """
        plan, _ = self._epoch_plan(0), self.recordings.cache  # made here, not in the threads

        def load(row: int) -> np.ndarray:
            return self._load_utterance(plan.alone(row), 0, 0, self.recordings)

        return load

    def blocks(self, row: int) -> Iterator[np.ndarray]:
        """The samples of a recording `[n]` float32 each, without augmentation, with little memory.

        Raises:
          DamagedRecording: it cannot be read; what comes before that has been given.
        """
        recording = self.recording(row)
        try:
            if self.extractor.options.is_stored:
                yield self.recordings.samples(recording)
                return
            rate = self.params["sample_freq"]
            yield from mono_blocks(recording.path, rate, *recording.segment)
        except InputError as error:
            raise DamagedRecording(self.utterances[row], recording.path, error) from error

    @property
    def seconds(self) -> np.ndarray:
        """The length of each recording in use; of several voices the longest, NaN if unknown."""
        return self._corpus.seconds().max(axis=1)

    @property
    def most_batch_frames(self) -> int | None:
        """Padded frames in a batch, at most, as `max_batch_duration` says; None: no limit."""
        limit = self.params["max_batch_duration"]
        return None if limit is None else int(limit / self.params["window_stride"] + 1e-6)

    def fingerprint(self) -> JsonObject:
        """What the features must agree on with a model that was trained on them."""
        return self.extractor.fingerprint()

    def fingerprint_problems(self, stored: JsonObject) -> list[Problem]:
        """What differs from the fingerprint in a checkpoint."""
        return check_fingerprint(stored, self.fingerprint())

    def restore_statistics(self, fingerprint: JsonObject) -> None:
        """Takes the statistics that features are normalised by from a checkpoint's fingerprint.

        Only where the parameters ask for those of the training data and do not give them.

        Raises:
          InputError: they are damaged.
        """
        if self.extractor.lacks_statistics:
            self.recordings.use(self.extractor.with_stored_statistics(fingerprint))

    def _raise_none_left(self) -> None:
        where = ", ".join(self.params["dataset_files"]) or "utterances"
        problem = Problem(where, "no usable recordings", "at least one")
        raise InputError("Nothing is left of the data:", [problem])

    @cached_property
    def _planner(self) -> BatchPlanner:
        shuffle = self.params["shuffle"]
        changes_speed = (self.augmenter.shortest_factor, self.augmenter.longest_factor) != (1, 1)
        return BatchPlanner(
            samples=self._corpus.samples(),
            count_frames=self.recordings.count_frames,
            batch_size=self.batch_size,
            max_batch_frames=self.most_batch_frames,
            num_buckets=self.params["num_buckets"],
            pad_to=self.params["pad_to"],
            seed=self.seed,
            rank=self.rank,
            world_size=self.world_size,
            devices=self.devices,
            takes_whole_batches=self.mode != "train",
            shuffle=self.mode == "train" if shuffle is None else shuffle,
            sorted_epochs=self.params["sorted_epochs"],
            draw_speed_factors=self.augmenter.speed_factors if changes_speed else None,
            longest_factor=self.augmenter.longest_factor,
            draw_pauses=self.augmenter.pauses.draw if self.augmenter.pauses.longest else None,
            longest_pauses=self.augmenter.pauses.longest,
            num_forms=self.augmenter.num_forms,
            shard_ends=self.utterances.shard_ends,
            shuffle_buffer=self.params["shuffle_buffer"],
        )

    def _epoch_plan(self, epoch: int) -> EpochPlan:
        if self._plan is None or self._plan[0] != epoch:
            self._plan = epoch, self._planner.epoch(epoch)
        return self._plan[1]

    def _fewest_frames(self, corpus: Corpus) -> np.ndarray:
        """[utterance] frames at the shortest speed factor; 0 where a file cannot be read."""
        seconds = corpus.seconds().min(axis=1)
        samples = np.nan_to_num(seconds * self.params["sample_freq"]).round().astype(np.int64)
        factors = np.full(len(samples), self.augmenter.shortest_factor)
        pauses = np.zeros(len(samples), np.int64)
        frames = self.recordings.count_frames(samples, factors, pauses)
        return np.where(samples > 0, frames, 0)

    def _load_batch(self, planned: PlannedBatch, epoch: int, stop: threading.Event) -> Batch:
        inputs = self._inputs
        loaded, kept, left_out = [], [], []
        for place, row in enumerate(planned.rows.tolist()):
            if stop.is_set():
                raise Stopped
            try:
                loaded.append(self._load_utterance(planned, place, epoch, inputs.load))
                kept.append(place)
            except DamagedRecording as error:
                left_out.append(LeftOut(row, error.problems[0]))
        is_padding = planned.is_padding or not loaded
        if planned.is_padding:
            left_out = []  # another worker has the same row, and says so
        if not loaded:
            rng = generator(Stream.UTTERANCE, self.seed, epoch, int(planned.rows[0]))
            loaded, kept = [inputs.noise(int(planned.frames[0]), rng)], [0]
        lengths = np.array([inputs.frames(one) for one in loaded], np.int32)
        length = planned.length
        if lengths.max() > length:
            # The manifest's durations are rounded: a recording may be a little longer. The other
            # workers' parts keep the planned length, as padding changes no utterance's loss.
            length = self._planner.padded_length(int(lengths.max()))
        rows, voices = planned.rows[kept], planned.voices[kept]
        labels, label_lengths = self._labels(rows)
        seconds = self._planner.samples[rows, voices].sum()
        return Batch(
            features=inputs.together(loaded, length),
            feature_lengths=lengths,
            labels=labels,
            label_lengths=label_lengths,
            indices=rows,
            audio_seconds=0.0 if is_padding else float(seconds) / self.params["sample_freq"],
            is_padding=is_padding,
            left_out=left_out,
        )

    def _load_utterance(
        self,
        planned: PlannedBatch,
        index: int,
        epoch: int,
        load: Callable[[Recording, Drawn, np.random.Generator], _Loaded],
    ) -> _Loaded:
        row = int(planned.rows[index])
        recording = self.recording(row, int(planned.voices[index]))
        speed_factor, form = float(planned.speed_factors[index]), int(planned.forms[index])
        drawn = Drawn(speed_factor, planned.pauses[index], form)
        rng = generator(Stream.UTTERANCE, self.seed, epoch, row)
        try:
            return load(recording, drawn, rng)
        except InputError as error:
            raise DamagedRecording(self.utterances[row], recording.path, error) from error
        except OpenSeq2SeqError:
            raise
        except Exception as error:
            source = self.utterances[row].source
            raise RunError(f"Loading {recording.path} ({source}) failed: {error!r}") from error

    def recording(self, row: int, voice: int = 0) -> Recording:
        """The recording of an utterance; `voice` says which, where there are several."""
        utterance, paths = self.utterances[row], self._corpus.paths(row)
        segment = WHOLE if utterance.offset is None else (utterance.offset, utterance.duration)
        name = utterance.name + utterance.segment
        return Recording(row, paths[voice % len(paths)], segment, name)

    def _labels(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Labels [batch, label] int32 and their lengths [batch] int32."""
        encoded = [] if self.mode == "infer" else [self._encode(int(row)) for row in rows]
        lengths = np.zeros(len(rows), np.int32)
        lengths[: len(encoded)] = [len(labels) for labels in encoded]
        padded = np.zeros((len(rows), lengths.max(initial=0)), np.int32)
        for target, labels in zip(padded, encoded):
            target[: len(labels)] = labels
        return padded, lengths

    def _encode(self, row: int) -> np.ndarray:
        utterance = self.utterances[row]
        text = utterance.transcript or ""
        try:
            return self.vocabulary.encode(text)
        except InputError as error:
            problems = unknown_problems(self.vocabulary, text, utterance.source)
            raise InputError(error.summary, problems) from None
