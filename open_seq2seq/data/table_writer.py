"""Writes manifests as tables whose texts are read in place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from open_seq2seq.data.extras import needed
from open_seq2seq.data.tables import PARQUET

# Rows of Parquet are decoded by row groups: in small ones, neither compressed nor with
# dictionaries, a row costs little more than itself.
_LAYOUT = {"compression": "none", "use_dictionary": False, "write_statistics": False}
_PARQUET_GROUP, _ARROW_GROUP = 1 << 10, 1 << 16
COLUMNS = {
    "audio_filepath": "string",
    "text": "string",
    "duration": "double",
    "offset": "double",
    "speaker": "string",
    "words": "string",
}


class TableWriter:
    """Writes a Parquet or Arrow file row by row.

    Args:
      path: the file to write.
      suffix: what its name ends in when it is whole: `.parquet` or `.arrow`.
      columns: names and Arrow's types of the columns.
      metadata: what the file says of itself besides.

    Raises:
      MissingPackage: pyarrow is not installed.
    """

    def __init__(
        self,
        path: Path,
        suffix: str,
        columns: dict[str, str],
        metadata: dict[str, str] | None = None,
    ):
        arrow = needed("pyarrow", "parquet", str(path), "a table")
        fields = [(name, arrow.type_for_alias(kind)) for name, kind in columns.items()]
        self._schema = arrow.schema(fields, metadata=metadata)
        self._batch: Any = arrow.RecordBatch
        if suffix == PARQUET:
            parquet = needed("pyarrow.parquet", "parquet", str(path), "a Parquet file")
            self._writer = parquet.ParquetWriter(path, self._schema, **_LAYOUT)
            self._group = _PARQUET_GROUP
        else:
            self._writer = arrow.ipc.new_file(str(path), self._schema)
            self._group = _ARROW_GROUP
        self._rows: list[Sequence[Any]] = []

    def add(self, *values: Any) -> None:
        """Adds a row, None where there is nothing."""
        self._rows.append(values)
        if len(self._rows) == self._group:
            self._write()

    def close(self) -> None:
        """Writes what remains."""
        if self._rows:
            self._write()
        self._writer.close()

    def _write(self) -> None:
        columns = dict(zip(self._schema.names, map(list, zip(*self._rows))))
        self._writer.write_batch(self._batch.from_pydict(columns, schema=self._schema))
        self._rows = []

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
