"""Utterances for a graph of tensors, which may take frames, rows of frames, or whole utterances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from open_seq2seq.errors import InputError, Problem, RunError
from open_seq2seq.scoring.model import Arrays, Port, VariableState
from open_seq2seq.scoring.placing import Place
from open_seq2seq.scoring.sessions.session import TensorSession

# Rows of one call of a graph that takes any number: a long recording is cut.
_MOST_ROWS = 4096
# How far a graph made for many rows may be from the one that was given, of its largest score.
_SAME = 1e-4


@dataclass(frozen=True)
class Context:
    """Copies of the first and last frame that are fed around an utterance: `-cw_l`, `-cw_r`.

    Scores of a graph that keeps frames come `right` frames late.
    """

    left: int = 0
    right: int = 0


NO_CONTEXT = Context()


class TensorModel:
    """See `ScoringModel`.

    A graph of `[frames, features]` that keeps no state takes all frames of an utterance as rows,
    also if it was made for one or eight: `rows`. With state it takes them one after the other:
    `frames`. One of `[batch, time, features]` takes whole utterances: `whole`.

    Args:
      session: the graph.
      layouts: of its inputs, see `parse_layouts`.
      context: of a graph that keeps frames.

    Raises:
      InputError: it has no input for features, or mixes frames.
    """

    def __init__(
        self,
        session: TensorSession,
        layouts: Mapping[str, str] | None = None,
        context: Context = NO_CONTEXT,
    ):
        self.session, self._context = session, context
        self.about, self.precision = session.about, session.precision
        self.notes: list[str] = []
        self._places = [Place.of(one, layouts or {}) for one in session.inputs if not one.is_whole]
        self._lengths = [one.name for one in session.inputs if one.is_whole]
        if not self._places:
            problem = Problem("-m", "a graph without inputs of floats", "features as input")
            raise InputError("The model takes no features:", [problem])
        self._first = self._places[0]
        self._variables = session.query_state()
        self._mode, self._step = self._plan()
        self._variables = self.session.query_state()
        whole = self._mode == "whole"
        self.inputs = tuple(
            Port(one.name, one.dim, whole and not one.has_time) for one in self._places
        )
        self.outputs = tuple(
            Port(one.name, one.shape[-1] if one.shape else None)
            for one in session.outputs
            if not one.is_whole
        )
        self._check_context()
        self._frames_in = self._late = 0

    def _plan(self) -> tuple[str, int | None]:
        """How frames are fed, and how many at a time (None: any number)."""
        first = self._first
        if first.has_time:
            time = first.size("T")
            if time is None:
                return "whole", None
            if time > 1 and not self._variables and self._widen("T"):
                return "whole", None
            return "frames", time
        rows = first.size("N")
        if self._variables:
            return "frames", rows or 1
        if rows is None:
            return "rows", None
        if self._widen("N", rows):
            return "rows", None
        return "frames", rows

    def _widen(self, letter: str, rows: int = 0) -> bool:
        """Takes the same graph with a free axis; with `rows` if it gives the same for them."""
        wider = self.session.with_shapes({one.name: one.freed(letter) for one in self._places})
        if wider is None or (rows and not self._computes_the_same(wider, rows)):
            return False
        self.session = wider
        return True

    def _computes_the_same(self, wider: TensorSession, rows: int) -> bool:
        """Whether a graph for any number of rows gives what it gives in its own size."""
        if any(not one.shape or one.shape[0] is not None for one in wider.outputs):
            return False
        random = np.random.default_rng(0)
        values = {
            one.name: random.standard_normal((2 * rows, one.dim or 1)).astype(np.float32)
            for one in self._places
        }
        names = [one.name for one in wider.outputs]
        try:
            together = wider.run(self._feeds(values, 2 * rows), names)
        except RunError:
            return False
        for part in (slice(0, rows), slice(rows, 2 * rows)):
            own = {name: value[part] for name, value in values.items()}
            for mine, theirs in zip(self.session.run(self._feeds(own, rows), names), together):
                scale = float(np.abs(mine).max(initial=1.0))
                if np.abs(mine - theirs[part]).max(initial=0.0) > _SAME * scale:
                    return False
        return True

    def _feeds(self, rows: Mapping[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
        feeds = {one.name: one.rows(rows[one.name]) for one in self._places}
        return feeds | {name: np.array([count]) for name in self._lengths}

    def _check_context(self) -> None:
        asked = self._context
        if (asked.left or asked.right) and not self._variables:
            self._context = NO_CONTEXT
            self.notes.append(
                f"-cw_l {asked.left} -cw_r {asked.right}: the model keeps no frames, so there is "
                "no context to fill; scores are not moved."
            )
        elif self.session.keeps_frames and not (asked.left or asked.right):
            self.notes.append(
                "The model keeps old frames: its scores are late by what it looks ahead. "
                "-cw_l and -cw_r (its left and right context) fill the edges and move them back."
            )
        if self._variables and self._mode == "frames" and (self._step or 1) > 1:
            found = f"state, and {self._step} frames at a time"
            problem = Problem("-m", found, "one frame at a time, or no state")
            raise InputError("The model mixes frames of one utterance:", [problem])

    # --- whole utterances

    def score(self, utterances: Sequence[Arrays], outputs: Sequence[str]) -> list[Arrays]:
        """See `ScoringModel`."""
        if len(utterances) > 1 and self._mode == "whole" and self._lengths:
            return self._score_padded(utterances, outputs)
        if len(utterances) > 1 and self._mode == "rows":
            return self._score_joined(utterances, outputs)
        scores = []
        for one in utterances:
            self.reset_state()
            scores.append(self.accept(one, outputs, last=True))
        return scores

    def _score_joined(self, utterances: Sequence[Arrays], outputs: Sequence[str]) -> list[Arrays]:
        """Frames of several utterances as rows of one call."""
        rows = [self._rows_of(one) for one in utterances]
        joined = {
            one.name: np.concatenate([each[one.name] for each in rows]) for one in self._places
        }
        ends = np.cumsum([len(each[self._first.name]) for each in rows])[:-1]
        found = self.accept(joined, outputs, last=True)
        parts = {name: np.split(value, ends) for name, value in found.items()}
        return [{name: parts[name][place] for name in outputs} for place in range(len(rows))]

    def _score_padded(self, utterances: Sequence[Arrays], outputs: Sequence[str]) -> list[Arrays]:
        """Utterances beside each other, with their lengths."""
        lengths = np.array([len(one[self._first.name]) for one in utterances])
        feeds: dict[str, np.ndarray] = {}
        for place in self._places:
            parts = [np.atleast_2d(np.asarray(one[place.name], np.float32)) for one in utterances]
            padded = np.zeros((len(parts), max(map(len, parts)), parts[0].shape[1]), np.float32)
            for row, part in zip(padded, parts):
                row[: len(part)] = part
            feeds[place.name] = place.utterances(padded)
        feeds |= dict.fromkeys(self._lengths, lengths)
        counts = [one.name for one in self.session.outputs if one.is_whole]
        found = self.session.run(feeds, [*outputs, *counts[:1]])
        rows = found[-1].reshape(-1) if counts else lengths
        return [
            {name: value[place, : rows[place]].copy() for name, value in zip(outputs, found)}
            for place in range(len(utterances))
        ]

    # --- pieces

    def accept(self, piece: Arrays, outputs: Sequence[str], last: bool = False) -> Arrays:
        """See `ScoringModel`. A graph without state takes each piece as an utterance of its own."""
        if self._mode == "whole":
            given = {one.name: np.atleast_2d(piece[one.name])[None] for one in self._places}
            feeds = {one.name: one.utterances(given[one.name]) for one in self._places}
            count = given[self._first.name].shape[1]
            feeds |= {name: np.array([count]) for name in self._lengths}
            found = self.session.run(feeds, outputs)
            return {name: value.reshape(-1, value.shape[-1]) for name, value in zip(outputs, found)}
        features = self._with_context(self._rows_of(piece), last)
        parts = list(self._calls(features, outputs))
        widths = {one.name: one.dim or 0 for one in self.outputs}
        return {
            name: np.concatenate([part[place] for part in parts])
            if parts
            else np.zeros((0, widths[name]), np.float32)
            for place, name in enumerate(outputs)
        }

    def _rows_of(self, piece: Arrays) -> dict[str, np.ndarray]:
        """Every input with as many rows as the features have: an i-vector is repeated."""
        count = len(piece[self._first.name])
        rows = {}
        for one in self._places:
            value = np.atleast_2d(np.asarray(piece[one.name], np.float32))
            if len(value) == 1 and count != 1:
                value = np.broadcast_to(value, (count, value.shape[1]))
            if len(value) != count:
                found = f"{len(value)} rows beside {count} of {self._first.name}"
                problem = Problem(one.name, found, "as many, or one")
                raise InputError("The inputs of an utterance do not fit:", [problem])
            rows[one.name] = value
        return rows

    def _with_context(self, rows: dict[str, np.ndarray], last: bool) -> dict[str, np.ndarray]:
        """Copies of the first row before a stream, of the last one behind it."""
        left = self._context.left if self._frames_in == 0 else 0
        right = self._context.right if last else 0
        if self._frames_in == 0:
            self._late = self._context.left + self._context.right
        self._frames_in += len(rows[self._first.name])
        if not left and not right:
            return rows
        return {
            name: np.concatenate(
                [np.repeat(value[:1], left, 0), value, np.repeat(value[-1:], right, 0)]
            )
            for name, value in rows.items()
        }

    def _calls(
        self, rows: Mapping[str, np.ndarray], outputs: Sequence[str]
    ) -> Iterator[list[np.ndarray]]:
        """The scores of rows, in calls of the graph's size; those that are late are left out."""
        count = len(rows[self._first.name])
        step = self._step or _MOST_ROWS
        for start in range(0, count, step):
            real = min(step, count - start)
            part = {name: value[start : start + real] for name, value in rows.items()}
            size = real
            if self._step and real < step:
                size = step
                part = {
                    name: np.concatenate(
                        [value, np.zeros((step - real, value.shape[1]), np.float32)]
                    )
                    for name, value in part.items()
                }
            found = self.session.run(self._feeds(part, size), outputs)
            skipped = min(self._late, real)
            self._late -= skipped
            if skipped < real:
                yield [_as_rows(value, size)[skipped:real] for value in found]

    # --- state

    def query_state(self) -> list[VariableState]:
        """See `ScoringModel`."""
        return list(self._variables)

    def reset_state(self) -> None:
        """See `ScoringModel`."""
        for one in self._variables:
            one.reset()
        self._frames_in = self._late = 0


def _as_rows(value: np.ndarray, count: int) -> np.ndarray:
    """Scores `[count, class]`.

    Raises:
      RunError: they are no such number of rows.
    """
    if value.size % count:
        raise RunError(
            f"The model gives {list(value.shape)} for {count} frames, not scores of each."
        )
    return value.reshape(count, -1)
