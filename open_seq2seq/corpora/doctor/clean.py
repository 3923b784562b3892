"""The manifest of a split without the rows that training would refuse or could not read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from open_seq2seq.corpora.doctor.findings import counted
from open_seq2seq.corpora.doctor.measure import Measurement
from open_seq2seq.corpora.doctor.split import Recording, Split
from open_seq2seq.corpora.manifest_csv import manifest_csv
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import write_whole


@dataclass(frozen=True)
class Cleaned:
    """What was kept of a split.

    Args:
      path: the manifest.
      kept: how many rows it has.
      bad: how many have an error.
      filtered: rows that are outside the limits on duration, with the reason.
      listed: the file that lists what was left out; None: nothing was.
    """

    path: Path
    kept: int
    bad: int
    filtered: Sequence[str]
    listed: Path | None

    def text(self) -> str:
        """What there is to say, in a line or two."""
        line = f"{counted(self.kept, 'row is', 'rows are')} in {self.path}"
        if self.listed is None:
            return f"{line}; none was left out."
        counts = [f"{self.bad} with errors"] if self.bad else []
        counts += [f"{len(self.filtered)} outside the limits on duration"] if self.filtered else []
        return f"{line}\nLeft out: {' and '.join(counts)}; listed in {self.listed}"


def write_clean(
    path: str | os.PathLike[str], split: Split, malformed: Sequence[Problem]
) -> Cleaned:
    """Writes a CSV with the rows of a split of which no error was found, in their order.

    Texts are as they were written, before normalisation. Names of recordings are too where they
    mean the same file in the new manifest's folder; the others' are absolute paths. What was left
    out is listed beside it, in `left_out_NAME.txt`.

    Args:
      path: the CSV.
      split: checked and, unless only headers were read, measured.
      malformed: of rows that could not be read as such, and are no utterances of the split.

    Raises:
      InputError: no row is left; nothing is written.
      RunError: a file cannot be written.
    """
    path = Path(path)
    problems = [*malformed, *split.report.problems, *_damaged(split)]
    bad = {*split.report.rows, *(r.row for r, m in _measured(split) if isinstance(m, Problem))}
    kept = [one for row, one in enumerate(split.utterances) if row not in bad]
    if not kept:
        raise InputError("Every row has an error: no clean manifest is written.", problems)
    write_whole(path, manifest_csv(kept, str(path.parent)))
    listed = path.with_name(f"left_out_{path.stem}.txt")
    filtered = split.report.filtered
    if not problems and not filtered:
        listed.unlink(missing_ok=True)
        return Cleaned(path, len(kept), 0, filtered, None)
    lines = [*map(str, problems), *filtered]
    write_whole(listed, "".join(f"{line}\n" for line in lines))
    return Cleaned(path, len(kept), len(bad) + len(malformed), filtered, listed)


def _measured(split: Split) -> Iterator[tuple[Recording, Measurement | Problem]]:
    return zip(split.recordings, split.measured)


def _damaged(split: Split) -> list[Problem]:
    """What is wrong with samples, of rows whose headers were found good."""
    found = []
    for recording, problem in _measured(split):
        if isinstance(problem, Problem) and recording.row not in split.report.rows:
            where = split.utterances[recording.row].source
            found.append(replace(problem, where=where, found=f"{recording.path}: {problem.found}"))
    return found
