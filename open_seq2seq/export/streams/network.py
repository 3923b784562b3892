"""From samples of a piece to its log-probabilities: front-end, encoder and head of streams."""

from __future__ import annotations

from typing import NamedTuple

from open_seq2seq.errors import Problem
from open_seq2seq.export.networks.frames import Frames
from open_seq2seq.export.networks.network import build_model
from open_seq2seq.export.networks.windows import WINDOWS, piece_rows
from open_seq2seq.export.streams.delays import most_delay, most_span
from open_seq2seq.export.streams.time_axis import Clock, StreamTime
from open_seq2seq.export.trained_model import FRONT_END, NETWORK, TrainedModel
from open_seq2seq.features.librosa_front_end import LibrosaFrontEnd
from open_seq2seq.features.stream_graph import build_stream_features, delay_of
from open_seq2seq.graphs.builder import GraphBuilder, Value
from open_seq2seq.graphs.states import GraphStates


class StreamOutputs(NamedTuple):
    """What the graph of a stream gives of a piece.

    Args:
      log_probs: `[batch, time, class]`, blank last; a row for each row of samples.
      first_row, num_rows: `[batch]`, which of these belong to the stream.
      delay: by how many rows they are behind.
      piece_rows: rows of which a piece has a multiple.
    """

    log_probs: Value
    first_row: Value
    num_rows: Value
    delay: int
    piece_rows: int


def stream_problems(model: TrainedModel) -> list[Problem]:
    """Why there is no graph of streams of a model, and what to set instead; empty if there is."""
    extractor, encoder = model.extractor, model.network.encoder
    problems = [*extractor.streaming_problems(), *encoder.streaming_problems()]
    if problems:
        return problems
    if type(encoder) not in WINDOWS or not isinstance(extractor.front_end, LibrosaFrontEnd):
        kind = f"{type(encoder).__name__} with {type(extractor.front_end).__name__}"
        expected = ", ".join(one.__name__ for one in WINDOWS)
        return [Problem("encoder", kind, f"one of {expected}, and backend 'librosa'")]
    return []


def row_samples(model: TrainedModel) -> int:
    """Samples of a row of log-probabilities."""
    return model.extractor.options.hop_length * int(model.network.encoder.time_stride)


def build_stream(
    g: GraphBuilder, model: TrainedModel, states: GraphStates, samples: Value, num_samples: Value
) -> StreamOutputs:
    """Writes the graph of a model that has no `stream_problems`.

    Args:
      g: what writes.
      model: the model.
      states: holds what is kept between pieces.
      samples: `[batch, n]` float32 in [-1, 1], n a multiple of `row_samples` and `piece_rows`.
      num_samples: `[batch]` whole numbers, the real ones of them: n while a stream goes on.
    """
    encoder, row = model.network.encoder, row_samples(model)
    front_end = model.extractor.front_end
    assert isinstance(front_end, LibrosaFrontEnd)
    steps = WINDOWS[type(encoder)](encoder)
    most = most_delay(steps, delay_of(front_end, row))
    with g.scope(FRONT_END):
        # Delays are in frames of any layer, which are a row at most.
        farthest = (most + most_span(steps) + 2) * row
        features = build_stream_features(
            g, model.extractor, states, samples, num_samples, row, farthest
        )
    with g.scope(NETWORK):
        clock = Clock(features.position, features.count, features.frames, most)
        time = StreamTime(clock, states, features.delay)
        inputs = Frames(features.values, time, are_zero_past=True)
        log_probs, frames = build_model(g, model.network, inputs)
        after = frames.time
        assert isinstance(after, StreamTime)
        first, count = after.rows(g)
    return StreamOutputs(log_probs, first, count, after.delay, piece_rows(encoder))
