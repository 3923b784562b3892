"""Writes a corpus as shards: tar files of WebDataset's layout, each with an index beside it."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from open_seq2seq.corpora.shard_audio import Recording, audio_of
from open_seq2seq.data.manifest import Manifest, Utterance
from open_seq2seq.data.shards.index import (
    CHECKSUM,
    INDEX_COLUMNS,
    PLAN,
    SIZE,
    SUFFIX,
    index_path,
)
from open_seq2seq.data.table_writer import TableWriter
from open_seq2seq.data.tables import ARROW, open_table
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import replaced

_BLOCK = tarfile.BLOCKSIZE
# How many recordings tell how large the others will be.
_TRIED = 32


@dataclass(frozen=True)
class ShardOptions:
    """How a corpus is written.

    Args:
      folder: of the shards.
      size: bytes of a shard, about.
      format: "flac" or "opus"; None: recordings are copied as they are (segments as FLAC).
      seed: of the order of the utterances, which is random.
      threads: shards that are written at a time.
    """

    folder: Path
    size: int
    format: str | None = None
    seed: int = 0
    threads: int = 1


@dataclass
class Sharded:
    """What was written.

    Args:
      shards: how many there are.
      kept: how many of them were there already.
      problems: of recordings that could not be read and are left out.
    """

    shards: int = 0
    kept: int = 0
    problems: list[Problem] = field(default_factory=list)


def write_shards(
    manifest: Manifest, options: ShardOptions, advance: Callable[[], object] = lambda: None
) -> Sharded:
    """Writes a corpus as `shard-000000.tar` and so on.

    Which utterances a shard has depends on the manifest, the seed and the options: what an earlier
    run has written whole is kept, so a run that was stopped goes on where it was.

    Args:
      advance: is called for each shard.

    Raises:
      InputError: no recording can be read; MissingPackage: pyarrow is not installed.
      RunError: a file cannot be written.
    """
    rows = np.random.default_rng([options.seed]).permutation(len(manifest))
    number = _number_of_shards(manifest, rows, options)
    parts = np.array_split(rows, number)
    plan = hashlib.sha256(f"{options.format} {options.seed} {number}".encode())
    for piece in manifest.identity():
        plan.update(piece)
    result = Sharded(number)

    def write(shard: int) -> list[Problem] | None:
        path = options.folder / f"shard-{shard:06d}{SUFFIX}"
        name = f"{plan.hexdigest()[:16]} {shard}"
        if _is_whole(path, name):
            return None
        return _write_shard(path, manifest, parts[shard], options.format, name)

    options.folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(options.threads, thread_name_prefix="shards") as executor:
        for problems in executor.map(write, range(number)):
            result.kept += problems is None
            result.problems += problems or []
            advance()
    return result


def _number_of_shards(manifest: Manifest, rows: np.ndarray, options: ShardOptions) -> int:
    problems: list[Problem] = []
    sizes = []
    for one in manifest.take(rows[:_TRIED]):
        try:
            sizes.append(len(audio_of(one, options.format).data))
        except InputError as error:
            problems += error.problems
    if not sizes:
        raise InputError("No recording can be read:", problems)
    # Members are padded to blocks, and have a header each; there are three of an utterance.
    total = (np.mean(sizes) + 5 * _BLOCK) * len(manifest)
    return max(1, min(round(total / options.size), len(manifest)))


def _is_whole(path: Path, name: str) -> bool:
    """Whether an earlier run has written this shard."""
    index = Path(index_path(str(path)))
    if not path.exists() or not index.exists():
        return False
    metadata = open_table(str(index)).schema.metadata or {}
    return (
        metadata.get(PLAN.encode()) == name.encode()
        and metadata.get(SIZE.encode()) == str(path.stat().st_size).encode()
    )


def _write_shard(
    path: Path, manifest: Manifest, rows: np.ndarray, format: str | None, name: str
) -> list[Problem]:
    """Writes a tar file, and its index when that is whole."""
    problems: list[Problem] = []
    entries: list[tuple[Utterance, Recording, int]] = []
    with replaced(path) as draft, open(draft, "wb") as file:
        tar = _Tar(file)
        for row, utterance in zip(rows.tolist(), manifest.take(rows)):
            try:
                audio = audio_of(utterance, format)
            except InputError as error:
                problem = error.problems[0]
                found = f"{problem.where}: {problem.found}"
                problems.append(Problem(utterance.source, found, problem.expected, problem.remedy))
                continue
            key = f"{row:010d}"
            start = tar.add(f"{key}.{audio.suffix}", audio.data)
            if utterance.transcript is not None:
                tar.add(f"{key}.txt", utterance.transcript.encode(errors="surrogatepass"))
            values = json.dumps(dict(_values(utterance, audio)), ensure_ascii=False)
            tar.add(f"{key}.json", values.encode(errors="surrogatepass"))
            # Only what the index needs is kept.
            audio = Recording(b"", audio.suffix, audio.seconds, len(audio.data))
            entries.append((utterance, audio, start))
        tar.close()
    metadata = {SIZE: str(tar.size), CHECKSUM: tar.digest.hexdigest(), PLAN: name}
    with (
        replaced(index_path(str(path))) as draft,
        TableWriter(draft, ARROW, INDEX_COLUMNS, metadata) as writer,
    ):
        for one, audio, start in entries:
            place = f"{path.name}:{start}+{audio.size}"
            text = one.transcript
            writer.add(one.name, text, audio.seconds, None, one.speaker, one.words, place)
    return problems


def _values(utterance: Utterance, audio: Recording) -> Iterator[tuple[str, object]]:
    yield "audio_filepath", utterance.name
    yield "duration", audio.seconds
    for name in ("transcript", "speaker", "words"):
        value = getattr(utterance, name)
        if value is not None:
            yield "text" if name == "transcript" else name, value


class _Tar:
    """Writes members, and knows where each begins."""

    def __init__(self, file: BinaryIO):
        self._file, self.size, self.digest = file, 0, hashlib.sha256()

    def add(self, name: str, data: bytes) -> int:
        """Adds a member; returns where its content begins."""
        info = tarfile.TarInfo(name)
        info.size = len(data)
        self._write(info.tobuf(tarfile.USTAR_FORMAT))
        start = self.size
        self._write(data)
        self._write(bytes(-len(data) % _BLOCK))
        return start

    def close(self) -> None:
        """Writes the end."""
        self._write(bytes(2 * _BLOCK))

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self.digest.update(data)
        self.size += len(data)
