"""Graphs of streams give what the trained model says of the whole recording, however it is cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.errors import InputError
from open_seq2seq.export.streams.network import stream_problems
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.features import stream_graph
from open_seq2seq.inference.exported_stream import streamed
from open_seq2seq.streaming.network import Piece
from tests.export.small_models import LIBROSA, RATE, experiment_of, small_experiment, speech
from tests.export.streams.models import ENCODERS, FRONT_ENDS, stream_of, trained

MODELS = [(encoder, "fixed") for encoder in ENCODERS]
MODELS += [("quartznet", front_end) for front_end in FRONT_ENDS if front_end != "fixed"]
MODELS += [("causal", "long window"), ("gru", "running")]
SPEECH = speech(4, seed=5)


def cut(network, samples, rows):
    """Pieces of these numbers of rows, again and again; the last one is what is left."""
    first, number = 0, 0
    while True:
        size = rows[number % len(rows)] * network.piece_samples
        is_last = first + size >= len(samples)
        yield samples[first : first + size], is_last
        if is_last:
            return
        first, number = first + size, number + 1


def in_pieces(network, samples, rows, after=0):
    """All log-probabilities of a recording; from the piece `after` on of a restored state."""
    state, found = network.initial_state(), []
    for number, (piece, is_last) in enumerate(cut(network, samples, rows)):
        if number == after:
            state = network.state_of(network.arrays_of(state))
        [(rows_of_piece, state)] = network.compute([Piece(piece, state, is_last)])
        found.append(rows_of_piece)
    return np.concatenate(found)


# What is theirs alone is shown by others too.
SLOW = {"cepstra", "spectrogram", "running for ever", "jasper", "cudnn_gru", "cudnn_lstm",
        "conformer", "causal chunks", "no frames before"}  # fmt: skip


@pytest.mark.parametrize(
    ("encoder", "front_end"),
    [
        pytest.param(*one, id=" with ".join(one), marks=[pytest.mark.slow] * bool({*one} & SLOW))
        for one in MODELS
    ],
)
@settings(deadline=None, max_examples=10)
@given(
    count=st.one_of(st.integers(1, 400), st.integers(1, len(SPEECH))),
    rows=st.lists(st.integers(1, 9), min_size=1, max_size=4),
)
def test_the_whole_recording(encoder, front_end, count, rows):
    if encoder == "valid":  # shorter recordings than the kernels see have no output
        count = max(count, 1500)
    network, samples = stream_of(encoder, front_end), SPEECH[:count]
    expected = trained(encoder, front_end).log_probs(samples)
    found = in_pieces(network, samples, rows)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("encoder", ["quartznet", "jasper", "gru", "lstm", "layernorm_lstm"])
def test_streams_that_go_on_elsewhere(encoder):
    """Bit for bit."""
    network = stream_of(encoder, "fixed")
    expected = in_pieces(network, SPEECH[:20001], [4, 1, 7])
    for after in (0, 3, 9):
        found = in_pieces(network, SPEECH[:20001], [4, 1, 7], after)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("encoder", "front_end"), [("quartznet", "running"), ("gru", "fixed")])
def test_streams_together(encoder, front_end):
    """Of different lengths, begun at different times, of which some part."""
    network = stream_of(encoder, front_end)
    recordings = [speech(seconds, seed) for seed, seconds in enumerate((0.01, 1.3, 0.4, 2.6, 2.6))]
    cuts = [list(cut(network, one, [3])) for one in recordings]
    begins, found = [0, 2, 0, 1, 7], [[] for _ in recordings]
    states = [network.initial_state() for _ in recordings]
    for turn in range(60):
        going = [n for n, one in enumerate(cuts) if 0 <= turn - begins[n] < len(one)]
        if not going:
            break
        going = going if turn % 2 else going[::-1]
        parts = [cuts[n][turn - begins[n]] for n in going]
        pieces = [Piece(part, states[n], last) for n, (part, last) in zip(going, parts)]
        for n, (rows, state) in zip(going, network.compute(pieces)):
            found[n].append(rows)
            states[n] = state
    for samples, rows in zip(recordings, found):
        alone = in_pieces(network, samples, [3])
        np.testing.assert_allclose(np.concatenate(rows), alone, atol=2e-5)


def test_what_waits_for_the_end_comes_with_more_calls_too():
    """As somebody without this package may flush: pieces of no real samples after the last one."""
    network, samples = stream_of("quartznet", "fixed"), SPEECH[:3333]
    row = network.row_samples
    states = {name: value[None] for name, value in network.initial_state().arrays().items()}
    found = []
    for first in range(0, 3333 + (network.graph.delay + 1) * row, 4 * row):
        piece = np.full((1, 4 * row), np.nan, np.float32)
        real = samples[first : first + 4 * row]
        piece[0, : len(real)] = real
        rows = network._session.run(piece, np.array([len(real)], np.int32), states)
        begin = rows.first_row[0]
        found.append(rows.log_probs[0, begin : begin + rows.num_rows[0]])
        states = rows.states
    expected = trained("quartznet", "fixed").log_probs(samples)
    np.testing.assert_allclose(np.concatenate(found), expected, atol=1e-4)


def test_an_end_without_samples():
    """The last piece may be empty, after any number of samples."""
    network = stream_of("quartznet", "running")
    for count in (0, 4, 12):
        samples = SPEECH[: count * network.row_samples]
        state = network.initial_state()
        [(first, state)] = network.compute([Piece(samples, state)])
        [(rest, _)] = network.compute([Piece(samples[:0], state, last=True)])
        found = np.concatenate([first, rest])
        if not count:
            assert found.shape == (0, network.classes)
            continue
        expected = trained("quartznet", "running").log_probs(samples)
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("encoder", "front_end"),
    [
        ("quartznet", "running for ever"),
        pytest.param("causal chunks", "fixed", marks=pytest.mark.slow),
    ],
)
def test_a_stream_without_an_end(encoder, front_end, monkeypatch):
    """Positions that begin again change nothing: dither, rows and the end are where they were."""
    monkeypatch.setattr(stream_graph, "_FARTHEST", 1)
    stream_of.cache_clear()
    try:
        network = stream_of(encoder, front_end)
    finally:
        stream_of.cache_clear()
    samples = np.resize(SPEECH, 500_001)
    (found,) = streamed(network, [samples], 100)
    state = network.initial_state()
    for piece, is_last in cut(network, samples, [100]):
        [(_, state)] = network.compute([Piece(piece, state, is_last)])
    position = network.arrays_of(state)["state_position"]
    assert position < len(samples) - 100_000
    expected = trained(encoder, front_end).log_probs(samples)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_states_of_another_network():
    network, other = stream_of("quartznet", "fixed"), stream_of("jasper", "fixed")
    with pytest.raises(InputError, match="another network"):
        network.state_of(other.arrays_of(other.initial_state()))


@pytest.mark.parametrize(
    ("model", "where"),
    [
        (lambda: small_experiment("quartznet"), "gain"),
        (lambda: small_experiment("jasper", "psf"), "backend"),
        (lambda: small_experiment("crnn", "running"), "encoder"),
        (lambda: small_experiment("deep speech 2, both", "running"), "rnn_unidirectional"),
    ],
    ids=["peak", "psf", "crnn", "backward"],
)
def test_what_cannot_stream_says_why(model, where):
    problems = stream_problems(TrainedModel.of(model()))
    assert where in problems[0].where or where == problems[0].where


def test_utterance_statistics_cannot_stream():
    front_end = {**LIBROSA, "gain": 1 / 32768}
    model = TrainedModel.of(experiment_of(*ENCODERS["causal"], front_end))
    assert [one.where for one in stream_problems(model)] == ["feature_norm"]
    assert model.extractor.options.sample_freq == RATE
