"""The files of a command line: which are of which input or output."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.scoring.named_lists import Named, parse_list
from open_seq2seq.scoring.tables import open_table

Tables = list[tuple[Named, Mapping[str, np.ndarray]]]


def input_tables(flags: argparse.Namespace) -> Tables:
    """The files of `-i`, with the names of `-iname` where they have none.

    Raises:
      InputError: a file cannot be read, or the lists do not fit.
    """
    files = _named_by(parse_list(flags.input, "-i"), flags.input_layers, "-i", "-iname")
    return [(one, open_table(one.value, flags.allow_pipes)) for one in files]


def output_list(text: str | None, layers: str | None, flag: str) -> list[Named]:
    """The files of `-o` or `-r`, with the names of `-oname` where they have none."""
    return _named_by(parse_list(text, flag), layers, flag, "-oname")


def path_of(name: str) -> str | None:
    """The file that is written; None: several, or what Kaldi's specifiers say."""
    return None if name.startswith(("ark:", "ark,", "scp,")) else name


def wanted_outputs(
    flags: argparse.Namespace, files: Sequence[Named], references: Sequence[Named]
) -> tuple[str, ...]:
    """The outputs that a command line names: in `-o`, `-r` or `-oname`, without repetition."""
    named = [one.name for one in (*files, *references) if one.name is not None]
    named += [one.value for one in parse_list(flags.output_layers, "-oname")]
    return tuple(dict.fromkeys(named))


def _named_by(elements: list[Named], names: str | None, flag: str, by: str) -> list[Named]:
    layers = [one.value for one in parse_list(names, by)]
    if not layers or not elements or elements[0].name is not None:
        return elements
    if len(layers) != len(elements):
        found = f"{len(elements)} files and {len(layers)} layers"
        raise InputError("Lists do not fit:", [Problem(f"{flag}, {by}", found, "as many of each")])
    return [Named(layer, one.value) for layer, one in zip(layers, elements)]
