"""The inputs of a batch: features, or the samples that the device computes them of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from open_seq2seq.config.schema import Params
from open_seq2seq.data.speech2text.recording_features import (
    Drawn,
    Recording,
    RecordingFeatures,
    Waveform,
)
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.features.waveforms import Waveforms


class BatchInputs(Protocol):
    """Loads recordings and puts them together."""

    def load(self, recording: Recording, drawn: Drawn, rng: np.random.Generator) -> Any:
        """One recording; see `RecordingFeatures`."""

    def noise(self, frames: int, rng: np.random.Generator) -> Any:
        """What stands in the place of one that cannot be read.

        Not zeros: normalised over such a batch, gradients would be too large for 16 bits.
        """

    def frames(self, loaded: Any) -> int:
        """The frames of a recording."""

    def together(self, loaded: Sequence[Any], length: int) -> np.ndarray | Waveforms:
        """The inputs of a batch that is padded to so many frames."""


class FeatureInputs:
    """`[batch, time, feature]`."""

    def __init__(self, recordings: RecordingFeatures):
        self.recordings = recordings

    def load(self, recording: Recording, drawn: Drawn, rng: np.random.Generator) -> np.ndarray:
        """See `BatchInputs`: features `[time, feature]`."""
        return self.recordings(recording, drawn, rng)

    def noise(self, frames: int, rng: np.random.Generator) -> np.ndarray:
        """See `BatchInputs`."""
        return rng.standard_normal((frames, self.recordings.extractor.num_features), np.float32)

    def frames(self, loaded: np.ndarray) -> int:
        """See `BatchInputs`."""
        return len(loaded)

    def together(self, loaded: Sequence[np.ndarray], length: int) -> np.ndarray:
        """See `BatchInputs`."""
        return _padded(loaded, length, np.float32(0))


class WaveformInputs:
    """`Waveforms`: the step computes the features.

    Args:
      recordings: what reads them.
      params: the data layer's.

    Raises:
      InputError: they ask for what only features on loader threads have.
    """

    def __init__(self, recordings: RecordingFeatures, params: Params):
        self.recordings = recordings
        problems = list(_problems(params))
        if problems:
            raise InputError("The features cannot be computed on the device:", problems)

    def load(self, recording: Recording, drawn: Drawn, rng: np.random.Generator) -> Waveform:
        """See `BatchInputs`."""
        return self.recordings.waveform(recording, drawn, rng)

    def noise(self, frames: int, rng: np.random.Generator) -> Waveform:
        """See `BatchInputs`."""
        extractor = self.recordings.extractor
        samples = rng.standard_normal(extractor.most_samples(frames), np.float32)
        kept = np.ones(frames, bool), np.ones(extractor.num_features, bool)
        return Waveform(extractor.levelled(np.float32(0.1) * samples, rng), *kept)

    def frames(self, loaded: Waveform) -> int:
        """See `BatchInputs`."""
        return len(loaded.kept_frames)

    def together(self, loaded: Sequence[Waveform], length: int) -> Waveforms:
        """See `BatchInputs`."""
        most = self.recordings.extractor.most_samples(length)
        return Waveforms(
            samples=_padded([one.samples for one in loaded], most, np.float32(0)),
            counts=np.array([len(one.samples) for one in loaded], np.int32),
            kept_frames=_padded([one.kept_frames for one in loaded], length, np.bool_(True)),
            kept_features=np.stack([one.kept_features for one in loaded]),
        )


def _padded(arrays: Sequence[np.ndarray], length: int, value: np.generic) -> np.ndarray:
    """`[batch, length, ...]`, `value` past the end of each array."""
    padded = np.full((len(arrays), length, *arrays[0].shape[1:]), value)
    for target, one in zip(padded, arrays):
        target[: len(one)] = one
    return padded


def _problems(params: Params) -> list[Problem]:
    problems = []
    for name, value, why in (
        ("cache_features", params["cache_features"], "there are none to keep"),
        (
            "augmentation/vtlp_ratio",
            (params["augmentation"] or {}).get("vtlp_ratio"),
            "it changes features before the masks",
        ),
    ):
        if value:
            found = f"{value} with features_on_device: {why}"
            off = "False" if value is True else "0"
            remedy = f"Remove {name}, or set features_on_device to False."
            problems.append(Problem(name, found, off, remedy))
    return problems
