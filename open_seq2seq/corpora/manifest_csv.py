"""Utterances that were read from manifests, as a manifest again."""

from __future__ import annotations

import os
from collections.abc import Sequence

from open_seq2seq.data.manifest import Utterance, resolve_path
from open_seq2seq.files import csv_line


def manifest_csv(utterances: Sequence[Utterance], folder: str) -> str:
    """The CSV of some utterances, with the columns that they have.

    Texts are as they were written, before normalisation. Names of recordings are too where they
    mean the same file in the new manifest's folder; the others' are absolute paths.

    Args:
      folder: of the manifest.
    """
    columns = ["wav_filename", "wav_filesize"]
    if any(one.transcript is not None for one in utterances):
        columns.append("transcript")
    columns += [
        name
        for name in ("duration", "offset", "speaker", "words")
        if any(getattr(one, name) is not None for one in utterances)
    ]
    rows = [columns, *([_cell(one, name, folder) for name in columns] for one in utterances)]
    return "".join(map(csv_line, rows))


def _cell(utterance: Utterance, column: str, folder: str) -> str:
    if column == "wav_filename":
        path = os.path.abspath(utterance.path)
        same = os.path.abspath(resolve_path(utterance.name, folder)) == path
        return utterance.name if same else path
    if column == "wav_filesize":
        there = os.path.isfile(utterance.path)  # not where `{}` stands for a voice
        return str(os.path.getsize(utterance.path) if there else 0)
    if column == "transcript":
        text = utterance.transcript if utterance.written is None else utterance.written
        return text or ""
    value = getattr(utterance, column)
    return "" if value is None else str(value)
