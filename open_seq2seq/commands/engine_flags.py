"""The flags of work on a corpus by an engine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from open_seq2seq.engines import ENGINES, Engine, make_engine
from open_seq2seq.errors import InputError, Problem


def add_engine_flags(parser: argparse.ArgumentParser, results: str) -> None:
    """Adds `--engine`, `--engine_address` and `--parts`.

    Args:
      parser: of the command line.
      results: what the files in the folder have.
    """
    group = parser.add_argument_group("a corpus in parts (docs/data_at_scale.md)")
    add = group.add_argument
    add("--engine", choices=ENGINES, help="what works on the parts: processes of this machine "
        "(local), or workers of Dask's or Ray's, which must see the same files")  # fmt: skip
    add("--engine_address", metavar="ADDRESS", help="of the scheduler, as tcp://host:8786 (what "
        "DASK_SCHEDULER_ADDRESS or RAY_ADDRESS says, or a cluster of this machine's)")  # fmt: skip
    add("--parts", metavar="DIR", help=f"gets {results}, as Parquet; what an earlier run has "
        "written there is not done again")  # fmt: skip


def engine_problems(flags: argparse.Namespace) -> list[Problem]:
    """What does not fit together."""
    if flags.engine:
        return [] if flags.parts else [Problem("--engine", "no --parts", "a folder for results")]
    return [
        Problem(f"--{name}", "no --engine", f"--engine={', '.join(ENGINES)}")
        for name in ("engine_address", "parts")
        if getattr(flags, name)
    ]


def check_engine(flags: argparse.Namespace) -> None:
    """Refuses flags that do not fit together.

    Raises:
      InputError: there are some.
    """
    problems = engine_problems(flags)
    if problems:
        raise InputError("The flags do not fit together:", problems)


@contextmanager
def engine_of(flags: argparse.Namespace) -> Iterator[Engine | None]:
    """The engine of the flags; None: they name none."""
    if not flags.engine:
        yield None
        return
    with make_engine(flags.engine, flags.engine_address) as engine:
        print(f"Parts are done by {engine.described}; results go to {flags.parts}", file=sys.stderr)
        yield engine
