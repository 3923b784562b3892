"""Manifests of tar files: `shards/*.tar`, `s3://bucket/shard-{000000..000127}.tar`."""

from __future__ import annotations

import glob
import logging
import os
import re

import numpy as np

from open_seq2seq.data.extras import MissingPackage
from open_seq2seq.data.manifest_table import Manifest
from open_seq2seq.data.shards.index import SIZE, SUFFIX, index_path, write_index
from open_seq2seq.data.shards.remote import is_remote, remote_glob, shard_cache
from open_seq2seq.data.table_manifest import read_table_file
from open_seq2seq.data.tables import open_table
from open_seq2seq.errors import InputError, Problem, RunError

_log = logging.getLogger(__name__)
_BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")


def is_shards(file: str) -> bool:
    """Whether a name in `dataset_files` means tar files."""
    return file.endswith(SUFFIX)


def read_shards(pattern: str, need_transcript: bool, problems: list[Problem]) -> Manifest:
    """The recordings of tar files, in the order of their names.

    Args:
      pattern: a path or an address; with `*`, `?` and `{000..127}`.

    Raises:
      MissingPackage: pyarrow, or what reads the address, is not installed.
    """
    tars = _tars(pattern)
    if not tars:
        problems.append(Problem(pattern, "no such file", "tar files", "Check the path."))
    found = []
    for tar in tars:
        try:
            index = _index(tar)
            _check_size(tar, index)
        except MissingPackage:
            raise
        except InputError as error:
            problems += error.problems
            continue
        found.append(read_table_file(index, need_transcript, problems, os.path.dirname(tar), tar))
    return Manifest.joined(found) if found else Manifest([], np.zeros(0))


def _tars(pattern: str) -> list[str]:
    match = _BRACES.search(pattern)
    if match:
        width = len(match[1])
        names = [f"{number:0{width}d}" for number in range(int(match[1]), int(match[2]) + 1)]
        return [tar for name in names for tar in _tars(_BRACES.sub(name, pattern, count=1))]
    if not glob.has_magic(pattern):
        return [pattern]
    return remote_glob(pattern) if is_remote(pattern) else sorted(glob.glob(pattern))


def _index(tar: str) -> str:
    """The index of a tar on this machine; it is made if there is none."""
    path = index_path(tar)
    if is_remote(tar):
        cache = shard_cache()
        found = cache.find(path)
        if found is not None:
            return found
        local = cache.local(tar)
        path = index_path(local)
        if not os.path.exists(path):
            write_index(local, path)
        return path
    if os.path.exists(path):
        return path
    _log.info(f"{tar} has no index: it is looked through, and {path} written")
    try:
        write_index(tar, path)
    except RunError as error:
        remedy = "Write it where that is possible, or copy the shards."
        raise InputError("The shards cannot be used:", [
            Problem(path, str(error), "a folder in which the index can be written", remedy)
        ]) from error  # fmt: skip
    return path


def _check_size(tar: str, index: str) -> None:
    metadata = open_table(index).schema.metadata or {}
    expected = metadata.get(SIZE.encode())
    if expected is None or is_remote(tar):
        return
    try:
        size = os.path.getsize(tar)
    except OSError as error:
        problem = Problem(tar, str(error.strerror), "the tar file of its index")
        raise InputError("The shard cannot be used:", [problem]) from error
    if size != int(expected):
        found = f"{size} bytes"
        told = f"{int(expected)}, as its index says"
        remedy = f"Fetch it again; if it was written anew, remove {index}."
        raise InputError("The shard cannot be used:", [Problem(tar, found, told, remedy)])
