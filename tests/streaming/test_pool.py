"""Streams that are computed together give what each gives alone."""

import threading

import numpy as np
import pytest

from open_seq2seq.errors import InputError, RunError
from open_seq2seq.streaming import StreamPool
from tests.exported_models import FRAME_SHIFT, HOP, SYMBOLS
from tests.streaming.levels import LevelsNetwork, decoder, session
from tests.streaming.test_session import recording

TEXTS = ["abc", "ca bab", "c", "a b c a b c", "bb", "cab cab"]


def pool(network, most_together=4):
    return StreamPool(network, decoder(), SYMBOLS, FRAME_SHIFT, most_together)


def alone(samples):
    stream = session(LevelsNetwork(6), chunk_seconds=0.05)
    stream.accept(samples)
    return stream.finish()


def test_from_a_thread_each():
    network = LevelsNetwork(6)
    together, results = pool(network), {}
    recordings = [recording(text, seed) for seed, text in enumerate(TEXTS * 3)]
    start = threading.Barrier(len(recordings))

    def one(number):
        stream = together.stream(chunk_seconds=0.05)
        start.wait()
        samples = recordings[number]
        for first in range(0, len(samples), 100 + number):
            stream.accept(samples[first : first + 100 + number])
        results[number] = stream.finish()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(recordings))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, samples in enumerate(recordings):
        assert results[number] == alone(samples)
    assert max(network.computed) <= 4
    assert sum(network.computed) == together.network.pieces
    assert len(network.computed) == together.network.computations


def test_from_one_thread():
    """All that brings a chunk is one computation."""
    network = LevelsNetwork(6)
    together = pool(network, 32)
    recordings = [recording(text, seed) for seed, text in enumerate(TEXTS)]
    sessions = [together.stream(chunk_seconds=0.05) for _ in recordings]
    for first in range(0, max(map(len, recordings)), 5 * HOP):
        partials = together.accept(sessions, [one[first : first + 5 * HOP] for one in recordings])
        assert [partial.text for partial in partials] == [one.partial().text for one in sessions]
    assert network.computed[0] == len(TEXTS)
    for stream, samples in zip(sessions, recordings):
        assert stream.finish() == alone(samples)


def test_one_that_fails_does_not_harm_the_others():
    class Picky(LevelsNetwork):
        def compute(self, pieces):
            if any(piece.samples.max(initial=0) > 2 for piece in pieces):
                raise RunError("too loud")
            return super().compute(pieces)

    together = pool(Picky(6), 32)
    good, bad = together.stream(chunk_seconds=0.05), together.stream(chunk_seconds=0.05)
    samples, outcome = recording(), []
    inside, go_on = threading.Event(), threading.Event()
    first_compute = together.network.network.compute

    def slow(pieces):
        together.network.network.compute = first_compute
        inside.set()
        go_on.wait(60)
        return first_compute(pieces)

    together.network.network.compute = slow

    def accept(stream, what):
        try:
            outcome.append(stream.accept(what).received)
        except RunError as error:
            outcome.append(str(error))

    # The third one computes, and the other two wait: they are taken together.
    third = together.stream(chunk_seconds=0.05)
    threads = [threading.Thread(target=accept, args=(third, samples[:4000]))]
    threads[0].start()
    assert inside.wait(60)
    for stream, what in ((good, samples), (bad, np.full(4000, 3, np.float32))):
        threads.append(threading.Thread(target=accept, args=(stream, what)))
        threads[-1].start()
    while len(together.network._asked) < 2:
        pass
    go_on.set()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcome)) == sorted(["0.5", "too loud", str(len(samples) / 8000)])
    assert good.finish() == alone(samples)


def test_at_least_one_together():
    with pytest.raises(InputError, match="most_together"):
        pool(LevelsNetwork(), 0)
