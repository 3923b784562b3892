"""What a command line wants written, looked at before any work."""

from __future__ import annotations

import os
from collections.abc import Mapping

from open_seq2seq.errors import InputError, Problem, RunError
from open_seq2seq.files.places import check_writable, place_of


def check_outputs(paths: Mapping[str, str | os.PathLike[str] | None]) -> None:
    """Says of all results at once whether they can be written; leaves nothing behind.

    Args:
      paths: from a flag (`--output_file`) to its file; None and "": it is not asked for.

    Raises:
      InputError: a file cannot be written, or two are the same one.
    """
    problems = []
    taken: dict[str, str] = {}
    for flag, path in paths.items():
        if not path:
            continue
        try:
            check_writable(path)
            place = place_of(path)
        except RunError as error:
            found, _, why = str(error).rstrip(".").partition(" could not be written: ")
            problems.append(Problem(flag, f"{found} ({why})", "a file that can be written"))
            continue
        other = taken.setdefault(str(place.target), flag)
        if other != flag and place.is_replaced:
            problems.append(Problem(flag, f"{path}, as {other}", "a file of its own"))
    if problems:
        raise InputError("Results cannot be written there:", problems)
