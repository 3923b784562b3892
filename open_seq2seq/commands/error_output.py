"""Errors on the screen: short, with a file where the whole list is."""

from __future__ import annotations

import os
import sys
import tempfile

from open_seq2seq.errors import InputError, OpenSeq2SeqError


def shown(error: OpenSeq2SeqError) -> str:
    """The message for the screen; of many problems all are written to a file that it names.

    The file is a new one in the folder for temporary files: a start that is refused leaves nothing
    in its log directory, and the folder where the user stands may be a repository, or not writable.
    """
    if not isinstance(error, InputError) or not error.is_shortened:
        return str(error)
    try:
        descriptor, path = tempfile.mkstemp(prefix="open_seq2seq_problems_", suffix=".txt")
        with os.fdopen(descriptor, "wb") as file:
            file.write(error.full_text().encode(errors="backslashreplace") + b"\n")
    except OSError as why:
        return f"{error}\n    The list of all {len(error.problems)} could not be written: {why}."
    return f"{error}\n    All {len(error.problems)} are listed in {path}"


def print_error(error: OpenSeq2SeqError) -> int:
    """Says on standard error what is wrong; returns the exit code."""
    print(shown(error), file=sys.stderr, flush=True)
    return error.exit_code
