"""Fields of components: tokens, and what stands behind each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, TypeAlias

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.kaldi_io.values import ValueReader

Kind: TypeAlias = Literal[
    "int",
    "real",
    "bool",
    "vector",
    "matrix",
    "ints",
    "pairs",
    "flag",
    "flag or bool",
    "two ints",
    "two reals",
]
Spec: TypeAlias = Mapping[str, Kind]
# Fields that matter in training only are read, and gone past.
_READERS: dict[Kind, Callable[[ValueReader, str], Any]] = {
    "int": ValueReader.integer,
    "real": ValueReader.real,
    "bool": ValueReader.boolean,
    "vector": ValueReader.vector,
    "matrix": ValueReader.matrix,
    "ints": ValueReader.int_vector,
    "pairs": ValueReader.pair_vector,
    "flag": lambda reader, name: True,
    "flag or bool": lambda reader, name: _flag_or_bool(reader),
    "two ints": lambda reader, name: (reader.integer(name), reader.integer(name)),
    "two reals": lambda reader, name: (reader.real(name), reader.real(name)),
}


def _flag_or_bool(reader: ValueReader) -> bool:
    """T or F, which versions of Kaldi write behind some tokens and others do not."""
    if not reader.binary:
        reader.source.skip_spaces()
    return reader.boolean() if reader.source.peek(1) in (b"T", b"F") else True


# Of parts of a component: deeper ones are made to exhaust the stack.
DEEPEST = 20


@dataclass
class ModelReader:
    """Reads a model, and keeps what it has that is not known.

    Args:
      values: what reads it.
      unsupported: components that are not known; all are named at once, at the end.
    """

    values: ValueReader
    unsupported: list[Problem] = field(default_factory=list)
    depth: int = 0

    @property
    def position(self) -> int:
        """The next byte's number."""
        return self.values.source.position

    def fail(self, found: str, expected: str, remedy: str = "", at: int | None = None) -> NoReturn:
        """Raises an `InputError` about a place."""
        self.values.fail(found, expected, remedy, at)

    def fields(self, spec: Spec, end: str | None = None) -> Fields:
        """Fields in any order, up to the token `end`, or to what is none of them.

        Args:
          spec: from a token to what stands behind it.
          end: gone past, too.
        """
        start = self.position
        found: dict[str, Any] = {}
        names = {name.lower(): name for name in spec}
        while True:
            token = self.values.peek_token()
            name = names.get(token.lower())
            if name is None:
                if end is not None:
                    if token != end:
                        place = self.position
                        expected = f"{' or '.join(list(spec)[:12])} or {end}"
                        self.fail(self._shown(token), expected, at=place)
                    self.values.token()
                return Fields(self, found, start)
            self.values.token()
            found[name] = _READERS[spec[name]](self.values, f"the value of {name}")

    def _shown(self, token: str) -> str:
        return repr(token[:60]) if token else "no token"

    def passed_over(self, kind: str, what: str, start: int, ends: tuple[bytes, ...]) -> None:
        """Notes a component that is not known, and looks for where it ends.

        Its fields cannot be read: what ends it may only be searched for.
        """
        problem = Problem(
            f"{self.values.source.name}: byte {start} ({what})",
            kind,
            "a component that is known",
            "docs/kaldi.md lists them; Kaldi's nnet-copy tools can leave layers out.",
        )
        self.unsupported.append(problem)
        source = self.values.source
        while not source.at_end():
            source.until(b"<", "a component")
            for end in ends:
                if source.peek(len(end)) == end:
                    source.skip(len(end), "a token")
                    return

    def finish(self) -> None:
        """Raises an `InputError` that names all that is not known."""
        if self.unsupported:
            count = len(self.unsupported)
            what = "a component" if count == 1 else f"{count} components"
            name = self.values.source.name
            raise InputError(f"{name} has {what} that cannot be used:", self.unsupported)


@dataclass(frozen=True)
class Fields:
    """What was read of a component.

    Args:
      reader: which read it.
      found: values by token.
      start: the first one's byte.
    """

    reader: ModelReader
    found: Mapping[str, Any]
    start: int

    def __getitem__(self, name: str) -> Any:
        if name not in self.found:
            has = ", ".join(self.found) or "no field"
            self.reader.fail(has, f"a component with {name}", at=self.start)
        return self.found[name]

    def get(self, name: str, default: Any = None) -> Any:
        """A value, or the default."""
        return self.found.get(name, default)

    def first(self, *names: str) -> Any:
        """The value of one of several spellings."""
        for name in names[:-1]:
            if name in self.found:
                return self.found[name]
        return self[names[-1]]

    def check(self, holds: bool, found: str, expected: str) -> None:
        """Raises an `InputError` unless something holds."""
        if not holds:
            self.reader.fail(found, expected, at=self.start)

    def affine(self, weight: np.ndarray, bias: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """A weight and a bias that belong together."""
        rows = weight.shape[0]
        bias = np.zeros(rows, np.float32) if bias is None or bias.size == 0 else bias
        self.check(
            bias.shape == (rows,) and weight.size > 0,
            f"a weight {list(weight.shape)} and a bias {list(bias.shape)}",
            "as many rows as biases, and some",
        )
        return float32(weight), float32(bias)


def float32(array: np.ndarray) -> np.ndarray:
    """As computed with."""
    return np.ascontiguousarray(array, np.float32)
