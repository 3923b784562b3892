"""One stream from its first sample to its last: session, what is shown, figures."""

from __future__ import annotations

import time

import numpy as np

from open_seq2seq.commands.listening.latency import Figures
from open_seq2seq.commands.listening.shown import Finished, Shown
from open_seq2seq.commands.listening.sources import Block, Clock
from open_seq2seq.streaming import Session


class Listener:
    """Gives blocks to a session, and what comes of them to what shows it.

    Args:
      session: a new one.
      shown: what shows texts.
      clock: the source's.
    """

    def __init__(self, session: Session, shown: Shown, clock: Clock = time.monotonic):
        self.session, self.shown, self.figures = session, shown, Figures()
        self._clock, self._decoded = clock, 0.0

    def warm_up(self) -> None:
        """Computes noise, so that the first chunk does not wait for what is made only once."""
        session = self.session
        seconds = 2 * session.chunk_seconds + session.network.look_ahead
        noise = np.random.default_rng(0).standard_normal(int(seconds * session.sample_freq) + 1)
        session.accept((0.1 * noise).astype(np.float32))
        session.finish()
        session.reset()

    def accept(self, block: Block) -> None:
        """Takes more samples; shows the text if it is another one, and an utterance that ended."""
        begun = self._clock()
        partial = self.session.accept(block.samples)
        endpoint = self.session.endpoint()
        result = self.session.end_utterance() if endpoint is not None else None
        now = self._clock()
        self.figures.computed += now - begun
        self.figures.heard += len(block.samples) / self.session.sample_freq
        if partial.decoded > self._decoded:
            self.figures.chunks.append(now - block.arrived)
            self._decoded = partial.decoded
        if endpoint is None or result is None:
            self.shown.partial(partial)
            return
        end = min(endpoint.end, partial.received)
        self.shown.final(Finished(result, endpoint.start, end, partial.received, partial.decoded))

    def finish(self) -> None:
        """Ends the stream: shows what waited for it."""
        begun = self._clock()
        result = self.session.finish()
        self.figures.computed += self._clock() - begun
        last = self.session.partial()
        self.shown.final(Finished(result, last.start, last.decoded, last.received, last.decoded))
