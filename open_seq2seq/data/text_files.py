"""Lines of text from files: plain text, or the transcripts of CSV files; also compressed."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import itertools
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any, TextIO

from open_seq2seq.config.schema import closest_name
from open_seq2seq.data.extras import needed
from open_seq2seq.data.manifest_rows import is_header
from open_seq2seq.data.paths import config_path
from open_seq2seq.errors import InputError, Problem

TRANSCRIPT = "transcript"
_COMPRESSED: dict[str, Callable[[str], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}
_ZSTD = ".zst"
# Lines that are normalised at once.
_TOGETHER = 1 << 10


def read_lines(
    files: Sequence[str],
    lower_case: bool = False,
    normalize: Callable[[Sequence[str]], list[str]] = list,
) -> Iterator[tuple[str, str]]:
    """Yields (`file:line`, text) of every line that is not blank, one space between words.

    A file whose name ends in `.csv` has a header row with a column `transcript`, and may be several
    such files behind each other; every other one has a sentence in each line. Behind that the name
    may end in `.gz`, `.bz2`, `.xz` or `.zst`. Of a `.tar` (`.tar.gz` and so on) the members `.txt`
    and `.csv` are read, one behind the other: `text.tar/a.txt:1`. Little of a file is in memory.

    Args:
      files: paths.
      lower_case: whether the text is lower-cased.
      normalize: applied to lines, many at once. One that it leaves nothing of comes as "".

    Raises:
      InputError: a file is missing, is not UTF-8 or not compressed as its name says, or has no
        transcripts; MissingPackage: pyarrow, for `.zst`.
    """
    for file in map(config_path, files):
        lines = ((where, text) for where, text in _file_lines(file) if text.strip())
        while some := list(itertools.islice(lines, _TOGETHER)):
            for (where, _), text in zip(some, normalize([text for _, text in some])):
                yield where, " ".join((text.lower() if lower_case else text).split())


def _file_lines(file: str) -> Iterator[tuple[str, str]]:
    try:
        for name, stream in _streams(file):
            is_csv = uncompressed(name).endswith(".csv")
            for number, text in _transcripts(name, stream) if is_csv else _lines(stream):
                yield f"{name}:{number}", text
    except UnicodeDecodeError as error:
        found = f"byte 0x{error.object[error.start]:02X} ({error.reason})"
        raise _unreadable(file, found, "UTF-8 text", "Save the file as UTF-8.") from error
    except InputError:
        raise
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, tarfile.TarError) as error:
        found = getattr(error, "strerror", None) or str(error)
        raise _unreadable(file, found, "a file of text") from error


def _streams(file: str) -> Iterator[tuple[str, TextIO]]:
    """The texts of a file, with their names."""
    if not uncompressed(file).endswith(".tar"):
        with _opened(file) as stream:
            yield file, io.TextIOWrapper(stream, "utf-8-sig", newline="")
        return
    found = False
    with _opened(file) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            if member.isfile() and member.name.endswith((".txt", ".csv")):
                found, content = True, tar.extractfile(member)
                assert content is not None
                buffered = io.BufferedReader(_Member(content))
                yield f"{file}/{member.name}", io.TextIOWrapper(buffered, "utf-8-sig", newline="")
    if not found:
        raise _unreadable(file, "no text in it", "members that end in .txt or .csv")


class _Member(io.RawIOBase):
    """A member of a tar that is read from front to back, and so knows no places."""

    def __init__(self, content: IO[bytes]):
        self._content = content

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._content.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def uncompressed(file: str) -> str:
    """A file's name without what says how it is compressed."""
    name, dot, suffix = file.rpartition(".")
    return name if f".{suffix}" in (*_COMPRESSED, _ZSTD) and dot else file


def _opened(file: str) -> Any:
    """The bytes of a file, decompressed."""
    if file.endswith(_ZSTD):
        arrow = needed("pyarrow", "parquet", file, "a file compressed by zstd")
        return io.BufferedReader(arrow.input_stream(file, compression="zstd"))
    for suffix, opened in _COMPRESSED.items():
        if file.endswith(suffix):
            return opened(file)
    return open(file, "rb")


def _lines(stream: TextIO) -> Iterator[tuple[int, str]]:
    return enumerate(stream, start=1)


def _transcripts(file: str, stream: TextIO) -> Iterator[tuple[int, str]]:
    rows = csv.reader(stream, strict=True)
    try:
        header = next(rows, [])
        column = _column(f"{file}:1", header)
        for cells in rows:
            if not cells:
                continue
            if cells == header or is_header(cells):
                header = cells
                column = _column(f"{file}:{rows.line_num}", header)
                continue
            if len(cells) != len(header):
                found = f"{len(cells)} cells"
                remedy = "Put a cell that contains a comma in quotes."
                where = f"{file}:{rows.line_num}"
                raise _unreadable(where, found, f"{len(header)}, as the header", remedy)
            yield rows.line_num, cells[column]
    except csv.Error as error:
        where = f"{file}:{rows.line_num}"
        raise _unreadable(where, str(error), "a CSV row") from error


def _column(where: str, header: Sequence[str]) -> int:
    """Where the transcripts are."""
    if TRANSCRIPT in header:
        return header.index(TRANSCRIPT)
    near = closest_name(TRANSCRIPT, header)
    found = f"the columns {', '.join(map(repr, header)) or 'of an empty file'}"
    remedy = f"Rename the column {near!r}." if near else ""
    raise _unreadable(where, found, f"a header row with a column {TRANSCRIPT}", remedy)


def _unreadable(where: str, found: str, expected: str, remedy: str = "") -> InputError:
    return InputError("The text cannot be read:", [Problem(where, found, expected, remedy)])
