"""`look_ahead_seconds` of an encoder: frames are the data layer's, so the model knows how many."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from open_seq2seq.config.schema import Params
from open_seq2seq.encoders import ENCODERS
from open_seq2seq.encoders.look_ahead import LOOK_AHEAD, LOOK_AHEAD_SECONDS
from open_seq2seq.errors import Problem
from open_seq2seq.features.params import FEATURE_PARAMS

_FRAMES, _SECONDS = LOOK_AHEAD.name, LOOK_AHEAD_SECONDS.name
_STRIDE = next(param for param in FEATURE_PARAMS if param.name == "window_stride")


def with_look_ahead_in_frames(encoder_params: Params, data_layer_params: Params) -> dict[str, Any]:
    """An encoder's parameters, of which `look_ahead_seconds` has become `look_ahead`.

    Args:
      encoder_params: valid ones, filled or not.
      data_layer_params: those of the data layer, for its `window_stride`.
    """
    seconds = encoder_params.get(_SECONDS)
    if seconds is None:
        return dict(encoder_params)
    stride = data_layer_params.get(_STRIDE.name, _STRIDE.default)
    # Whole frames that fit: 0.29 s are 29 frames of 0.01 s, although neither is exact.
    return {**encoder_params, _FRAMES: int(seconds / stride + 1e-6), _SECONDS: None}


def look_ahead_problems(values: Params) -> Iterable[Problem]:
    """What is wrong with an encoder's `look_ahead_seconds`.

    Args:
      values: valid parameters of a speech model, filled or not.
    """
    params = values.get("encoder_params") or {}
    seconds = params.get(_SECONDS)
    if seconds is None:
        return
    where = f"encoder_params/{_SECONDS}"
    if params.get(_FRAMES) is not None:
        found = f"{seconds:g} and {_FRAMES} {params[_FRAMES]}"
        yield Problem(where, found, "one of them", f"Set {_FRAMES} to None.")
        return
    resolved = with_look_ahead_in_frames(params, values.get("data_layer_params") or {})
    encoder: Any = ENCODERS.get(values["encoder"], values["encoder"])
    # What the model takes out of the dictionary, an initializer say, is not the encoder's.
    own = {name: value for name, value in resolved.items() if name in encoder.PARAMS.by_name}
    for problem in encoder.PARAMS.problems(own, "encoder_params"):
        if problem.where == f"encoder_params/{_FRAMES}":
            found = f"{seconds:g} s, which are {resolved[_FRAMES]} feature frames"
            remedy = f"Set {_SECONDS} to None. {problem.remedy}"
            problem = replace(problem, where=where, found=found, remedy=remedy)
        yield problem
