"""How long after its sound a text is there."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from open_seq2seq.streaming import Session


@dataclass
class Figures:
    """Measured while a stream goes on, in seconds.

    Args:
      chunks: of each chunk, from the arrival of its last samples to its result.
      heard: of audio.
      computed: of this process's work on it.
    """

    chunks: list[float] = field(default_factory=list)
    heard: float = 0.0
    computed: float = 0.0

    def lines(self, session: Session) -> list[str]:
        """What there is to say in the end; nothing where nothing was computed.

        Args:
          session: the stream, for what its text waits for by design.
        """
        if not self.chunks or not self.heard:
            return []
        p50, p95, p99 = np.percentile(np.array(self.chunks) * 1000, (50, 95, 99))
        return [
            f"{self.heard:.1f} s of audio in chunks of {session.chunk_seconds * 1000:.0f} ms, look-"
            f"ahead {session.network.look_ahead * 1000:.0f} ms; real-time factor "
            f"{self.computed / self.heard:.3f}.",
            f"From the arrival of a chunk to its result: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 "
            f"{p99:.1f} ms ({len(self.chunks)} chunks).",
        ]
