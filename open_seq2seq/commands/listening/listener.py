"""One stream from its first sample to its last: session, what is shown, figures."""

from __future__ import annotations

import time

import numpy as np

from open_seq2seq.commands.listening.latency import Figures
from open_seq2seq.commands.listening.shown import Shown
from open_seq2seq.commands.listening.sources import Block, Clock
from open_seq2seq.streaming import Session, UtteranceStream


class Listener:
    """Gives blocks to a session, and what comes of them to what shows it.

    Args:
      session: a new one.
      shown: what shows texts.
      clock: the source's.
    """

    def __init__(self, session: Session, shown: Shown, clock: Clock = time.monotonic):
        self.session, self.shown, self.figures = session, shown, Figures()
        self._utterances = UtteranceStream(session)
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
        partial, ended = self._utterances.accept(block.samples)
        now = self._clock()
        self.figures.computed += now - begun
        self.figures.heard += len(block.samples) / self.session.sample_freq
        if partial.decoded > self._decoded:
            self.figures.chunks.append(now - block.arrived)
            self._decoded = partial.decoded
        for one in ended:
            self.shown.final(one)
        if partial.decoded > partial.start or not ended:
            self.shown.partial(partial)

    def finish(self) -> None:
        """Ends the stream: shows what waited for it."""
        begun = self._clock()
        ended = self._utterances.finish()
        self.figures.computed += self._clock() - begun
        for one in ended:
            self.shown.final(one)
