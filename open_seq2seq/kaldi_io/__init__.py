"""Kaldi's archives (ark), script files (scp) and basic values, by readers and writers of our own.

* `read_table`, `ScpFile`, `scan_ark`: what is behind keys, one at a time, or headers alone;
* `read_object`, `read_vector`: without a key;
* `ArkWriter`, `open_writer`: written whole or not at all, the scp with the archive;
* `values.ValueReader`: tokens, numbers, vectors and matrices of models.

The formats are those of Kaldi's util/ and matrix/ (Apache-2.0); docs/kaldi.md lists them.
"""

from open_seq2seq.kaldi_io.ark import Entry
from open_seq2seq.kaldi_io.script import ScpFile
from open_seq2seq.kaldi_io.table import (
    parse_specifier,
    read_object,
    read_table,
    read_vector,
    scan_ark,
)
from open_seq2seq.kaldi_io.writer import ArkWriter, open_writer

__all__ = [
    "ArkWriter",
    "Entry",
    "ScpFile",
    "open_writer",
    "parse_specifier",
    "read_object",
    "read_table",
    "read_vector",
    "scan_ark",
]
