"""Ctrl-C and SIGTERM as a wish that training can grant at a good moment."""

from __future__ import annotations

import signal
from typing import Any


class StopSignals:
    """While entered, the first signal is only noted in `requested`; a second one interrupts."""

    _HANDLED = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.requested = False
        self._before: list[Any] = []

    def _request(self, number: int, frame: Any) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def __enter__(self) -> StopSignals:
        try:
            self._before = [signal.signal(number, self._request) for number in self._HANDLED]
        except ValueError:  # not in the main thread: whoever runs it handles signals
            self._before = []
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in zip(self._HANDLED, self._before):
            signal.signal(number, handler)
