"""What can be wrong between the parameters of a front-end."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from open_seq2seq.config.schema import Params, Schema
from open_seq2seq.errors import Problem
from open_seq2seq.features.nemo_problems import nemo_problems
from open_seq2seq.features.options import FeatureOptions, next_power_of_two
from open_seq2seq.features.params import FEATURE_PARAMS

_STATISTICS = ("features_mean", "features_std_dev")


def feature_problems(values: Params, where: str = "") -> Iterable[Problem]:
    """What is wrong between the feature parameters.

    Args:
      values: parameters that are valid one by one; those of other components may be among them.
      where: the config key that holds them.

    Yields:
      The problems, for `Schema.check`.
    """
    options = FeatureOptions(**FEATURES.fill(_feature_part(values)))
    prefix = f"{where}/" if where else ""
    if options.is_stored:
        yield from _stored_problems(options, prefix)
        yield from _value_problems(options, prefix)
        yield from _norm_problems(options, prefix)
        return
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
    if options.backend == "nemo":
        yield from nemo_problems(options, prefix)
    yield from _value_problems(options, prefix)
    yield from _norm_problems(options, prefix)


def _stored_problems(options: FeatureOptions, prefix: str) -> Iterable[Problem]:
    """What stored features cannot have."""
    if not options.window_stride > 0:
        found = f"{options.window_stride!r}"
        yield Problem(f"{prefix}window_stride", found, "the frames' step, in seconds", "Set 0.01.")
    for name in ("norm_range", "noise_floor", "gain"):
        if getattr(options, name) is not None:
            expected = "nothing: stored features have no signal"
            remedy = f"Leave out {name}."
            yield Problem(prefix + name, f"{getattr(options, name):g}", expected, remedy)
    if options.dither:
        remedy = "Leave out dither."
        yield Problem(f"{prefix}dither", f"{options.dither:g}", "0: there is no signal", remedy)


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
            f"Set num_fft to {next_power_of_two(options.window_length)}, or leave it out.",
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


def _norm_problems(options: FeatureOptions, prefix: str) -> Iterable[Problem]:
    """What contradicts `feature_norm`."""
    norm, file = options.feature_norm, options.feature_norm_file
    given = [name for name in _STATISTICS if getattr(options, name) is not None]
    if norm == "utterance" and given:
        expected = f"nothing: with feature_norm 'utterance' {given[0]} is the recording's own"
        remedy = "Leave it out, or set feature_norm to 'fixed', or to None as in old configs."
        yield Problem(f"{prefix}{given[0]}", "given statistics", expected, remedy)
    elif norm is not None and len(given) == 1:
        (missing,) = set(_STATISTICS) - set(given)
        remedy = f"Give both, or leave out {given[0]}: then training measures both."
        yield Problem(prefix + missing, "nothing", f"as many numbers as {given[0]}", remedy)
    if file is not None and given:
        remedy = f"Leave out feature_norm_file, or {' and '.join(given)}."
        expected = f"nothing beside {given[0]}"
        yield Problem(f"{prefix}feature_norm_file", repr(file), expected, remedy)
    elif file is not None and options.norm in ("utterance", "none"):
        expected = f"nothing: feature_norm is {options.norm!r}"
        remedy = "Set feature_norm to 'fixed', or leave out feature_norm_file."
        yield Problem(f"{prefix}feature_norm_file", repr(file), expected, remedy)
    if norm == "running" and options.norm_range is not None and options.backend == "librosa":
        expected = "None: how loud the loudest frame is, is known at the end only"
        remedy = "Leave out norm_range, or set feature_norm to 'fixed'."
        yield Problem(f"{prefix}norm_range", f"{options.norm_range:g}", expected, remedy)


FEATURES = Schema(
    "the audio features",
    FEATURE_PARAMS,
    check=feature_problems,
    summary="How a recording becomes a matrix of features.",
)


def parse_options(params: Params) -> FeatureOptions:
    """Checks the feature parameters in `params`; other keys are left alone.

    Raises:
      InputError: listing every problem.
    """
    return FeatureOptions(**FEATURES.parse(_feature_part(params)))


def _feature_part(values: Params) -> dict[str, Any]:
    return {name: values[name] for name in FEATURES.by_name if name in values}


def _finer(options: FeatureOptions) -> str:
    """What gives an FFT as many frequencies as there are features."""
    length = 2 * (options.num_audio_features - 1)
    if options.input_type == "spectrogram":
        # Rounded up, so that the samples of it are not one too few.
        return f"set window_size to {math.ceil(1e4 * length / options.sample_freq) / 1e4}"
    return f"set num_fft to {next_power_of_two(length)}"
