"""Files of hot words: a phrase and its weight in each line."""

from __future__ import annotations

import math
from pathlib import Path

from open_seq2seq.errors import InputError, Problem


def read_hot_words(path: str) -> dict[str, float]:
    """Phrases and weights from lines such as `open seq to seq 5`; empty lines count nothing.

    Raises:
      InputError: listing every line that is not a phrase and a number.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(path, str(error), "a UTF-8 text file")
        raise InputError("The hot words cannot be read:", [problem]) from None
    words: dict[str, float] = {}
    problems = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        phrase, _, weight = " ".join(line.split()).rpartition(" ")
        try:
            value = float(weight)
        except ValueError:
            value = math.nan
        where = f"{path}:{number}"
        if not phrase or not math.isfinite(value):
            problems.append(Problem(where, repr(line), "a phrase, a space and its weight"))
        elif phrase in words:
            problems.append(Problem(where, f"{phrase!r} again", "each phrase once"))
        else:
            words[phrase] = value
    if not words and not problems:
        problems.append(Problem(path, "no lines", "a phrase and its weight in each line"))
    if problems:
        raise InputError("The hot words cannot be used:", problems)
    return words
