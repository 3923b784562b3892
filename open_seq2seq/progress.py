"""How far a long task is: what the library tells, whoever shows it.

Nothing is shown by itself. A command gives `console.ProgressBar`.
"""

from __future__ import annotations

from typing import Any, Protocol


class Progress(Protocol):
    """Of one task, a context manager."""

    def advance(self, *status: str) -> None:
        """One more unit is done.

        Args:
          status: how it goes, the most important first.
        """

    def __enter__(self) -> Any: ...

    def __exit__(self, *error: object) -> None: ...


class ProgressFactory(Protocol):
    """Makes the progress of a task of `total` units, `done` of which were done before."""

    def __call__(self, what: str, total: int | None, done: int = 0) -> Progress: ...


class _Unshown:
    def advance(self, *status: str) -> None:
        """Shows nothing."""

    def __enter__(self) -> _Unshown:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to stop."""


def unshown(what: str, total: int | None, done: int = 0) -> Progress:
    """Progress that nobody looks at."""
    return _Unshown()


def clock(seconds: float) -> str:
    """`h:mm:ss`."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
