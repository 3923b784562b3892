"""What a row of log-probabilities is made of: sound before its place, and after it.

Row r has its place at sample `r * row_samples`. What it depends on after that is the only delay
that a stream has by design; see `StreamingNetwork.look_ahead`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from open_seq2seq.encoders.layer_context import LayerContext
from open_seq2seq.errors import Problem
from open_seq2seq.features.extractor import FeatureExtractor


@dataclass(frozen=True)
class StageContext:
    """What the front-end, its normalisation or a layer adds.

    Args:
      name: what it is.
      left, right: seconds before and after; `math.inf`: all of the utterance.
      problems: why it needs the whole utterance, and what to set instead.
    """

    name: str
    left: float
    right: float
    problems: tuple[Problem, ...] = ()


class _Encoder(Protocol):
    def layer_contexts(self) -> list[LayerContext]: ...


def model_context(extractor: FeatureExtractor, encoder: _Encoder) -> list[StageContext]:
    """The stages of a model, from the samples upwards.

    Args:
      extractor: its front-end.
      encoder: its encoder, which needs no variables.
    """
    return [*_of_features(extractor), *_of_layers(extractor, encoder.layer_contexts())]


def total_of(stages: Sequence[StageContext]) -> StageContext:
    """All of them together; a problem of several is there once."""
    problems = tuple(dict.fromkeys(one for stage in stages for one in stage.problems))
    left, right = (sum(getattr(one, side) for one in stages) for side in ("left", "right"))
    return StageContext("all", left, right, problems)


def _of_features(extractor: FeatureExtractor) -> list[StageContext]:
    options, rate = extractor.options, extractor.sample_freq
    own = tuple(extractor.front_end.streaming_problems())
    left, right = (samples / rate for samples in extractor.context)
    if own:
        left = right = math.inf
    window = f"{options.backend} {options.input_type}, {options.window_size * 1000:g} ms"
    front_end = StageContext(f"front-end: {window}", left, right, own)
    others = tuple(one for one in extractor.streaming_problems() if one not in own)
    before = math.inf if others or options.norm == "running" else 0.0
    after = math.inf if others else 0.0
    name = f"normalisation: feature_norm {options.norm}"
    return [front_end, StageContext(name, before, after, others)]


def _of_layers(extractor: FeatureExtractor, layers: Sequence[LayerContext]) -> list[StageContext]:
    frame, stages = extractor.hop_length / extractor.sample_freq, []
    for layer in layers:
        problems = () if layer.problem is None else (layer.problem,)
        stages.append(StageContext(layer.name, layer.left * frame, layer.right * frame, problems))
        frame *= layer.stride
    return stages
