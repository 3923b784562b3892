"""A folder that is written whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from open_seq2seq.errors import InputError, Problem


@contextmanager
def draft(output: Path, overwrite: bool) -> Iterator[Path]:
    """A folder that takes its name when all is in it, and is gone if that fails.

    Args:
      output: the name.
      overwrite: whether a folder that is there is replaced.

    Raises:
      InputError: the folder is there.
    """
    if output.exists() and not overwrite:
        remedy = "Give another --output, or --overwrite."
        problem = Problem(str(output), "a folder that is there", "a new one", remedy)
        raise InputError("Nothing is exported:", [problem])
    folder = output.with_name(f"{output.name}.partial")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
        if output.exists():
            shutil.rmtree(output)
        folder.rename(output)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
