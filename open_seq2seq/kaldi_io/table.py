"""Tables of Kaldi's programs: archives and script files, by path or as "ark:..." and "scp:..."."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.kaldi_io.ark import Entry, read_entries, read_object_of, scan_entries
from open_seq2seq.kaldi_io.opening import opened, parse_place
from open_seq2seq.kaldi_io.script import Objects, cut, go_to, read_lines
from open_seq2seq.kaldi_io.text_numbers import reals

_log = logging.getLogger(__name__)
_OPTIONS = {"t", "b", "s", "ns", "cs", "ncs", "o", "no", "p", "np", "bg", "f", "nf"}


@dataclass(frozen=True)
class Specifier:
    """Kaldi's rspecifier and wspecifier.

    Args:
      ark, scp: files or commands; None: not that.
      options: letters behind commas, such as "t".
    """

    ark: str | None
    scp: str | None
    options: frozenset[str]


def parse_specifier(text: str) -> Specifier:
    """`ark:...`, `scp,p:...`, `ark,scp:a.ark,a.scp`, or a path: .scp is a script, others archives.

    Raises:
      InputError: it is none.
    """
    before, colon, rest = text.partition(":")
    words = [word.strip() for word in before.split(",")]
    if not colon or words[0] not in ("ark", "scp") or not set(words) <= _OPTIONS | {"ark", "scp"}:
        is_script = text.removesuffix(".gz").endswith(".scp")
        return Specifier(None if is_script else text, text if is_script else None, frozenset())
    options = frozenset(words) - {"ark", "scp"}
    rest = rest.strip()
    if {"ark", "scp"} <= set(words):
        ark, comma, scp = rest.partition(",")
        if not (comma and ark.strip() and scp.strip()):
            problem = Problem(text, rest, "two files: ark,scp:feats.ark,feats.scp")
            raise InputError("A specifier is not as Kaldi writes it:", [problem])
        if words.index("scp") < words.index("ark"):
            ark, scp = scp, ark
        return Specifier(ark.strip(), scp.strip(), options)
    if not rest:
        raise InputError(
            "A specifier is not as Kaldi writes it:",
            [Problem(text, "no file behind the colon", "one: ark:feats.ark")],
        )
    is_ark = words[0] == "ark"
    return Specifier(rest if is_ark else None, None if is_ark else rest, options)


def read_table(
    specifier: str | os.PathLike[str], allow_pipes: bool = False, memory_map: bool = False
) -> Iterator[tuple[str, np.ndarray]]:
    """Keys and arrays, one at a time, in the file's order.

    Args:
      specifier: a path (`.scp`: a script; anything else, gzip too: an archive), or `ark:...` and
        `scp:...` as Kaldi's programs take them.
      allow_pipes: whether commands (`gunzip -c feats.ark.gz |`) are run.
      memory_map: regular files are mapped, and full matrices are views of them.

    Yields:
      (key, array): `[rows, columns]` or `[n]` of float32 or float64, `[n]` int32 of alignments.

    Raises:
      InputError: a file is damaged or none of the kind. With the option p (`scp,p:`) lines whose
        object cannot be read are passed over, which is logged.
    """
    wanted = parse_specifier(os.fspath(specifier))
    if wanted.ark is not None:
        with opened(wanted.ark, allow_pipes, memory_map=memory_map) as source:
            yield from read_entries(source)
        return
    assert wanted.scp is not None
    with (
        opened(wanted.scp, allow_pipes) as source,
        Objects(wanted.scp, allow_pipes, memory_map) as objects,
    ):
        for line in read_lines(source):
            try:
                array = objects.read(line)
            except InputError as error:
                if "p" not in wanted.options:
                    raise
                _log.warning("Passed over, as the option p asks for: %s", error)
                continue
            yield line.key, array


def scan_ark(path: str | os.PathLike[str], allow_pipes: bool = False) -> Iterator[Entry]:
    """Keys, kinds, shapes and offsets of an archive, from its headers."""
    with opened(os.fspath(path), allow_pipes) as source:
        yield from scan_entries(source)


def read_object(rxfilename: str | os.PathLike[str], allow_pipes: bool = False) -> np.ndarray:
    """A matrix or vector without a key (global statistics, LDA), at an offset, cut to a range."""
    text = os.fspath(rxfilename)
    place = parse_place(text, text)
    if not place.is_command and os.path.exists(text):
        place = type(place)(text)  # a name with a colon
    with opened(place.path, allow_pipes) as source:
        go_to(source, place.offset or 0, text)
        return cut(read_object_of(source), place, text)


def read_vector(rxfilename: str | os.PathLike[str], allow_pipes: bool = False) -> np.ndarray:
    """`[n]` float64 of counts or priors: a line of numbers, in brackets or not, or a binary vector.

    Raises:
      InputError: it is none, or has several lines.
    """
    path = os.fspath(rxfilename)
    with opened(path, allow_pipes) as source:
        if source.peek(2) == b"\0B":
            array = read_object_of(source).astype(np.float64)
        else:
            text = source.until(b"]", "numbers") if source.peek(200).lstrip()[:1] == b"[" else None
            content = source.line() if text is None else text.lstrip()[1:]
            rest = b"" if source.at_end() else source.line()
            source.skip_spaces()
            if rest.strip() or not source.at_end():
                remedy = "Counts of several lines are of several models: give one's."
                source.fail("more behind the first line", "one line of numbers", remedy)
            array = reals(source, content.split(), "numbers", 0, np.float64)
        if array.ndim != 1:
            source.fail(f"a matrix {list(array.shape)}", "a vector", at=0)
        return array
