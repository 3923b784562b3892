"""Graphs of streams in every runtime: the recording's rows; states that go from one to another."""

import numpy as np
import pytest

from open_seq2seq.streaming.network import Piece
from tests.export.small_models import speech
from tests.export.streams.models import ENCODERS, stream_of, trained

SPEECH = speech(2.3, seed=6)
FORMATS = ("litert", "saved_model", "openvino")
ROWS = [3, 1, 8, 2]
FAST = {("litert", "quartznet")}


def pieces_of(network, rows):
    """Cuts of the speech, of these numbers of rows again and again."""
    first, number, found = 0, 0, []
    while first < len(SPEECH):
        size = rows[number % len(rows)] * network.piece_samples
        found.append(SPEECH[first : first + size])
        first, number = first + size, number + 1
    return found


def in_pieces(networks, rows=ROWS, moves=()):
    """All rows; before the pieces whose numbers are in `moves` the stream goes to the next one."""
    networks, found = list(networks), []
    network = networks.pop(0)
    state = network.initial_state()
    pieces = pieces_of(network, rows)
    for number, piece in enumerate(pieces):
        if number in moves:
            arrays = network.arrays_of(state)
            network = networks.pop(0)
            state = network.state_of(arrays)
        [(more, state)] = network.compute([Piece(piece, state, number == len(pieces) - 1)])
        found.append(more)
    return np.concatenate(found)


@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        pytest.param(name, encoder, marks=[pytest.mark.slow] * ((name, encoder) not in FAST))
        for name in FORMATS
        for encoder in ENCODERS
    ],
)
def test_the_rows_of_the_whole_recording(name, encoder):
    network = stream_of(encoder, "fixed", name)
    expected = trained(encoder, "fixed").log_probs(SPEECH)
    found = in_pieces([network])
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-4)
    # Bit for bit where it is put down and taken up again.
    np.testing.assert_array_equal(in_pieces([network] * 3, moves=[2, 5]), found)


@pytest.mark.slow
@pytest.mark.parametrize("front_end", ["running", "cepstra", "long window"])
@pytest.mark.parametrize("name", FORMATS)
def test_the_front_ends(name, front_end):
    expected = trained("quartznet", front_end).log_probs(SPEECH)
    found = in_pieces([stream_of("quartznet", front_end, name)])
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.slow
def test_a_stream_goes_from_runtime_to_runtime():
    networks = [stream_of("gru", "fixed", name) for name in ("onnx", *FORMATS)]
    expected = trained("gru", "fixed").log_probs(SPEECH)
    found = in_pieces(networks, moves=[2, 4, 6])
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(
    "name",
    [one if one == "litert" else pytest.param(one, marks=pytest.mark.slow) for one in FORMATS],
)
def test_streams_together(name):
    """Of different lengths, of which one ends at each turn."""
    network = stream_of("quartznet", "fixed", name)
    recordings = [SPEECH[:count] for count in (900, 8000, 17003)]
    size = 5 * network.piece_samples
    states, found = [network.initial_state() for _ in recordings], [[] for _ in recordings]
    for first in range(0, 17003, size):
        going = [n for n, one in enumerate(recordings) if first < len(one)]
        parts = [recordings[n][first : first + size] for n in going]
        pieces = [
            Piece(part, states[n], first + size >= len(recordings[n]))
            for n, part in zip(going, parts)
        ]
        for n, (rows, state) in zip(going, network.compute(pieces)):
            found[n].append(rows)
            states[n] = state
    for samples, rows in zip(recordings, found):
        expected = trained("quartznet", "fixed").log_probs(samples)
        np.testing.assert_allclose(np.concatenate(rows), expected, atol=1e-4)
