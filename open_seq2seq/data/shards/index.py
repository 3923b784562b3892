"""The index of a tar file: which recordings it has, where, and what is said in them.

Of shards that other tools wrote: WebDataset's (`KEY.flac` beside `KEY.txt` or `KEY.json`), and
NeMo's tarred sets, whose texts are in `tarred_audio_manifest.json` beside the tars.
"""

from __future__ import annotations

import json
import os
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from open_seq2seq.data.audio import audio_info
from open_seq2seq.data.shards.place import Place
from open_seq2seq.data.table_writer import COLUMNS, TableWriter
from open_seq2seq.data.tables import ARROW
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import replaced

SUFFIX = ".tar"
INDEX_COLUMNS = {**COLUMNS, "place": "string"}
# What the index says of its tar: bytes, SHA-256 (where it was written here), and of what it is.
SIZE, CHECKSUM, PLAN = "tar_bytes", "tar_sha256", "plan"
NEMO_MANIFEST = "tarred_audio_manifest.json"
_AUDIO = frozenset(["wav", "flac", "ogg", "opus", "mp3", "aiff", "aif", "au", "sph", "w64", "caf"])
_TEXTS = ("txt", "text", "transcript")


@dataclass
class Sample:
    """The members of one key: an audio file, a text, values of JSON."""

    name: str = ""
    place: Place | None = None
    text: str | None = None
    values: dict[str, Any] = field(default_factory=dict)


def index_path(tar: str) -> str:
    """The index of a tar file: beside it, with another ending."""
    return tar.removesuffix(SUFFIX) + ARROW


def write_index(tar: str, path: str) -> None:
    """Looks through a tar file and writes its index.

    Args:
      tar: a file on this machine.
      path: of the index.

    Raises:
      InputError: the tar is damaged, or has no recordings; MissingPackage: pyarrow is missing.
      RunError: the index cannot be written.
    """
    rows = list(_rows(tar))
    if not rows:
        expected = f"recordings ({', '.join(sorted(_AUDIO))})"
        raise InputError("The shard cannot be used:", [Problem(tar, "none", expected)])
    metadata = {SIZE: str(os.path.getsize(tar))}
    with (
        replaced(path) as draft,
        TableWriter(draft, ARROW, INDEX_COLUMNS, metadata) as writer,
    ):
        for row in rows:
            writer.add(*row)


def _rows(tar: str) -> Iterator[tuple[Any, ...]]:
    """Rows of the index."""
    told = _nemo_rows(tar)
    for sample in _samples(tar):
        if sample.place is None:
            continue
        # Of a recording's several segments each is a row of NeMo's manifest.
        for values in (told.get(sample.name, []) if told else [sample.values]) or [{}]:
            text = sample.text if sample.text is not None else _text(values)
            offset, duration = values.get("offset"), values.get("duration")
            if duration is None:
                duration, offset = audio_info(str(sample.place)).duration, None
            speaker, words = values.get("speaker"), values.get("words")
            yield (
                sample.name,
                text,
                float(duration),
                # NeMo writes an offset of 0 for whole files too.
                float(offset) if offset else None,
                None if speaker is None else str(speaker),
                words if isinstance(words, str) else None,
                f"{os.path.basename(tar)}:{sample.place.start}+{sample.place.size}",
            )


def _samples(tar: str) -> Iterator[Sample]:
    """The samples of a tar file in its order; members of one key follow each other."""
    key, sample = "", Sample()
    try:
        # Of a file that breaks off tarfile says nothing: its last member would end behind it.
        size = os.path.getsize(tar)
        with tarfile.open(tar, "r:") as members:
            for member in members:
                if not member.isfile():
                    continue
                if member.offset_data + member.size > size:
                    found = f"a file that breaks off in {member.name}, after {size} bytes"
                    raise _damaged(tar, found)
                folder, name = os.path.split(member.name)
                stem, _, suffix = name.partition(".")
                if (folder + "/" + stem) != key:
                    yield sample
                    key, sample = folder + "/" + stem, Sample()
                suffix = suffix.lower()
                if suffix.rpartition(".")[2] in _AUDIO:
                    sample.name = member.name
                    sample.place = Place(tar, member.offset_data, member.size)
                elif suffix in _TEXTS:
                    sample.text = _content(members, member).decode("utf-8-sig").strip()
                elif suffix == "json":
                    values = json.loads(_content(members, member))
                    sample.values = values if isinstance(values, dict) else {}
        yield sample
    except (tarfile.TarError, OSError, ValueError) as error:
        found = getattr(error, "strerror", None) or f"a file that is not read ({error})"
        raise _damaged(tar, found) from error


def _content(members: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = members.extractfile(member)
    assert stream is not None
    return stream.read()


def _damaged(tar: str, found: str) -> InputError:
    problem = Problem(tar, found, "a whole tar file", "Fetch or write it again.")
    return InputError("The shard cannot be used:", [problem])


def _text(values: dict[str, Any]) -> str | None:
    text = values.get("text", values.get("transcript"))
    return text if isinstance(text, str) else None


def _nemo_rows(tar: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of NeMo's manifest that are of this tar, by the member's name."""
    manifest = Path(tar).with_name(NEMO_MANIFEST)
    if not manifest.is_file():
        return {}
    number = re.search(r"(\d+)\.tar$", tar)
    rows: dict[str, list[dict[str, Any]]] = {}
    with manifest.open(encoding="utf-8-sig") as lines:
        for line in filter(str.strip, lines):
            row = json.loads(line)
            if number is None or row.get("shard_id", int(number[1])) == int(number[1]):
                rows.setdefault(row["audio_filepath"], []).append(row)
    return rows
