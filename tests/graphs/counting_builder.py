"""How many operations a graph is written with."""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager
from typing import Any

from open_seq2seq.graphs.builder import GraphBuilder


class CountingBuilder:
    """Hands every call on to another `GraphBuilder`, and counts them.

    Args:
      builder: the other one.

    `counts` has the calls by name, those of `unary` and `reduce` by name and kind: "unary relu".
    """

    def __init__(self, builder: GraphBuilder):
        self._builder = builder
        self.counts: Counter[str] = Counter()

    def scope(self, name: str) -> AbstractContextManager[None]:
        """See `GraphBuilder`."""
        return self._builder.scope(name)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._builder, name)

        def counted(*arguments: Any, **keywords: Any) -> Any:
            has_kind = name in ("unary", "reduce")
            self.counts[f"{name} {arguments[0]}" if has_kind else name] += 1
            return method(*arguments, **keywords)

        return counted
