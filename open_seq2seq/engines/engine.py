"""What an engine does: one function over many parts, wherever there is a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from open_seq2seq.errors import RunError

# How often a part is given to another worker after the one that had it has died.
RETRIES = 3
# Parts that wait with each worker, so that none is idle.
AHEAD = 2

Part = TypeVar("Part")
Result = TypeVar("Result")


class Engine(AbstractContextManager["Engine"], Protocol):
    """Workers; leaving its context ends those that it started."""

    @property
    def described(self) -> str:
        """What it is and how many workers there are, for the user."""

    def results(
        self, work: Callable[[Part], Result], parts: Sequence[Part]
    ) -> Iterator[tuple[int, Result]]:
        """The result of each part with its number, once, as soon as it is known.

        A part whose worker dies is done by another one, as often as `RETRIES`.

        Args:
          work: a function of a module, or a `functools.partial` of one; workers import it.
          parts: what can be pickled.

        Raises:
          RunError: workers died of a part each time.
          Exception: what `work` raises.
        """


def lost_workers(number: int, error: Any) -> RunError:
    """Why a part is given up."""
    return RunError(
        f"Workers ended {RETRIES + 1} times while they had part {number} ({error}). Parts that are "
        "done are kept; give workers more memory, or look for a recording that ends a process."
    )
