"""Which logits belong to which row of a manifest."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from open_seq2seq.data.manifest import Utterance, read_manifests
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.stored_logits.logits_file import LogitsFile


@dataclass(frozen=True)
class StoredUtterance:
    """An utterance with its logits.

    Args:
      name: of the recording, as the manifest writes it; of a segment with `@offset+duration`.
      logits: [time, class], unnormalised, blank last.
      reference: its text, normalised and lower-cased; None where there is none.
    """

    name: str
    logits: np.ndarray
    reference: str | None


def match_utterances(
    file: LogitsFile,
    labels: str | None,
    need_reference: bool,
    normalize: Callable[[str], str] = str.lower,
) -> list[StoredUtterance]:
    """The utterances in the order of the manifest, or of the file of logits without one.

    Names are compared as they are written, then as the paths that they mean. Where the file
    of logits has no names, its utterances are the rows, in their order.

    Args:
      labels: a manifest (CSV or JSON lines), or None.
      need_reference: whether every utterance must have a text.
      normalize: of the texts, as in training and then lower-cased.

    Raises:
      InputError: naming every row without logits and all logits without a row.
    """
    if labels is None:
        return _without_manifest(file, need_reference, normalize)
    rows = read_manifests([labels], need_reference)
    if file.names is None:
        return _in_order(file, rows, normalize)
    by_name = dict(zip(file.names, range(len(file.names))))
    by_path = {os.path.abspath(name): index for name, index in by_name.items()}
    found, problems, used = [], [], set()
    for row in rows:
        name, path = row.name + row.segment, os.path.abspath(row.path) + row.segment
        index = by_name.get(name, by_path.get(path))
        if index is None:
            problems.append(Problem(row.source, f"{name!r}", f"its logits in {file.path}"))
            continue
        used.add(index)
        found.append(_stored(row, file.logits[index], normalize))
    problems += [
        Problem(f"{file.path}: {name}", "logits", f"a row of {labels}")
        for index, name in enumerate(file.names)
        if index not in used
    ]
    if problems:
        raise InputError(f"{labels} and {file.path} are not of the same recordings:", problems)
    return found


def _stored(row: Utterance, logits: np.ndarray, normalize: Callable[[str], str]) -> StoredUtterance:
    reference = None if row.transcript is None else normalize(row.transcript)
    return StoredUtterance(row.name + row.segment, logits, reference)


def _in_order(
    file: LogitsFile, rows: Sequence[Utterance], normalize: Callable[[str], str]
) -> list[StoredUtterance]:
    if len(rows) != len(file.logits):
        expected = f"{len(rows)}, as the manifest has rows"
        problem = Problem(str(file.path), f"logits of {len(file.logits)} utterances", expected)
        raise InputError("The logits have no names, and not as many as there are rows:", [problem])
    return [_stored(row, array, normalize) for row, array in zip(rows, file.logits)]


def _without_manifest(
    file: LogitsFile, need_reference: bool, normalize: Callable[[str], str]
) -> list[StoredUtterance]:
    missing = [
        what
        for what, known in (("names", file.names), ("references", file.references))
        if known is None and (what == "names" or need_reference)
    ]
    if missing:
        found = f"no {' and no '.join(missing)}"
        expected = "those of a manifest"
        problem = Problem(str(file.path), found, expected, "Give the manifest with --labels.")
        raise InputError("--labels is needed:", [problem])
    names = file.names or []
    references: Sequence[str | None] = file.references or [None] * len(names)
    return [
        StoredUtterance(name, array, None if text is None else normalize(text))
        for name, array, text in zip(names, file.logits, references)
    ]
