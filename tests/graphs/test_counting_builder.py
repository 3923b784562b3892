"""Calls are counted by name, and handed on."""

import numpy as np

from open_seq2seq.graphs.keras_builder import KerasBuilder
from tests.graphs.counting_builder import CountingBuilder


def test_calls_are_counted_and_handed_on():
    g = CountingBuilder(KerasBuilder())
    x = g.add(np.array([[1.0, -2.0]], np.float32), np.array([[2.0, 1.0]], np.float32))
    x = g.unary("relu", g.add(g.unary("abs", x), 1.0))
    assert np.asarray(g.reduce("sum", x, axes=(1,))).tolist() == [[6.0]]
    assert g.counts == {"add": 2, "unary relu": 1, "unary abs": 1, "reduce sum": 1}
