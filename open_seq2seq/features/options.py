"""The parameters of the feature front-ends: their schema and one plain dataclass."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from open_seq2seq.config.schema import Param, Schema
from open_seq2seq.errors import Problem

PSF_NUM_FFT = 512


def _vector(value: Any) -> np.ndarray:
    return np.asarray(value, dtype=np.float32)


FEATURE_PARAMS: list[Param] = [
    Param("num_audio_features", int, "Number of features per frame.", minimum=1),
    Param(
        "input_type",
        str,
        "Kind of features: log power spectrum, cepstral coefficients or log mel energies.",
        choices=("spectrogram", "mfcc", "logfbank"),
    ),
    Param(
        "backend",
        str,
        "Front-end: psf computes what python_speech_features does, librosa what librosa does.",
        default="psf",
        choices=("psf", "librosa"),
    ),
    Param(
        "pad_to",
        int,
        "Make the number of frames a multiple of this (0: off): psf appends silence to each "
        "recording before the features, librosa appends zero frames to the batch.",
        default=8,
        minimum=0,
    ),
    Param("window_size", float, "Length of a frame, in seconds.", default=0.02),
    Param("window_stride", float, "Step between frames, in seconds.", default=0.01),
    Param(
        "dither",
        float,
        "Level of the noise added to the signal, relative to its peak (the published models "
        "use 1e-5); the same noise each time outside training. psf ignores it.",
        default=0.0,
        minimum=0.0,
    ),
    Param(
        "norm_per_feature",
        bool,
        "Normalise each feature over time instead of all features together. psf ignores it.",
        default=False,
    ),
    Param(
        "norm_range",
        float,
        "Normalise by the mean and deviation of the frames whose power is within so many dB of the "
        "loudest (35 suits speech), so that pauses do not change what speech looks like. None: "
        "by those of all frames, as OpenSeq2Seq did. psf ignores it.",
        default=None,
        minimum=1.0,
    ),
    Param(
        "noise_floor",
        float,
        "Add the power of white noise of this level to each band before the logarithm, in dB "
        "relative to the signal's peak (with gain: to full scale); -70 suits recorded speech. What "
        "is far below looks alike, and digital silence like a quiet room. None: the floor is "
        "1e-20 (spectrogram: 1e-30), as in OpenSeq2Seq. psf ignores it.",
        default=None,
        maximum=0.0,
    ),
    Param(
        "window",
        str,
        "Shape of the window. psf ignores it: Hann for spectrogram, otherwise none.",
        default="hanning",
        choices=("hanning", "hamming", "none"),
    ),
    Param(
        "num_fft",
        int,
        "FFT length for mfcc and logfbank; None: the next power of two from the window. "
        "spectrogram uses the window's length. psf ignores it: at least 512.",
        default=None,
        minimum=1,
    ),
    Param(
        "precompute_mel_basis",
        bool,
        "Accepted for old configs and without effect: mel filters are always made only once.",
        default=False,
        no_effect="mel filters are always made only once.",
    ),
    Param("sample_freq", int, "Sample rate of the features' signal, in Hz.", 16000, minimum=1),
    Param(
        "gain",
        float,
        "Factor for the 16-bit scale signal; None: 1 / (its peak + 1e-5). psf ignores it.",
        default=None,
    ),
    Param(
        "features_mean",
        (list, np.ndarray),
        "Mean of each feature, instead of the recording's own. psf ignores it.",
        default=None,
        item=Param("mean", float, "Mean of one feature."),
        convert=_vector,
    ),
    Param(
        "features_std_dev",
        (list, np.ndarray),
        "Standard deviation of each feature, instead of the recording's own. psf ignores it.",
        default=None,
        item=Param("deviation", float, "Standard deviation of one feature."),
        convert=_vector,
    ),
    Param(
        "legacy_mfcc",
        bool,
        "librosa mfcc as OpenSeq2Seq computed it: the DCT of the linear power spectrum, "
        "without mel filters and logarithm.",
        default=False,
    ),
]

_PSF_USES = (
    "num_audio_features",
    "input_type",
    "backend",
    "pad_to",
    "window_size",
    "window_stride",
    "sample_freq",
)

# Parameters that fingerprints and caches know only where they are set; otherwise they are None.
UNSET_BEFORE = ("norm_range", "noise_floor")


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
    features_mean: np.ndarray | None = None
    features_std_dev: np.ndarray | None = None
    legacy_mfcc: bool = False

    @classmethod
    def parse(cls, params: Mapping[str, Any]) -> FeatureOptions:
        """Checks the feature parameters in `params`; other keys are left alone.

        Raises:
          InputError: listing every problem.
        """
        return cls(**FEATURES.parse(_feature_part(params)))

    @property
    def window_length(self) -> int:
        """Samples of a frame."""
        return _whole_samples(self.window_size, self.sample_freq)

    @property
    def hop_length(self) -> int:
        """Samples between the starts of two frames."""
        return _whole_samples(self.window_stride, self.sample_freq)

    @property
    def fft_length(self) -> int:
        """The FFT length in effect, see `num_fft`."""
        if self.input_type == "spectrogram":
            return self.window_length
        power_of_two = _power_of_two(self.window_length)
        if self.backend == "psf":
            return max(PSF_NUM_FFT, power_of_two)
        return self.num_fft or power_of_two

    def used(self) -> dict[str, Any]:
        """The parameters that change this front-end's numbers, as JSON values."""
        names = list(_PSF_USES)
        if self.backend == "librosa":
            names.remove("pad_to")
            names += ["dither", "norm_per_feature", "window", "gain"]
            names += ["features_mean", "features_std_dev"]
            # Named where they are set: what older versions stored had no such parameters.
            names += [name for name in UNSET_BEFORE if getattr(self, name) is not None]
        if self.backend == "librosa" and self.input_type == "mfcc":
            names.append("legacy_mfcc")
        values = {name: getattr(self, name) for name in names} | {"num_fft": self.fft_length}
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in values.items()
        }

    def notes(self) -> list[str]:
        """What a user should know: given parameters that this backend does not use."""
        if self.backend != "psf":
            return []
        in_effect = {"num_fft": self.fft_length}  # giving what psf does anyway is no surprise
        ignored = [
            param.name
            for param in FEATURE_PARAMS
            if param.name not in (*_PSF_USES, "precompute_mel_basis")
            and not _is_any(
                getattr(self, param.name), param.default, in_effect.get(param.name, param.default)
            )
        ]
        if not ignored:
            return []
        return [f"backend psf ignores {', '.join(ignored)}; backend librosa uses them."]


def feature_problems(values: Mapping[str, Any], where: str = "") -> Iterable[Problem]:
    """What is wrong between the feature parameters.

    Args:
      values: parameters that are valid one by one; those of other components may be among them.
      where: the config key that holds them.

    Yields:
      The problems, for `Schema.check`.
    """
    options = FeatureOptions(**FEATURES.fill(_feature_part(values)))
    prefix = f"{where}/" if where else ""
    sizes = (("window_size", options.window_length), ("window_stride", options.hop_length))
    too_short = [name for name, samples in sizes if samples < 1]
    for name in too_short:
        found = f"{getattr(options, name)!r}"
        usual = next(param.default for param in FEATURE_PARAMS if param.name == name)
        remedy = f"Set {name} to {usual}: it is in seconds."
        if int(usual * options.sample_freq) < 1:
            remedy = f"Set {name} to {1 / options.sample_freq!r}."
        expected = f"at least one sample at {options.sample_freq} Hz"
        yield Problem(prefix + name, found, expected, remedy)
    if too_short:
        return
    yield from _size_problems(options, prefix)
    yield from _value_problems(options, prefix)


def _size_problems(options: FeatureOptions, prefix: str) -> Iterable[Problem]:
    features, bins = options.num_audio_features, options.fft_length // 2 + 1
    linear = options.input_type == "spectrogram" or (
        options.input_type == "mfcc" and options.backend == "librosa" and options.legacy_mfcc
    )
    if linear and features > bins:
        yield Problem(
            f"{prefix}num_audio_features",
            f"{features}",
            f"at most {bins}, the frequencies of a {options.fft_length}-sample FFT",
            f"Set num_audio_features to {bins}, or {_finer(options)}.",
        )
    if options.fft_length < options.window_length:
        yield Problem(
            f"{prefix}num_fft",
            f"{options.num_fft}",
            f"at least {options.window_length}, the window's length in samples "
            f"({options.window_size:g} s at {options.sample_freq} Hz)",
            f"Set num_fft to {_power_of_two(options.window_length)}, or leave it out.",
        )


def _value_problems(options: FeatureOptions, prefix: str) -> Iterable[Problem]:
    if options.gain is not None and not (options.gain > 0 and math.isfinite(options.gain)):
        remedy = "Set gain to None: each recording's peak counts."
        yield Problem(f"{prefix}gain", f"{options.gain!r}", "a positive number", remedy)
    if options.noise_floor is not None and options.legacy_mfcc and options.input_type == "mfcc":
        expected = "nothing: legacy_mfcc takes no logarithm"
        remedy = "Leave it out, or set legacy_mfcc to False."
        yield Problem(f"{prefix}noise_floor", f"{options.noise_floor:g}", expected, remedy)
    for name in ("features_mean", "features_std_dev"):
        vector = getattr(options, name)
        if vector is None:
            continue
        expected = f"{options.num_audio_features} finite numbers, one per feature"
        if vector.shape != (options.num_audio_features,):
            found, remedy = f"an array of shape {list(vector.shape)}", f"Set {name} to None."
            if vector.ndim == 1 and len(vector) and np.isfinite(vector).all():
                remedy = f"Set num_audio_features to {len(vector)}, or set {name} to None."
            yield Problem(prefix + name, found, expected, remedy)
        elif not np.isfinite(vector).all():
            remedy = f"Set {name} to None: each recording's own counts."
            yield Problem(prefix + name, "NaN or infinite values", expected, remedy)


FEATURES = Schema(
    "the audio features",
    FEATURE_PARAMS,
    check=feature_problems,
    summary="How a recording becomes a matrix of features.",
)


def _feature_part(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in FEATURES.by_name if name in values}


def _power_of_two(samples: int) -> int:
    """The next one, or `samples` itself."""
    return 1 << max(samples - 1, 0).bit_length()


def _finer(options: FeatureOptions) -> str:
    """What gives an FFT as many frequencies as there are features."""
    length = 2 * (options.num_audio_features - 1)
    if options.input_type == "spectrogram":
        # Rounded up, so that the samples of it are not one too few.
        return f"set window_size to {math.ceil(1e4 * length / options.sample_freq) / 1e4}"
    return f"set num_fft to {_power_of_two(length)}"


def _whole_samples(seconds: float, sample_freq: int) -> int:
    """Whole samples in a time span; 0.029 s is 464 at 16 kHz although 0.029 is not exact."""
    return int(seconds * sample_freq + 1e-6)


def _is_any(value: Any, *others: Any) -> bool:
    return not isinstance(value, np.ndarray) and value in others
