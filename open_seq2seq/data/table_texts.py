"""Names and transcripts that stay in a mapped table."""

from __future__ import annotations

import itertools
import math
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import numpy as np

from open_seq2seq.data.tables import Table
from open_seq2seq.data.utterance import Utterance, resolve_path

# Names as CSV and JSON lines have them.
NAMES = ("audio_filepath", "wav_filename")
TRANSCRIPTS = ("text", "transcript")
Columns = tuple[str, str | None, str | None, str | None, str | None]


class TableTexts:
    """The texts of one file, read a group at a time; threads may share it.

    Args:
      table: its table.
      columns: of names, transcripts, speakers, words and places in shards; None: there is none.
      folder: where relative paths start.
      source: what messages call the file.
    """

    def __init__(self, table: Table, columns: Columns, folder: str, source: str):
        self._table, self._columns = table, columns
        self._folder, self._file = folder, source
        self.is_shard = columns[-1] is not None
        self._ends = table.ends
        self._groups: OrderedDict[int, list[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def utterance(self, row: int, duration: float, offset: float) -> Utterance:
        """See `RowTexts`."""
        group, at = self._at(row)
        name, transcript, speaker, words, place = (
            "" if column is None else column[at].as_py() for column in group
        )
        inside = os.path.join(self._folder, place) if self.is_shard else None
        return Utterance(
            path=inside or resolve_path(name, self._folder),
            name=name,
            transcript=None if group[1] is None else transcript or "",
            duration=None if math.isnan(duration) else duration,
            source=f"{self._file}:{row + 1}",
            offset=None if math.isnan(offset) else offset,
            speaker=None if speaker in (None, "") else str(speaker).strip() or None,
            words=words or None,
        )

    def contents(self, rows: np.ndarray) -> Iterator[tuple[str, str | None]]:
        """See `RowTexts`."""
        for (names, transcripts, *_), places in self._grouped(rows):
            texts: list[str | None] = [None] * len(places)
            if transcripts is not None:
                texts = [text or "" for text in transcripts.take(places).to_pylist()]
            yield from zip(names.take(places).to_pylist(), texts)

    def identity(self, rows: np.ndarray) -> bytes:
        """See `RowTexts`."""
        import pyarrow.compute as compute

        joined = []
        for (names, transcripts, *_), places in self._grouped(rows):
            names = compute.replace_substring_regex(names.take(places), "(?s)^.*/", "")
            texts = "None"
            if transcripts is not None:
                texts = compute.fill_null(transcripts.take(places), "")
            one = compute.binary_join_element_wise(names, "", texts, "", "\0")
            _, ends, data = one.buffers()
            # Strings of Arrow lie behind each other.
            joined.append(data.to_pybytes()[: np.frombuffer(ends, np.int32)[len(one)]])
        return b"".join(joined)

    def packed(self, rows: np.ndarray) -> tuple[bytes, bytes, bytes, bytes]:
        """See `RowTexts`."""
        found = [
            (*_basenames(*_bytes_of(names.take(places))), *_texts_of(transcripts, places))
            for (names, transcripts, *_), places in self._grouped(rows)
        ]
        name_lengths, names, lengths, texts = (b"".join(column) for column in zip(*found))
        return name_lengths, names, lengths, texts

    def _grouped(self, rows: np.ndarray) -> Iterator[tuple[list[Any], np.ndarray]]:
        """Some rows, by row group: its columns, and the rows as places in it."""
        numbers = np.searchsorted(self._ends, rows, side="right")
        cuts = np.flatnonzero(np.diff(numbers, prepend=-1, append=-1))
        for first, behind in itertools.pairwise(cuts):
            number = int(numbers[first])
            start = int(self._ends[number - 1]) if number else 0
            yield self._group(number), rows[first:behind] - start

    def _at(self, row: int) -> tuple[list[Any], int]:
        number = int(np.searchsorted(self._ends, row, side="right"))
        return self._group(number), row - (int(self._ends[number - 1]) if number else 0)

    def _group(self, number: int) -> list[Any]:
        """The columns of a group; None where there is none."""
        with self._lock:
            group = self._groups.pop(number, None)
            if group is None:
                batch = self._table.group(number, [one for one in self._columns if one])
                group = [None if one is None else batch.column(one) for one in self._columns]
            self._groups[number] = group
            if self._table.kept is not None and len(self._groups) > self._table.kept:
                self._groups.popitem(last=False)
            return group


def _bytes_of(column: Any) -> tuple[np.ndarray, np.ndarray]:
    """Where each string of a column without nulls ends ([n + 1], from 0 on), and their bytes."""
    _, ends, data = column.buffers()
    kind = np.int64 if str(column.type).startswith("large") else np.int32
    offsets = np.frombuffer(ends, kind)[: len(column) + 1]
    content = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    return offsets, content[: offsets[-1]]


def _texts_of(transcripts: Any, places: np.ndarray) -> tuple[bytes, bytes]:
    """Lengths and bytes of transcripts; where there are none they are empty."""
    import pyarrow.compute as compute

    if transcripts is None:
        return np.zeros(len(places), np.int32).tobytes(), b""
    offsets, data = _bytes_of(compute.fill_null(transcripts.take(places), ""))
    return np.diff(offsets).astype(np.int32).tobytes(), data.tobytes()


def _basenames(offsets: np.ndarray, data: np.ndarray) -> tuple[bytes, bytes]:
    """Lengths and bytes of paths without their folders."""
    slashes = np.flatnonzero(data == ord("/"))
    last = np.searchsorted(slashes, offsets[1:]) - 1
    start = np.concatenate([slashes + 1, [0]])[last]  # -1: none before; taken as too early
    start = np.maximum(start, offsets[:-1])
    lengths = np.stack([start - offsets[:-1], offsets[1:] - start], axis=1)
    kept = np.repeat(np.tile([False, True], len(lengths)), lengths.ravel())
    return lengths[:, 1].astype(np.int32).tobytes(), data[kept].tobytes()
