"""What `/metrics` tells, in Prometheus' text format (version 0.0.4)."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping

# Seconds.
_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_PREFIX = "open_seq2seq_"
_HELP = {
    "requests_total": "Requests, by path and status.",
    "errors_total": "Requests and streams that failed or were refused, by kind.",
    "sessions_total": "Live streams begun.",
    "chunks_total": "Chunks of live streams that were computed.",
    "batches_total": "Batches that they were computed in.",
    "audio_seconds_total": "Seconds of audio recognised, live or uploaded.",
    "busy_seconds_total": "Seconds that streams and uploads waited for their computing.",
    "reloads_total": "Reloads of the models, by outcome.",
}
# Those without labels begin at 0, so that a first increase is seen as one.
_PLAIN = [
    "sessions_total", "chunks_total", "batches_total", "audio_seconds_total", "busy_seconds_total",
]  # fmt: skip
_LATENCIES = {
    "live": "Seconds from the arrival of a chunk to its result.",
    "upload": "Seconds from an upload's turn to its result.",
}


class Metrics:
    """Counts; any thread may.

    `gauges`: what is asked for its value when somebody looks, with its help, by name.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, Counter[tuple[tuple[str, str], ...]]] = {
            name: Counter({(): 0}) for name in _PLAIN
        }
        self._histograms = {kind: [0] * (len(_BUCKETS) + 1) for kind in _LATENCIES}
        self._sums = dict.fromkeys(_LATENCIES, 0.0)
        self.gauges: dict[str, tuple[str, Callable[[], float]]] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Adds to a counter; `name` is one of those that have a help."""
        assert name in _HELP
        with self._lock:
            counter = self._counts.setdefault(name, Counter())
            counter[tuple(sorted(labels.items()))] += amount  # type: ignore[assignment]

    def observe(self, kind: str, seconds: float) -> None:
        """Adds a latency, "live" or "upload"."""
        with self._lock:
            self._histograms[kind][bisect_left(_BUCKETS, seconds)] += 1
            self._sums[kind] += seconds

    def text(self) -> str:
        """All of it."""
        lines: list[str] = []
        with self._lock:
            for name, told in _HELP.items():
                lines += _head(name, told, "counter")
                counts: Mapping[tuple[tuple[str, str], ...], float] = self._counts.get(name, {})
                lines += [f"{_PREFIX}{name}{_labels(key)} {v:g}" for key, v in counts.items()]
            name = "latency_seconds"
            lines += _head(name, " ".join(_LATENCIES.values()), "histogram")
            for kind, counted in self._histograms.items():
                total = 0
                for bound, number in zip([*map(str, _BUCKETS), "+Inf"], counted):
                    total += number
                    lines.append(f'{_PREFIX}{name}_bucket{{kind="{kind}",le="{bound}"}} {total}')
                lines.append(f'{_PREFIX}{name}_sum{{kind="{kind}"}} {self._sums[kind]:g}')
                lines.append(f'{_PREFIX}{name}_count{{kind="{kind}"}} {total}')
        for name, (told, value) in self.gauges.items():
            lines += [*_head(name, told, "gauge"), f"{_PREFIX}{name} {value():g}"]
        return "\n".join(lines) + "\n"


def _head(name: str, told: str, kind: str) -> list[str]:
    return [f"# HELP {_PREFIX}{name} {told}", f"# TYPE {_PREFIX}{name} {kind}"]


def _labels(key: tuple[tuple[str, str], ...]) -> str:
    # Values are the server's own words: paths of routes, kinds of errors, numbers.
    return "{" + ",".join(f'{name}="{value}"' for name, value in key) + "}" if key else ""
