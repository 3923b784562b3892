"""Tables of Arrow on disk: Parquet, and Arrow's own files, mapped."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from open_seq2seq.data.extras import needed
from open_seq2seq.errors import InputError, Problem

PARQUET, ARROW = ".parquet", ".arrow"
SUFFIXES = (PARQUET, ARROW)


class Table(Protocol):
    """Rows in groups; `schema` is Arrow's, `ends` where each group ends."""

    schema: Any
    ends: np.ndarray
    # How many groups may be kept; None: they are places in the map, and cost nothing.
    kept: int | None

    def group(self, number: int, columns: Sequence[str]) -> Any:
        """The record batch of one group; threads may ask for it."""

    def blocks(self, columns: Sequence[str]) -> Iterator[Any]:
        """All rows, as record batches."""


class ParquetTable:
    """A Parquet file, whose row groups are decoded from the map."""

    kept: int | None = 32

    def __init__(self, path: str, module: Any):
        self._file = module.ParquetFile(path, memory_map=True)
        self.schema = self._file.schema_arrow
        metadata = self._file.metadata
        rows = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
        self.ends = np.cumsum(rows, dtype=np.int64)
        # A reader's state is one thread's.
        self._lock = threading.Lock()

    def group(self, number: int, columns: Sequence[str]) -> Any:
        """See `Table`."""
        with self._lock:
            # One thread: the group is small, and loader threads have their own work.
            table = self._file.read_row_group(number, columns=list(columns), use_threads=False)
        return table.combine_chunks().to_batches()[0]

    def blocks(self, columns: Sequence[str]) -> Iterator[Any]:
        """See `Table`."""
        return self._file.iter_batches(1 << 16, columns=list(columns))


class ArrowTable:
    """An Arrow file (IPC, also called Feather), whose values are in the map itself."""

    kept: int | None = None

    def __init__(self, path: str, module: Any):
        import pyarrow

        self._reader = module.open_file(pyarrow.memory_map(path))
        self.schema = self._reader.schema
        numbers = range(self._reader.num_record_batches)
        self._batches = [self._reader.get_batch(number) for number in numbers]
        self.ends = np.cumsum([one.num_rows for one in self._batches], dtype=np.int64)

    def group(self, number: int, columns: Sequence[str]) -> Any:
        """See `Table`."""
        return self._batches[number].select(list(columns))

    def blocks(self, columns: Sequence[str]) -> Iterator[Any]:
        """See `Table`."""
        return (one.select(list(columns)) for one in self._batches)


def open_table(file: str) -> Table:
    """Opens a table by its name's end.

    Raises:
      InputError: pyarrow is not installed (`MissingPackage`), or the file is damaged.
    """
    kind = "a Parquet file" if file.endswith(PARQUET) else "an Arrow file"
    module = "pyarrow.parquet" if file.endswith(PARQUET) else "pyarrow.ipc"
    found_module = needed(module, "parquet", file, kind)
    try:
        if file.endswith(PARQUET):
            return ParquetTable(file, found_module)
        return ArrowTable(file, found_module)
    except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
        found = getattr(error, "strerror", None) or str(error).strip().splitlines()[0]
        problem = Problem(file, found, kind, "Fetch or write it again.")
        raise InputError("The table cannot be read:", [problem]) from error
