"""How often a client may begin something: a bucket of tokens for each."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from open_seq2seq.serving.refusal import Refused

_MOST_CLIENTS = 10_000


class Rates:
    """Counts what clients begin.

    Args:
      per_minute: what each may begin, on average; at once as many.
      clock: seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic):
        self._most, self._clock = float(per_minute), clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> None:
        """Counts one more.

        Raises:
          Refused: there were too many.
        """
        now = self._clock()
        left, then = self._left.pop(client, (self._most, now))
        left = min(left + (now - then) * self._most / 60, self._most)
        allowed = left >= 1
        self._left[client] = (left - allowed, now)
        if len(self._left) > _MOST_CLIENTS:
            self._left.popitem(last=False)
        if not allowed:
            wait = max(round((1 - left) * 60 / self._most), 1)
            text = f"More than {self._most:g} requests in a minute."
            raise Refused(429, text, "rate_limit_exceeded", retry_after=wait)
