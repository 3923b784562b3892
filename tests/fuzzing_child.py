"""Readers of damaged files in a process of their own: a crash, a hang or a flood is a failed test.

A module has `cases(folder)`, which writes whole files there and returns a `Case` for each reader;
its test calls `fuzz_in_child`. Libraries in C may end the process by a fault, go round for ever or
ask for more memory than there is: the child's end says so, and its last file is shown.

python -m tests.fuzzing_child MODULE SEED COUNT FOLDER [CASE ...]
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from open_seq2seq.errors import OpenSeq2SeqError
from tests.fuzzing import assert_reads_or_refuses, mutations

# Of one file of a few kilobytes: processor time, so that a busy machine makes no difference, and
# address space beyond what the process has when it begins.
CPU_SECONDS, MEMORY = 20, 1 << 30
_LAST = "last_case"


@dataclass(frozen=True)
class Case:
    """A reader and the whole files that are damaged for it.

    Args:
      read: gets the path.
      files: valid ones of the kind.
      suffix: of the damaged file's name.
    """

    read: Callable[[Path], Any]
    files: Sequence[bytes]
    suffix: str = ""


def fuzz_in_child(
    module: str, folder: Path, seed: int, count: int, *names: str
) -> dict[str, tuple[int, int]]:
    """Runs the cases of a module, `count` damaged files each, in another process.

    Args:
      module: its name; it has `cases`.
      folder: for files.
      names: of the cases; none: all.

    Returns:
      How many files were read and how many refused, by case.
    """
    command = [sys.executable, "-m", "tests.fuzzing_child", module, str(seed), str(count)]
    done = subprocess.run(
        [*command, str(folder), *names],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=3000,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONFAULTHANDLER": "1"},
    )
    if done.returncode:
        last = folder / _LAST
        about = last.read_text() if last.exists() else ""
        shown = [path.read_bytes()[:2000] for path in folder.glob("damaged*")]
        raise AssertionError(f"{done.returncode} {about} {shown!r}\n{done.stderr[-6000:]}")
    return {name: tuple(counts) for name, counts in json.loads(done.stdout).items()}


def assert_both(found: dict[str, tuple[int, int]], count: int) -> None:
    """Each case had so many files; some of all were read and some refused."""
    assert found and all(read + refused == count for read, refused in found.values()), found
    reads, refusals = zip(*found.values())
    assert sum(reads) > 0 and sum(refusals) > 0, found


def run_case(name: str, case: Case, seed: int, count: int, folder: Path) -> tuple[int, int]:
    """How many of the damaged files were read, and how many refused."""
    path = folder / f"damaged{case.suffix}"
    was_read = refused = 0
    for number, damaged in enumerate(mutations(case.files[0], seed, count, *case.files[1:])):
        path.write_bytes(damaged)
        (folder / _LAST).write_text(f"{name} {number}")
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        result = assert_reads_or_refuses(lambda: case.read(path), damaged)
        signal.setitimer(signal.ITIMER_PROF, 0)
        refused += isinstance(result, OpenSeq2SeqError)
        was_read += not isinstance(result, OpenSeq2SeqError)
    path.unlink(missing_ok=True)
    return was_read, refused


def limit_memory() -> None:
    """Lets this process have `MEMORY` bytes more than now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


def main() -> None:
    module, seed, count, folder, *names = sys.argv[1:]
    # With the traceback; then the process ends, as the signal's default is.
    faulthandler.register(signal.SIGPROF, chain=True)
    warnings.simplefilter("ignore")
    found = importlib.import_module(module).cases(Path(folder))
    limit_memory()
    counts = {
        name: run_case(name, found[name], int(seed), int(count), Path(folder))
        for name in names or found
    }
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
