"""Streams over a model in memory: its own front-end and layers, piece by piece."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from open_seq2seq.errors import InputError
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.features.front_end import State
from open_seq2seq.inference.forward import StreamStep
from open_seq2seq.models import Speech2Text
from open_seq2seq.streaming.batch_state import BatchState, joined_states, parted_states
from open_seq2seq.streaming.network import Piece, check_state

_FEATURES, _ENCODER = "features/", "encoder/"


class _State(NamedTuple):
    """What a stream keeps: arrays of the front-end, and a row of those of the encoder."""

    features: State
    encoder: BatchState


class TrainedStream:
    """A `StreamingNetwork` of a front-end and a model.

    Args:
      model: trained.
      extractor: its front-end.

    Raises:
      InputError: one of them needs the whole utterance; says which parameter, and what to set.
    """

    def __init__(self, model: Speech2Text, extractor: FeatureExtractor):
        problems = [*extractor.streaming_problems(), *model.encoder.streaming_problems()]
        if problems:
            raise InputError(
                "This model can't take a recording piece by piece (Recognizer.buffered_stream "
                "computes windows that overlap):",
                problems,
            )
        self.extractor = extractor
        self.sample_freq = extractor.sample_freq
        self.row_samples = extractor.hop_length * model.encoder.time_stride
        self.piece_samples = self.row_samples
        ahead = model.encoder.context[1] * extractor.hop_length + extractor.context.right
        self.look_ahead = ahead / self.sample_freq
        self._step = StreamStep(model)
        self._initial = _State(extractor.initial_state(), BatchState(self._step.initial_state()))

    def initial_state(self) -> _State:
        """See `StreamingNetwork`."""
        return self._initial

    def compute(self, pieces: Sequence[Piece]) -> list[tuple[np.ndarray, _State]]:
        """See `StreamingNetwork`."""
        features, kept = [], []
        for piece in pieces:
            of_piece, after = self.extractor.stream(piece.samples, piece.state.features, piece.last)
            features.append(of_piece)
            kept.append(after)
        lengths = np.array([len(one) for one in features], np.int32)
        # A frame at least: ends may come without any.
        longest = max(int(lengths.max()), 1)
        padded = np.zeros((len(pieces), longest, features[0].shape[1]), np.float32)
        for row, one in zip(padded, features):
            row[: len(one)] = one
        before = joined_states([piece.state.encoder for piece in pieces])
        ends = np.array([piece.last for piece in pieces])
        logits, counts, arrays = self._step(padded, lengths, before, ends)
        states = parted_states(arrays, len(pieces))
        return [
            (logits[row, : counts[row]], _State(kept[row], states[row]))
            for row in range(len(pieces))
        ]

    def arrays_of(self, state: _State) -> dict[str, np.ndarray]:
        """See `StreamingNetwork`."""
        return {
            **{f"{_FEATURES}{name}": value for name, value in state.features.items()},
            **{f"{_ENCODER}{name}": value for name, value in state.encoder.arrays().items()},
        }

    def state_of(self, arrays: Mapping[str, np.ndarray]) -> _State:
        """See `StreamingNetwork`."""
        own = self.arrays_of(self._initial)
        # The samples that a front-end holds back are as many as they are.
        check_state(arrays, own, free=[name for name in own if name.startswith(_FEATURES)])
        parts: dict[str, dict[str, np.ndarray]] = {_FEATURES: {}, _ENCODER: {}}
        for name, value in arrays.items():
            part = _FEATURES if name.startswith(_FEATURES) else _ENCODER
            parts[part][name.removeprefix(part)] = value
        batch = {name: value[None] for name, value in parts[_ENCODER].items()}
        return _State(parts[_FEATURES], BatchState(batch))
