"""What can be wrong between the parameters of NeMo's front-end."""

from __future__ import annotations

from collections.abc import Iterable

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.features.filters_file import read_filters
from open_seq2seq.features.options import FeatureOptions


def nemo_problems(options: FeatureOptions, prefix: str) -> Iterable[Problem]:
    """The problems of parameters with backend nemo, of valid sizes.

    Args:
      options: the parameters.
      prefix: of the places.
    """
    if options.input_type != "logfbank":
        remedy = "Set input_type to 'logfbank', or backend to 'librosa'."
        found = repr(options.input_type)
        yield Problem(f"{prefix}input_type", found, "'logfbank' with backend 'nemo'", remedy)
    if options.take_log and options.log_guard_value <= 0:
        remedy = "Set log_guard_value to 2**-24, or take_log to False."
        found = f"{options.log_guard_value:g}"
        yield Problem(f"{prefix}log_guard_value", found, "more than 0: silence has no log", remedy)
    if options.filters_file is None:
        return
    try:
        stored = read_filters(options.filters_file)
    except InputError as error:
        yield from error.problems
        return
    expected = (options.fft_length // 2 + 1, options.num_audio_features)
    if stored.filters.shape != expected:
        found = f"filters {list(stored.filters.shape)}"
        says = f"{list(expected)}: the frequencies of the FFT, num_audio_features"
        yield Problem(f"{prefix}filters_file {options.filters_file}", found, says)
    if stored.window is not None and len(stored.window) != options.window_length:
        found = f"a window of {len(stored.window)} samples"
        says = f"{options.window_length}, window_size in samples"
        yield Problem(f"{prefix}filters_file {options.filters_file}", found, says)
