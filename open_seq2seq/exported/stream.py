"""The graph of a stream in an exported folder: its state, which is input and output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from open_seq2seq.files import NUMBER, misfits

_FORM = {
    "row_samples": int,
    "delay": int,
    "piece_rows?": int,
    "states": [{"input": str, "output": str, "dtype": str, "shape": [int]}],
}
_DTYPES = ("float32", "int32")
# Numbers of a stream's state: more than any network keeps.
_MOST = 1 << 28


@dataclass(frozen=True)
class StreamState:
    """A state of a stream's graph.

    Args:
      input, output: the names of its tensors, before a piece and after it.
      dtype: "float32" or "int32".
      shape: without the first axis, which is that of the batch.
      initial: what a stream begins with: one number for all, or all in the order of the last axis
        first.
    """

    input: str
    output: str
    dtype: str
    shape: tuple[int, ...]
    initial: tuple[float, ...]

    def begin(self) -> np.ndarray:
        """What a stream begins with, `[*shape]`."""
        numbers = np.array(self.initial, self.dtype)
        numbers = np.broadcast_to(numbers, prod(self.shape)) if len(numbers) == 1 else numbers
        return numbers.reshape(self.shape).copy()

    def to_json(self) -> dict[str, Any]:
        """As in `recognizer.json`."""
        shown = self.initial[0] if len(self.initial) == 1 else list(self.initial)
        names = {"input": self.input, "output": self.output}
        return {**names, "dtype": self.dtype, "shape": list(self.shape), "initial": shown}


@dataclass(frozen=True)
class StreamGraph:
    """How the graph of a stream is used.

    A call takes `samples` `[batch, n]` float32, n a multiple of `piece_samples` that all streams of
    the batch have in common, `num_samples` `[batch]` int32 and the states. It gives `log_probs`
    `[batch, n / row_samples, class]`, of which the `num_rows` `[batch]` from `first_row` `[batch]`
    on belong to the stream, and the new states.

    While a stream goes on, `num_samples` is n. Where it is less, the stream ends with so many of
    the samples; what follows them is not looked at. Its last rows have come when `delay + 1` rows
    of samples have followed its end.

    Args:
      row_samples: samples of a row.
      delay: rows.
      states: all there are.
      piece_rows: rows of which a piece has a multiple: the chunks of an attention.
    """

    row_samples: int
    delay: int
    states: tuple[StreamState, ...]
    piece_rows: int = 1

    @property
    def piece_samples(self) -> int:
        """Samples of which a piece has a multiple."""
        return self.row_samples * self.piece_rows

    def to_json(self) -> dict[str, Any]:
        """As in `recognizer.json`."""
        states = [one.to_json() for one in self.states]
        more = {"piece_rows": self.piece_rows} if self.piece_rows > 1 else {}
        return {"row_samples": self.row_samples, "delay": self.delay, **more, "states": states}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> StreamGraph:
        """Of a value that `stream_misfits` finds nothing in."""
        states = [
            StreamState(
                one["input"], one["output"], one["dtype"], tuple(one["shape"]), _initial(one)
            )
            for one in value["states"]
        ]
        rows = value.get("piece_rows", 1)
        return cls(value["row_samples"], value["delay"], tuple(states), rows)


def stream_misfits(value: Any, where: str) -> Iterator[str]:
    """In what a value of JSON is no `StreamGraph`."""
    wrong = list(misfits(value, _FORM, where))
    yield from wrong
    if wrong:
        return
    if value["row_samples"] <= 0 or not 0 <= value["delay"] <= _MOST:
        yield f"row_samples {value['row_samples']!r} and delay {value['delay']!r} in {where}"
    if not 1 <= value.get("piece_rows", 1) <= _MOST:
        yield f"piece_rows {value['piece_rows']!r} in {where}"
    names: list[str] = []
    numbers = 0
    for index, one in enumerate(value["states"]):
        place = f"{where}.states[{index}]"
        names += [one["input"], one["output"]]
        shape, initial = one["shape"], one.get("initial")
        if one["dtype"] not in _DTYPES:
            yield f"dtype {one['dtype']!r} in {place}"
        if min(shape, default=1) < 1 or (numbers := numbers + prod(shape)) > _MOST:
            yield f"shape {shape!r} in {place}"
            return
        form = [NUMBER] if isinstance(initial, list) else NUMBER
        wrong = list(misfits(initial, form, f"{place}.initial"))
        yield from wrong
        if not wrong and isinstance(initial, list) and len(initial) != prod(shape):
            yield f"{len(initial)} numbers in {place}.initial for shape {shape!r}"
    if len(set(names)) < len(names):
        yield f"names that are twice there in {where}.states"


def _initial(value: Mapping[str, Any]) -> tuple[float, ...]:
    initial = value["initial"]
    return tuple(initial) if isinstance(initial, list) else (initial,)
