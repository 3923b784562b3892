"""Whose chunk is computed next, by the order and number of batches: no clock but the loop's."""

import asyncio

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.serving.turns import Turns
from open_seq2seq.streaming import StreamPool, UtteranceStream
from tests.exported_models import FRAME_SHIFT, HOP, SYMBOLS, speech
from tests.streaming.levels import LevelsNetwork, decoder

CHUNK = 5 * HOP


class Streams:
    """Streams over a network that counts; `batches` has the names of each batch."""

    def __init__(self, names, most_together, batches=1):
        pool = StreamPool(LevelsNetwork(), decoder(), SYMBOLS, FRAME_SHIFT)
        self.streams = {name: UtteranceStream(pool.stream(chunk_seconds=0.05)) for name in names}
        self.turns, self.batches = Turns(most_together, batches), []
        self.running = self.most_running = 0

    async def in_thread(self, work):
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        await asyncio.sleep(0)  # others come while it is computed
        before = self._received()
        found = work()
        after = self._received()
        self.batches.append("".join(name for name in self.streams if after[name] > before[name]))
        self.running -= 1
        return found

    def _received(self):
        return {name: one.session.partial().received for name, one in self.streams.items()}

    async def says(self, name, chunks, samples=None):
        """Brings so many chunks, each when the one before is computed."""
        samples = speech("a" * 5) if samples is None else samples
        for _ in range(chunks):
            heard = await self.turns.accept(self.streams[name], samples, self.in_thread)
        return heard


def test_all_that_wait_are_computed_together():
    async def job():
        streams = Streams("abcdef", 16)
        await asyncio.gather(*(streams.says(name, 3) for name in "abcdef"))
        return streams.batches

    assert asyncio.run(job()) == ["abcdef"] * 3


def test_no_more_at_once_than_there_are_threads():
    async def job():
        streams = Streams("abcdefgh", 2, batches=3)
        await asyncio.gather(*(streams.says(name, 4) for name in "abcdefgh"))
        return streams

    streams = asyncio.run(job())
    assert streams.most_running == 3
    assert max(map(len, streams.batches)) == 2
    assert sum(map(len, streams.batches)) == 8 * 4


def test_who_brings_much_delays_nobody():
    """Between two chunks of a patient stream every other one has one turn at most."""

    async def job():
        streams = Streams("abcdefgh", 2)
        greedy = [streams.says(name, 50) for name in "abcdefg"]
        await asyncio.gather(*greedy, streams.says("h", 10))
        return streams.batches

    batches = asyncio.run(job())
    turns = [number for number, batch in enumerate(batches) if "h" in batch]
    assert len(turns) == 10
    assert max(np.diff(turns)) <= 4  # 8 streams, 2 a batch


def test_an_error_is_one_streams_own():
    async def job():
        streams = Streams("abc", 16)
        bad = streams.says("b", 1, np.full(CHUNK, np.nan, np.float32))
        return await asyncio.gather(
            streams.says("a", 1), bad, streams.says("c", 1), return_exceptions=True
        )

    first, error, last = asyncio.run(job())
    assert first[0].text == last[0].text == "a"
    with pytest.raises(InputError, match="finite"):
        raise error


def test_who_is_gone_leaves_no_place_taken():
    async def job():
        streams = Streams("ab", 1)
        gone = asyncio.create_task(streams.says("a", 100))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait_for(streams.says("b", 3), 10)
        return streams.batches

    assert asyncio.run(job()).count("b") == 3
