"""A manifest in memory: a corpus's durations as arrays, its rows as light views."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import overload

import numpy as np

from open_seq2seq.data.normalization import normalizer
from open_seq2seq.data.row_texts import ListedTexts, RowTexts, identity_of
from open_seq2seq.data.utterance import Utterance, segment_name
from open_seq2seq.native_build.cpu import available_cores

# Rows that are told apart at a time.
_BLOCK = 1 << 14
_DIGEST_BLOCK = 1 << 16
# What digests begin with; those of `identity` do not.
DIGEST = "rows-"


class Manifest(Sequence[Utterance]):
    """The rows of manifests.

    Durations and offsets are in memory, 8 bytes each; names and transcripts stay where `parts`
    have them, and a row is read when it is asked for.

    Args:
      parts: the texts, one behind the other.
      durations: [row] float64 seconds, NaN where not known.
      offsets: [row] float64 seconds, NaN of whole files; None: all are whole.
      places: [row] which row of `parts` each is; None: all of them, in their order.
      normalization: how transcripts are normalised.

    Raises:
      InputError: there is no normalisation of this name.
    """

    def __init__(
        self,
        parts: Sequence[RowTexts],
        durations: np.ndarray,
        offsets: np.ndarray | None = None,
        places: np.ndarray | None = None,
        normalization: str | None = None,
    ):
        self.parts, self.durations, self.offsets = tuple(parts), durations, offsets
        self._places, self._normalization = places, normalization
        self._normalize = None if normalization is None else normalizer(normalization)
        self._ends = np.cumsum([len(part) for part in self.parts], dtype=np.int64)

    @classmethod
    def of(cls, utterances: Sequence[Utterance]) -> Manifest:
        """A manifest of rows that are there already."""
        if isinstance(utterances, Manifest):
            return utterances
        durations, offsets = (
            np.array([math.nan if value is None else value for value in values], np.float64)
            for values in ([u.duration for u in utterances], [u.offset for u in utterances])
        )
        whole = np.isnan(offsets).all()
        return cls([ListedTexts(utterances)], durations, None if whole else offsets)

    @classmethod
    def joined(cls, manifests: Iterable[Manifest]) -> Manifest:
        """Whole manifests, one behind the other."""
        parts: list[RowTexts] = []
        durations, offsets = [], []
        for one in manifests:
            assert one._places is None and one._normalization is None
            parts += one.parts
            durations.append(one.durations)
            offsets.append(one.offsets)
        if all(one is None for one in offsets):
            return cls(parts, np.concatenate([np.zeros(0), *durations]))
        filled = [
            np.full(len(length), math.nan) if one is None else one
            for one, length in zip(offsets, durations)
        ]
        return cls(parts, np.concatenate(durations), np.concatenate(filled))

    def __len__(self) -> int:
        return len(self.durations)

    @overload
    def __getitem__(self, row: int) -> Utterance: ...
    @overload
    def __getitem__(self, row: slice) -> Manifest: ...
    def __getitem__(self, row: int | slice) -> Utterance | Manifest:
        if isinstance(row, slice):
            return self.take(np.arange(len(self))[row])
        row = range(len(self))[row]
        part, place = self._at(row)
        offset = math.nan if self.offsets is None else float(self.offsets[row])
        return self._normalized(part.utterance(place, float(self.durations[row]), offset))

    def __iter__(self) -> Iterator[Utterance]:
        return (self[row] for row in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other))

    __hash__ = None  # type: ignore[assignment]

    def take(self, rows: np.ndarray) -> Manifest:
        """A manifest of some rows, in that order."""
        places = np.asarray(rows) if self._places is None else self._places[rows]
        if int(self._ends[-1] if len(self._ends) else 0) < 1 << 31:
            places = places.astype(np.int32)
        offsets = None if self.offsets is None else self.offsets[rows]
        return Manifest(self.parts, self.durations[rows], offsets, places, self._normalization)

    def normalized(self, normalization: str | None) -> Manifest:
        """The same rows with transcripts as `text_normalization` has them.

        Raises:
          InputError: there is no normalisation of this name.
        """
        if normalization is None:
            return self
        return Manifest(self.parts, self.durations, self.offsets, self._places, normalization)

    @property
    def shard_ends(self) -> np.ndarray | None:
        """[shard] the row behind each run of rows of one shard; None: there are no shards.

        Rows of other manifests are runs too.
        """
        if not any(part.is_shard for part in self.parts):
            return None
        if self._places is None:
            return self._ends
        owners = np.searchsorted(self._ends, self._places, side="right")
        return np.append(np.flatnonzero(np.diff(owners)) + 1, len(owners))

    def contents(self) -> Iterator[tuple[str, str, str | None]]:
        """Name, segment and transcript of each row; its path is not looked for."""
        for start in range(0, len(self), _BLOCK):
            rows = range(start, min(start + _BLOCK, len(self)))
            for row, (name, text) in zip(rows, self._texts(rows)):
                if self._normalize is not None and text is not None:
                    text = self._normalize(text)
                segment = ""
                if self.offsets is not None and self.offsets[row] == self.offsets[row]:
                    segment = segment_name(float(self.offsets[row]), float(self.durations[row]))
                yield name, segment, text

    def identity(self) -> Iterator[bytes]:
        """Bytes, piece by piece, that tell recordings and transcripts apart, wherever they lie."""
        if self._normalize is None and self.offsets is None:
            for start in range(0, len(self), _BLOCK):
                for part, places in self._owned(range(start, min(start + _BLOCK, len(self)))):
                    yield part.identity(places)
        else:
            for name, segment, text in self.contents():
                yield identity_of(name, segment, text)

    def digest(self) -> str:
        """What tells recordings and transcripts apart, wherever they lie, in whatever kind of file.

        Transcripts count as they are written, with the normalisation's name.
        """
        whole = hashlib.sha256(f"{self._normalization}".encode())
        with ThreadPoolExecutor(available_cores()) as executor:
            for one in executor.map(self._digest_of, range(0, len(self), _DIGEST_BLOCK)):
                whole.update(one)
        return f"{DIGEST}{whole.hexdigest()[:16]}"

    def _digest_of(self, start: int) -> bytes:
        """The digest of one block of rows."""
        rows = range(start, min(start + _DIGEST_BLOCK, len(self)))
        digest = hashlib.sha256()
        # Column by column, whichever files the rows are in.
        for column in zip(*(part.packed(places) for part, places in self._owned(rows))):
            for piece in column:
                digest.update(piece)
        if self.offsets is not None:
            own = slice(rows.start, rows.stop)
            segments = np.flatnonzero(~np.isnan(self.offsets[own]))
            for values in (segments, self.offsets[own][segments], self.durations[own][segments]):
                digest.update(values.tobytes())
        return digest.digest()

    def _texts(self, rows: range) -> Iterator[tuple[str, str | None]]:
        for part, places in self._owned(rows):
            yield from part.contents(places)

    def _owned(self, rows: range) -> Iterator[tuple[RowTexts, np.ndarray]]:
        """Some rows, by the part that has them, as places in it."""
        places = np.arange(rows.start, rows.stop) if self._places is None else (
            self._places[rows.start : rows.stop].astype(np.int64)
        )  # fmt: skip
        owners = np.searchsorted(self._ends, places, side="right")
        cuts = np.flatnonzero(np.diff(owners, prepend=-1, append=-1))
        for first, behind in itertools.pairwise(cuts):
            owner = int(owners[first])
            start = self._ends[owner - 1] if owner else 0
            yield self.parts[owner], places[first:behind] - start

    def _at(self, row: int) -> tuple[RowTexts, int]:
        place = row if self._places is None else int(self._places[row])
        owner = int(np.searchsorted(self._ends, place, side="right"))
        return self.parts[owner], place - (int(self._ends[owner - 1]) if owner else 0)

    def _normalized(self, utterance: Utterance) -> Utterance:
        written = utterance.transcript
        if self._normalize is None or written is None:
            return utterance
        text = self._normalize(written)
        if text == written:
            return utterance
        return replace(utterance, transcript=text, written=written)
