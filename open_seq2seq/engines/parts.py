"""Results of parts as files of Parquet, each written once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from open_seq2seq.data.table_writer import TableWriter
from open_seq2seq.data.tables import PARQUET, open_table
from open_seq2seq.engines.engine import Engine, Part
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import replaced
from open_seq2seq.files.wording import unwritable

_PLAN = b"open_seq2seq.plan"
Row = Sequence[Any]


@dataclass(frozen=True)
class PartsJob(Generic[Part]):
    """What is done with each part.

    Args:
      work: a part -> its rows; see `Engine.results`.
      columns: names and Arrow's types of the rows' values.
      plan: what decides the results, as a digest: files of another plan are not taken for these.
    """

    work: Callable[[Part], Sequence[Row]]
    columns: Mapping[str, str]
    plan: str


def run_parts(
    job: PartsJob[Part],
    parts: Sequence[Part],
    engine: Engine,
    folder: Path,
    advance: Callable[[int], object] = lambda number: None,
) -> list[Path]:
    """Writes `part-000000.parquet` and so on, in the order of the parts.

    Workers send rows; this process alone writes, a file when its part is there and whole or not at
    all. So a part whose worker died counts once, however often it was begun, and a run that was
    stopped goes on with the parts that it lacks.

    Args:
      advance: is told the number of each part that is there.

    Returns:
      The files.

    Raises:
      InputError: the folder has the results of another run; or what `job.work` raises.
      RunError: a part was given up, or a file cannot be written.
    """
    paths = [folder / f"part-{number:06d}{PARQUET}" for number in range(len(parts))]
    there = _already(folder, paths, job.plan)
    for number in there:
        advance(number)
    missing = [number for number in range(len(parts)) if number not in there]
    for place, rows in engine.results(job.work, [parts[number] for number in missing]):
        number = missing[place]
        _write(paths[number], rows, job.columns, _named(job.plan, number))
        advance(number)
    return paths


def read_rows(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """The rows of files of `run_parts`, in their order, as dictionaries."""
    for path in paths:
        table = open_table(str(path))
        for batch in table.blocks(table.schema.names):
            yield from batch.to_pylist()


def _named(plan: str, number: int) -> str:
    return f"{plan} {number}"


def _already(folder: Path, paths: Sequence[Path], plan: str) -> set[int]:
    """The parts that an earlier run has written.

    Raises:
      InputError: files of another run are there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    numbers = {path: number for number, path in enumerate(paths)}
    there = set()
    for path in sorted(folder.glob(f"*{PARQUET}")):
        number = numbers.get(path)
        name = (open_table(str(path)).schema.metadata or {}).get(_PLAN, b"").decode()
        if number is None or name != _named(plan, number):
            remedy = "Give another folder, or remove the files in it."
            found = "a file of another run: other data or options"
            problem = Problem(str(path), found, "parts of this one", remedy)
            raise InputError("Results are not mixed:", [problem])
        there.add(number)
    return there


def _write(path: Path, rows: Sequence[Row], columns: Mapping[str, str], plan: str) -> None:
    metadata = {_PLAN.decode(): plan}
    try:
        with (
            replaced(path) as draft,
            TableWriter(draft, PARQUET, dict(columns), metadata) as writer,
        ):
            for row in rows:
                writer.add(*map(_encodable, row))
    except OSError as error:
        raise unwritable(path, error) from error


def _encodable(value: Any) -> Any:
    """What Parquet can hold, as names of files need not be UTF-8."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value
