"""Headers of many audio files, read in parallel."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from open_seq2seq.data.audio import AudioInfo, audio_info
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.native_build.cpu import available_cores

_CHUNK = 64
# Reading headers waits for the disk or the network more than it computes.
_THREADS_PER_CORE = 4


def scan_headers(paths: Sequence[str], lenient: bool = False) -> list[AudioInfo | Problem]:
    """Reads the header of each file; `lenient` as in `audio_info`.

    Returns:
      In the order of `paths`: the header, or what is wrong with the file.
    """
    chunks = [paths[start : start + _CHUNK] for start in range(0, len(paths), _CHUNK)]
    threads = min(len(chunks), _THREADS_PER_CORE * available_cores())
    if threads <= 1:
        return _scan(paths, lenient)
    with ThreadPoolExecutor(threads, thread_name_prefix="headers") as executor:
        return [
            header
            for chunk in executor.map(_scan, chunks, [lenient] * len(chunks))
            for header in chunk
        ]


def _scan(paths: Sequence[str], lenient: bool) -> list[AudioInfo | Problem]:
    return [_header(path, lenient) for path in paths]


def _header(path: str, lenient: bool) -> AudioInfo | Problem:
    try:
        return audio_info(path, lenient)
    except InputError as error:
        return error.problems[0]
