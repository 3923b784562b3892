"""Writes manifests as Parquet whose texts are read in place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from open_seq2seq.data.extras import needed
from open_seq2seq.data.parquet_texts import ROWS_OF_A_GROUP

# Neither compressed nor with dictionaries, in small row groups: a row is read from the mapped file
# without reading others, and the map is shared by all processes of a machine.
_LAYOUT = {"compression": "none", "use_dictionary": False, "write_statistics": False}
COLUMNS = {
    "audio_filepath": "string",
    "text": "string",
    "duration": "double",
    "offset": "double",
    "speaker": "string",
}


class ParquetWriter:
    """Writes a Parquet file row by row.

    Args:
      path: the file.
      columns: names and Arrow's types of the columns.
      metadata: what the file says of itself besides.

    Raises:
      InputError: pyarrow is not installed.
    """

    def __init__(self, path: Path, columns: dict[str, str], metadata: dict[str, str] | None = None):
        arrow = needed("pyarrow", "parquet", str(path), "a Parquet file")
        parquet = needed("pyarrow.parquet", "parquet", str(path), "a Parquet file")
        fields = [(name, arrow.type_for_alias(kind)) for name, kind in columns.items()]
        self._schema = arrow.schema(fields, metadata=metadata)
        self._table: Any = arrow.Table
        self._writer = parquet.ParquetWriter(path, self._schema, **_LAYOUT)
        self._rows: list[Sequence[Any]] = []

    def add(self, *values: Any) -> None:
        """Adds a row, None where there is nothing."""
        self._rows.append(values)
        if len(self._rows) == ROWS_OF_A_GROUP:
            self._write()

    def close(self) -> None:
        """Writes what remains."""
        if self._rows:
            self._write()
        self._writer.close()

    def _write(self) -> None:
        columns = dict(zip(self._schema.names, map(list, zip(*self._rows))))
        self._writer.write_table(self._table.from_pydict(columns, schema=self._schema))
        self._rows = []

    def __enter__(self) -> ParquetWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
