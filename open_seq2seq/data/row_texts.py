"""Where the names and transcripts of a manifest's rows are."""

from __future__ import annotations

import marshal
import math
import mmap
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np

from open_seq2seq.data.utterance import Utterance, resolve_path
from open_seq2seq.errors import RunError

# Name, transcript, speaker, words, line.
_Row = tuple[str, str | None, str | None, str | None, int]
# Texts up to so many bytes stay in memory.
_MOST_IN_MEMORY = 1 << 24


class RowTexts(Protocol):
    """The texts of rows; threads may share it.

    `is_shard`: they are those of one shard, whose recordings are read in their order.
    """

    is_shard: bool

    def __len__(self) -> int: ...

    def utterance(self, row: int, duration: float, offset: float) -> Utterance:
        """A row, with what the manifest holds of it: NaN where there is none."""

    def contents(self, rows: np.ndarray) -> Iterator[tuple[str, str | None]]:
        """Names and transcripts of some rows."""

    def identity(self, rows: np.ndarray) -> bytes:
        """`identity_of` rows that are whole files, joined."""

    def packed(self, rows: np.ndarray) -> tuple[bytes, bytes, bytes, bytes]:
        """What tells some rows apart: lengths (int32) and bytes of their files' names without
        folders, and of their transcripts."""


def identity_of(name: str, segment: str, text: str | None) -> bytes:
    """What tells a row apart, wherever its recording lies."""
    return f"{os.path.basename(name)}\0{segment}\0{text}\0".encode(errors="surrogatepass")


def packed(contents: Iterable[tuple[str, str | None]]) -> tuple[bytes, bytes, bytes, bytes]:
    """`RowTexts.packed` of names and transcripts."""
    rows = list(contents)
    names = [os.path.basename(name).encode(errors="surrogatepass") for name, _ in rows]
    texts = [(text or "").encode(errors="surrogatepass") for _, text in rows]
    lengths = (np.array(list(map(len, column)), np.int32).tobytes() for column in (names, texts))
    return next(lengths), b"".join(names), next(lengths), b"".join(texts)


class ListedTexts:
    """Rows that are there already."""

    is_shard = False

    def __init__(self, utterances: Sequence[Utterance]):
        self._utterances = list(utterances)

    def __len__(self) -> int:
        return len(self._utterances)

    def utterance(self, row: int, duration: float, offset: float) -> Utterance:
        """See `RowTexts`."""
        return self._utterances[row]

    def contents(self, rows: np.ndarray) -> Iterator[tuple[str, str | None]]:
        """See `RowTexts`."""
        return ((one.name, one.transcript) for one in map(self._utterances.__getitem__, rows))

    def identity(self, rows: np.ndarray) -> bytes:
        """See `RowTexts`."""
        return b"".join(identity_of(name, "", text) for name, text in self.contents(rows))

    def packed(self, rows: np.ndarray) -> tuple[bytes, bytes, bytes, bytes]:
        """See `RowTexts`."""
        return packed(self.contents(rows))


class SpooledTexts:
    """The texts of a manifest that was read to its end: in a temporary file, if they are many.

    Args:
      file: the manifest.
      folder: where its relative paths start.
    """

    is_shard = False

    def __init__(self, file: str, folder: str):
        self._file, self._folder = file, folder
        self._ends: list[np.ndarray] = []
        self._last: list[int] = []
        self._size = 0
        self._pending = bytearray()
        self._stream: tempfile._TemporaryFileWrapper[bytes] | None = None
        self._data: bytes | mmap.mmap = b""
        self._starts = np.zeros(1, np.int64)

    def add(
        self,
        name: str,
        transcript: str | None,
        speaker: str | None,
        words: str | None,
        line: int,
    ) -> None:
        """Adds a row, of this line."""
        self._pending += marshal.dumps((name, transcript, speaker, words, line))
        self._last.append(self._size + len(self._pending))
        if len(self._last) >= 1 << 16:
            self._ends.append(np.array(self._last, np.int64))
            self._last = []
        if len(self._pending) > _MOST_IN_MEMORY:
            self._write()

    def close(self) -> SpooledTexts:
        """Ends the adding; rows can be read now."""
        if self._stream is None:
            self._data = bytes(self._pending)
        else:
            self._write()
            self._stream.flush()
            self._data = mmap.mmap(self._stream.fileno(), 0, access=mmap.ACCESS_READ)
            self._stream.close()  # the map keeps the file
        self._pending = bytearray()
        last = np.array(self._last, np.int64)
        self._starts = np.concatenate([self._starts, *self._ends, last])
        self._ends, self._last = [], []
        return self

    def __len__(self) -> int:
        return len(self._starts) - 1

    def utterance(self, row: int, duration: float, offset: float) -> Utterance:
        """See `RowTexts`."""
        name, transcript, speaker, words, line = self._row(row)
        return Utterance(
            path=resolve_path(name, self._folder),
            name=name,
            transcript=transcript,
            duration=None if math.isnan(duration) else duration,
            source=f"{self._file}:{line}",
            offset=None if math.isnan(offset) else offset,
            speaker=speaker,
            words=words,
        )

    def contents(self, rows: np.ndarray) -> Iterator[tuple[str, str | None]]:
        """See `RowTexts`."""
        return (self._row(row)[:2] for row in rows)

    def identity(self, rows: np.ndarray) -> bytes:
        """See `RowTexts`."""
        return b"".join(identity_of(name, "", text) for name, text in self.contents(rows))

    def packed(self, rows: np.ndarray) -> tuple[bytes, bytes, bytes, bytes]:
        """See `RowTexts`."""
        return packed(self.contents(rows))

    def _row(self, row: int) -> _Row:
        start, end = self._starts[row], self._starts[row + 1]
        values: _Row = marshal.loads(self._data[start:end])
        return values

    def _write(self) -> None:
        try:
            if self._stream is None:
                self._stream = tempfile.NamedTemporaryFile(prefix="manifest-")  # noqa: SIM115
            self._stream.write(self._pending)
        except OSError as error:
            raise RunError(
                f"{self._file}: its texts do not fit into {tempfile.gettempdir()} "
                f"({error.strerror}); set TMPDIR to a folder with more room, or convert it: "
                "open-seq2seq data convert."
            ) from error
        self._size += len(self._pending)
        self._pending = bytearray()
