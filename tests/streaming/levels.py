"""A network of streams in NumPy, whose rows are known exactly: see `tests.exported_models`."""

from typing import NamedTuple

import numpy as np

from open_seq2seq.decoders.factory import make_decoder
from open_seq2seq.decoders.params import DECODER_PARAMS
from open_seq2seq.streaming import Session
from open_seq2seq.vocabulary import SymbolTable
from tests.exported_models import FRAME_SHIFT, HOP, RATE, SYMBOLS, network


class State(NamedTuple):
    """All samples so far, and how many rows of them were given."""

    samples: np.ndarray
    rows: int


class LevelsNetwork:
    """Gives each row when `delay` more are there; the rest at the end.

    Args:
      delay: in rows.
      piece_rows: rows of which a piece has a multiple.
    """

    sample_freq, row_samples = RATE, HOP

    def __init__(self, delay=0, piece_rows=1):
        self.delay, self.piece_samples = delay, piece_rows * HOP
        self.look_ahead = delay * FRAME_SHIFT
        self.computed = []  # how many pieces there were in each computation

    def initial_state(self):
        return State(np.zeros(0, np.float32), 0)

    def compute(self, pieces):
        self.computed.append(len(pieces))
        return [self._one(piece) for piece in pieces]

    def _one(self, piece):
        assert piece.last or len(piece.samples) % self.piece_samples == 0
        samples = np.concatenate([piece.state.samples, piece.samples])
        rows = network(samples).astype(np.float32)
        ready = len(rows) if piece.last else max(len(rows) - self.delay, 0)
        return rows[piece.state.rows : ready], State(samples, ready)

    def arrays_of(self, state):
        return {"samples": state.samples, "rows": np.asarray(state.rows)}

    def state_of(self, arrays):
        return State(np.asarray(arrays["samples"]), int(arrays["rows"]))


def decoder(**params):
    return make_decoder(DECODER_PARAMS.parse(params), SymbolTable(SYMBOLS), FRAME_SHIFT)


def session(network=None, params=None, **options):
    network = network or LevelsNetwork()
    return Session(network, decoder(**(params or {})), SYMBOLS, FRAME_SHIFT, **options)


def whole(samples, **params):
    """The offline result."""
    rows = network(samples).astype(np.float32)
    return decoder(**params).decode(rows[None], np.array([len(rows)]))[0]
