"""The checked parameters of a front-end as one plain dataclass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from open_seq2seq.features.filters_file import read_filters
from open_seq2seq.features.nemo_params import LOG_GUARD_VALUE, NEMO_PARAMS
from open_seq2seq.features.params import FEATURE_PARAMS, STORED

PSF_NUM_FFT = 512

_PSF_USES = (
    "num_audio_features",
    "input_type",
    "backend",
    "pad_to",
    "window_size",
    "window_stride",
    "sample_freq",
)
# What says by whose statistics features are normalised, and where they come from.
_STATISTICS = ("features_mean", "features_std_dev")
_SOURCES = ("feature_norm_recordings", "feature_norm_file")
_RUNNING = ("running_prior_frames", "running_time_constant")
# What each of the centred front-ends has and the other has not.
_LIBROSA_ONLY = ("gain", "norm_range", "noise_floor", "legacy_mfcc")
_NEMO_ONLY = tuple(param.name for param in NEMO_PARAMS)

# Parameters that fingerprints and caches know only where they are set; otherwise they are None.
UNSET_BEFORE = ("norm_range", "noise_floor", *_RUNNING)


@dataclass(frozen=True, eq=False)
class FeatureOptions:
    """The checked parameters of a front-end; fields as in `FEATURE_PARAMS`."""

    num_audio_features: int
    input_type: str
    backend: str = "psf"
    pad_to: int = 8
    window_size: float = 0.02
    window_stride: float = 0.01
    dither: float = 0.0
    norm_per_feature: bool = False
    norm_range: float | None = None
    noise_floor: float | None = None
    window: str = "hanning"
    num_fft: int | None = None
    precompute_mel_basis: bool = False
    sample_freq: int = 16000
    gain: float | None = None
    feature_norm: str | None = None
    feature_norm_recordings: int | None = 1000
    feature_norm_file: str | None = None
    running_prior_frames: float = 100.0
    running_time_constant: float | None = 30.0
    features_mean: np.ndarray | None = None
    features_std_dev: np.ndarray | None = None
    legacy_mfcc: bool = False
    edges: str = "zeros"
    frame_count: str = "whole_hops"
    pre_emphasis: float | None = 0.97
    magnitude_power: float = 2.0
    take_log: bool = True
    log_guard: str = "add"
    log_guard_value: float = LOG_GUARD_VALUE
    filters_file: str | None = None

    def __post_init__(self) -> None:
        if self.is_stored:
            # A frame's numbers are its samples, see `StoredFrontEnd`.
            object.__setattr__(self, "backend", "librosa")
            rate = stored_sample_freq(self.num_audio_features, self.window_stride)
            object.__setattr__(self, "sample_freq", rate)

    @property
    def is_stored(self) -> bool:
        """Whether features are read instead of being computed."""
        return self.input_type == STORED

    @property
    def norm(self) -> str:
        """Whose statistics normalise: one of `NORMS`; see `feature_norm`."""
        if self.feature_norm is not None:
            return self.feature_norm
        given = self.features_mean is not None and self.features_std_dev is not None
        return "fixed" if given and self.backend != "psf" else "utterance"

    @property
    def lacks_statistics(self) -> bool:
        """Whether means and deviations of the training data are needed and not there yet."""
        needed = self.norm == "fixed" or (self.norm == "running" and self.running_prior_frames > 0)
        return needed and self.features_mean is None

    @property
    def window_length(self) -> int:
        """Samples of a frame."""
        if self.is_stored:
            return self.num_audio_features
        return _whole_samples(self.window_size, self.sample_freq)

    @property
    def hop_length(self) -> int:
        """Samples between the starts of two frames."""
        if self.is_stored:
            return self.num_audio_features
        return _whole_samples(self.window_stride, self.sample_freq)

    @property
    def fft_length(self) -> int:
        """The FFT length in effect, see `num_fft`."""
        if self.input_type in ("spectrogram", STORED):
            return self.window_length
        power_of_two = next_power_of_two(self.window_length)
        if self.backend == "psf":
            return max(PSF_NUM_FFT, power_of_two)
        return self.num_fft or power_of_two

    def used(self) -> dict[str, Any]:
        """The parameters that change this front-end's numbers, as JSON values."""
        names = list(_PSF_USES)
        if self.is_stored:
            names = ["num_audio_features", "input_type", "window_stride", "norm_per_feature"]
            names += _STATISTICS
        elif self.backend == "librosa":
            names.remove("pad_to")
            names += ["dither", "norm_per_feature", "window", "gain", *_STATISTICS]
            # Named where they are set: what older versions stored had no such parameters.
            for name in ("norm_range", "noise_floor"):
                names += [name] if getattr(self, name) is not None else []
        elif self.backend == "nemo":
            names.remove("pad_to")
            names += ["norm_per_feature", *_STATISTICS, *_NEMO_ONLY]
            names.remove("filters_file")
            names += ["window"] if self.filters_file is None else []
        elif self.norm != "utterance":
            names += ["norm_per_feature", *_STATISTICS]
        if self.feature_norm not in (None, "utterance"):
            names.append("feature_norm")
        if self.norm == "running":
            names += _RUNNING
        if self.backend == "librosa" and self.input_type == "mfcc":
            names.append("legacy_mfcc")
        values = {name: getattr(self, name) for name in names} | {"num_fft": self.fft_length}
        if self.backend == "nemo" and self.filters_file is not None:
            values["filters"] = read_filters(self.filters_file).digest
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in values.items()
        }

    def notes(self) -> list[str]:
        """What a user should know: given parameters that are not used."""
        notes = []
        if self.backend == "psf":
            in_use: tuple[str, ...] = (*_PSF_USES, "precompute_mel_basis", "feature_norm")
            in_use += (*_SOURCES, *_RUNNING)  # these depend on feature_norm alone
            if self.norm != "utterance":
                in_use += ("norm_per_feature", *_STATISTICS)
            ignored = ", ".join(self._given(but=in_use))
            if ignored:
                notes.append(f"backend psf ignores {ignored}; backend librosa uses them.")
        others = _NEMO_ONLY if self.backend == "librosa" else ()
        others = _LIBROSA_ONLY if self.backend == "nemo" else others
        ignored = ", ".join(self._given(others)) if others else ""
        if ignored:
            other = "librosa" if self.backend == "nemo" else "nemo"
            notes.append(f"backend {self.backend} ignores {ignored}; backend {other} uses them.")
        without_effect = [] if self.norm == "running" else self._given(_RUNNING)
        if self.norm == "utterance":
            without_effect += self._given(_SOURCES)
        if without_effect:
            names = ", ".join(without_effect)
            notes.append(f"{names}: no effect with feature_norm {self.norm!r}.")
        return notes

    def _given(self, names: tuple[str, ...] = (), but: tuple[str, ...] = ()) -> list[str]:
        """Those of some parameters, or of all but some, that are not what they are by default."""
        # Giving what psf does anyway is no surprise.
        in_effect = {"num_fft": self.fft_length}
        return [
            param.name
            for param in FEATURE_PARAMS
            if (param.name in names if names else param.name not in but)
            and not _is_any(
                getattr(self, param.name), param.default, in_effect.get(param.name, param.default)
            )
        ]


def stored_sample_freq(num_features: int, window_stride: float) -> int:
    """Numbers in a second of stored features."""
    return max(1, round(num_features / window_stride)) if window_stride > 0 else 1


def next_power_of_two(samples: int) -> int:
    """The next one, or `samples` itself."""
    return 1 << max(samples - 1, 0).bit_length()


def _whole_samples(seconds: float, sample_freq: int) -> int:
    """Whole samples in a time span; 0.029 s is 464 at 16 kHz although 0.029 is not exact."""
    return int(seconds * sample_freq + 1e-6)


def _is_any(value: Any, *others: Any) -> bool:
    return not isinstance(value, np.ndarray) and value in others
