"""From a recording's file to its features: read, augmented, computed, or found in the cache."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from open_seq2seq.config.schema import Params
from open_seq2seq.data.audio import read_audio
from open_seq2seq.data.draws import Stream, generator
from open_seq2seq.data.speech2text.augmentation import Augmenter
from open_seq2seq.data.speech2text.feature_cache import FeatureCache, Segment
from open_seq2seq.data.stored_features import read_features
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.features.extractor import FeatureExtractor

# (samples [n], the recording's name) -> samples [m].
Change = Callable[[np.ndarray, str], np.ndarray]


@dataclass(frozen=True)
class Recording:
    """A recording as it is in the data.

    Args:
      row: in the data layer's `utterances`.
      path: of its file.
      segment: where in the file it is.
      name: what `RecordingFeatures.change` knows it by.
    """

    row: int
    path: str
    segment: Segment
    name: str


@dataclass(frozen=True)
class Drawn:
    """What an epoch has drawn for a recording.

    Args:
      speed_factor: of its length.
      pauses: [3] int64, samples of silence before, inside and behind it.
      form: which of `augmentation/num_forms`.
    """

    speed_factor: float
    pauses: np.ndarray
    form: int


@dataclass(frozen=True)
class Waveform:
    """A recording whose features the device computes.

    Args:
      samples: `[n]` float32, what `FeatureExtractor.levelled` returns.
      kept_frames, kept_features: `[time]` and `[feature]` bool, what masks leave.
    """

    samples: np.ndarray
    kept_frames: np.ndarray
    kept_features: np.ndarray


class RecordingFeatures:
    """The features of recordings; threads may share it.

    Args:
      params: the data layer's, checked and filled.
      seed: source of everything random.
      mode: in "train" the dither is another one each time.

    Raises:
      InputError: the augmentation does not fit the features.
    """

    def __init__(self, params: Params, seed: int, mode: str):
        self.params, self.seed, self.mode = params, seed, mode
        self.extractor = FeatureExtractor(params)
        self._options = self.extractor.options
        self.augmenter = Augmenter(
            params["augmentation"], params["sample_freq"], self.extractor.frequencies
        )
        problems = self.augmenter.problems(self.extractor.num_features)
        if problems:
            raise InputError("The augmentation does not fit the features:", problems)
        # What is done to each recording before all else.
        self.change: Change | None = None

    def use(self, extractor: FeatureExtractor) -> None:
        """Goes on with another extractor: the same with statistics."""
        self.extractor = extractor
        self.__dict__.pop("cache", None)

    @property
    def notes(self) -> list[str]:
        """What the user should know about augmentation and cache, one sentence each."""
        notes = []
        if self.params["augmentation"] and self.mode != "train":
            notes.append(f"augmentation changes the audio in {self.mode} mode too.")
        if self.params["cache_features"] and not self.augmenter.cacheable:
            notes.append(
                "cache_features has no effect: noise, pauses, rooms or level without num_forms, or "
                "speed factors from a range instead of a list, make the audio another one each "
                "time."
            )
        return notes

    @cached_property
    def cache(self) -> FeatureCache | None:
        """Where features are kept on disk, if they are."""
        if not self.params["cache_features"] or not self.augmenter.cacheable:
            return None
        directory = self.params["cache_dir"]
        if directory is None:
            files = self.params["dataset_files"]
            beside = os.path.dirname(files[0]) if files else ""
            directory = os.path.join(beside, "feature_cache")
        return FeatureCache(
            directory,
            self.extractor.parameters,
            self.params["cache_format"],
            self.params["cache_regenerate"],
        )

    def count_frames(
        self, samples: np.ndarray, factors: np.ndarray, pauses: np.ndarray
    ) -> np.ndarray:
        """Frames of recordings of so many samples at these speed factors, with these pauses."""
        changed = self.augmenter.output_samples(samples, factors)
        return self.extractor.frames(np.maximum(changed, 1) + pauses)

    def samples(self, recording: Recording) -> np.ndarray:
        """The samples `[n]` float32 of a recording, as they are in its file.

        Raises:
          InputError: it cannot be read, whatever the libraries that read it raise.
        """
        options = self._options
        try:
            if options.is_stored:
                sizes = options.num_audio_features, options.sample_freq
                return read_features(recording.path, *sizes, *recording.segment)
            return read_audio(recording.path, self.params["sample_freq"], *recording.segment)
        except InputError:
            raise
        except Exception as error:
            found = f"a file that fails to be read ({error!r})"
            problem = Problem(recording.path, found, "an audio file")
            raise InputError("Cannot read audio:", [problem]) from error

    def __call__(self, recording: Recording, drawn: Drawn, rng: np.random.Generator) -> np.ndarray:
        """The features `[time, feature]` of a recording with its augmentation.

        Args:
          rng: of the recording in this epoch.

        Raises:
          InputError: it cannot be read.
        """
        return self.augmenter.spectrogram(self._without_masks(recording, drawn, rng), rng)

    def waveform(self, recording: Recording, drawn: Drawn, rng: np.random.Generator) -> Waveform:
        """The same, where the features are computed later, on the device.

        Args, Raises: as for a call.
        """
        samples = self._augmented(recording, drawn, rng)
        samples = self.extractor.levelled(samples, self._dither(rng))
        frames = self.extractor.frames(len(samples))
        kept = self.augmenter.kept(frames, self.extractor.num_features, rng)
        return Waveform(samples, *kept)

    def _without_masks(
        self, recording: Recording, drawn: Drawn, rng: np.random.Generator
    ) -> np.ndarray:
        """From the cache if there is one."""
        if self.cache is None or self.change is not None:
            return self.extractor(self._augmented(recording, drawn, rng), self._dither(rng))
        row, segment, factor = recording.row, recording.segment, drawn.speed_factor
        name = ""
        if self.augmenter.num_forms > 0:
            pauses = drawn.pauses.tolist()
            name = f"{self.augmenter.form_key} {pauses} {self.seed} {drawn.form} {row}"
        features = self.cache.get(recording.path, segment, factor, name)
        if features is None:
            features = self.extractor(self._augmented(recording, drawn, rng))
            self.cache.put(recording.path, features, segment, factor, name)
        return features

    def _augmented(
        self, recording: Recording, drawn: Drawn, rng: np.random.Generator
    ) -> np.ndarray:
        """The samples of a recording after all that changes them."""
        samples = self.samples(recording)
        if self.change is not None:
            samples = self.change(samples, recording.name)
        if self.augmenter.num_forms > 0:
            rng = generator(Stream.FORM, self.seed, drawn.form, recording.row)
        return self.augmenter.waveform(samples, drawn.speed_factor, rng, drawn.pauses)

    def _dither(self, rng: np.random.Generator) -> np.random.Generator | None:
        return rng if self.mode == "train" else None
