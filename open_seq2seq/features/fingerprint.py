"""A front-end's fingerprint: stored with a checkpoint, compared when it is loaded.

A network only works with the features it was trained on. The fingerprint holds the
parameters that shape them and numbers of a fixed probe signal, so that a change of
code or libraries shows as well as a change of parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from open_seq2seq.errors import Problem
from open_seq2seq.features.options import UNSET_BEFORE
from open_seq2seq.files import JsonObject

# Raised when a change of the code moves features by more than rounding.
FRONT_END_VERSION = 1

# Normalised features have a deviation of 1; platforms differ by rounding, up to about 1e-3
# in the quietest frames.
TOLERANCE = 0.01
_PROBE_SECONDS = 0.6
_NUMBERS = 48
_ABSENT = "nothing"
_VECTORS = ("features_mean", "features_std_dev")
# What one choice of `feature_norm` has and another has not.
_OF_ONE_NORM = (*_VECTORS, "running_prior_frames", "running_time_constant")


def make_fingerprint(
    features_of: Callable[[np.ndarray], np.ndarray],
    parameters: JsonObject,
    sample_freq: int,
) -> JsonObject:
    """JSON-able description of a front-end: version, parameters, shape and probe numbers.

    Args:
      features_of: samples `[n]` -> `[time, feature]`.
      parameters: what changes its numbers, as JSON values.
      sample_freq: its sample rate in Hz.
    """
    features = features_of(probe_signal(sample_freq))
    positions = np.linspace(0, features.size - 1, _NUMBERS).astype(int)
    return {
        "version": FRONT_END_VERSION,
        "parameters": dict(parameters),
        "shape": list(features.shape),
        "numbers": [round(float(value), 4) for value in features.ravel()[positions]],
    }


def check_fingerprint(stored: JsonObject, current: JsonObject) -> list[Problem]:
    """Compares the fingerprint in a checkpoint with that of this front-end.

    Parameters that one of them does not know are compared through the numbers only.

    Args:
      stored: the checkpoint's.
      current: this front-end's.

    Returns:
      A problem for each differing parameter; if none differs but the numbers do, one
      problem that says by how much.
    """
    before, now = (_with_unset(one.get("parameters", {})) for one in (stored, current))
    if before["feature_norm"] != now["feature_norm"]:
        for name in _OF_ONE_NORM:  # another choice: its numbers are not compared too
            before.pop(name, None)
    problems = [
        Problem(
            f"data_layer_params/{name}",
            _shown(now[name]),
            f"{_shown(before[name])}, which the checkpoint was trained with",
            "Set it to that value.",
        )
        for name in now
        if name in before and not _same(before[name], now[name])
    ]
    return problems or _number_problems(stored, current)


def probe_signal(sample_freq: int) -> np.ndarray:
    """0.6 seconds of a tone and a rising chirp under a slow swell, then silence; float32.

    It has loud, quiet and digitally silent parts, where front-ends differ most.
    """
    count = max(int(_PROBE_SECONDS * sample_freq), 2)
    time = np.arange(count) / sample_freq
    fraction = np.arange(count) / count
    top = sample_freq / 2
    chirp = np.sin(2 * np.pi * (0.02 * top * time + 0.4 * top * fraction * time))
    tone = np.sin(2 * np.pi * 0.055 * top * time)
    swell = np.maximum(np.sin(np.pi * np.minimum(fraction / 0.8, 1.0)), 0.0)
    quantised = np.round(32768 * 0.3 * swell * (tone + 0.5 * chirp))
    quantised[int(0.8 * count) :] = 0
    return (quantised / 32768).astype(np.float32)


def _with_unset(parameters: JsonObject) -> dict[str, Any]:
    """With those that are named only where they are set."""
    given = all(parameters.get(name) is not None for name in _VECTORS)
    norm = "fixed" if given else "utterance"
    return {**dict.fromkeys(UNSET_BEFORE), "feature_norm": norm, **parameters}


def _shown(value: object) -> str:
    text = repr(value)
    if isinstance(value, list) and len(text) > 80:
        return f"{len(value)} numbers ({', '.join(map(repr, value[:3]))}, ...)"
    return text


def _number_problems(stored: JsonObject, current: JsonObject) -> list[Problem]:
    where = "the features of the probe signal"
    if list(stored.get("shape", [])) != list(current["shape"]):
        found = f"shape {current['shape']}"
        return [Problem(where, found, f"{stored.get('shape', _ABSENT)} as in the checkpoint")]
    numbers = stored.get("numbers", [])
    if len(numbers) != len(current["numbers"]):
        found = f"{len(current['numbers'])} numbers"
        return [Problem(where, found, f"{len(numbers)} as in the checkpoint")]
    difference = np.abs(np.subtract(numbers, current["numbers"], dtype=np.float64)).max()
    if not difference <= TOLERANCE:
        return [
            Problem(
                where,
                f"numbers that differ by up to {difference:.3g} (front-end version "
                f"{stored.get('version')} then, {current['version']} now)",
                f"the checkpoint's within {TOLERANCE:g}",
                "The front-end computes differently: use the version that trained the "
                "checkpoint, or train on.",
            )
        ]
    return []


def _same(before: object, now: object) -> bool:
    if isinstance(before, list) and isinstance(now, list):
        if len(before) != len(now):
            return False
        numbers = all(isinstance(one, (int, float)) for one in [*before, *now])
        if not numbers or any(abs(one) > 2**63 - 1 for one in before):
            return before == now
        return bool(np.allclose(before, now, rtol=1e-5, atol=1e-7))
    if isinstance(before, float) and isinstance(now, float):
        return bool(np.isclose(before, now, rtol=1e-9, atol=0.0))
    return bool(before == now)
