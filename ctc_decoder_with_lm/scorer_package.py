"""Scorer packages of Mozilla's and Coqui's DeepSpeech (`kenlm.scorer`): the part that is read here.

A package is a KenLM binary without the spelling of its words, then a header, then a trie of the
words as a finite-state transducer. The header, little-endian and without gaps: the magic number
`TRIE` (int32), the version (int32), whether the symbols are UTF-8 bytes (1 byte), and the alpha and
beta that the package was tuned with (float64; natural logarithms).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from open_seq2seq.errors import InputError, Problem

MAGIC, VERSION = 0x54524945, 6
_HEADER = struct.Struct("<ii?dd")
_SUMMARY = "The scorer package of DeepSpeech cannot be used:"


@dataclass(frozen=True)
class ScorerPackage:
    """What a package's header says.

    Args:
      alpha, beta: defaults of its decoder; alpha multiplies natural logarithms.
    """

    alpha: float
    beta: float


def read_package(path: str, offset: int) -> ScorerPackage | None:
    """The header behind a KenLM binary; None where there is none.

    Args:
      path: the file.
      offset: bytes of the KenLM binary.

    Raises:
      InputError: it is one, and damaged or of a kind that cannot be used.
    """
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            header = file.read(_HEADER.size)
    except OSError as error:
        problem = Problem(path, error.strerror or str(error), "a file to read")
        raise InputError(_SUMMARY, [problem]) from None
    if header[:4] != struct.pack("<i", MAGIC):
        return None
    if len(header) < _HEADER.size:
        remedy = "Copy it again: its end is missing."
        raise InputError(_SUMMARY, [Problem(path, "an end within its header", "alpha", remedy)])
    _, version, is_bytes, alpha, beta = _HEADER.unpack(header)
    found = expected = remedy = ""
    if version != VERSION:
        found, expected = f"version {version}", f"version {VERSION}"
        remedy = (
            "Make it again with generate_scorer_package of DeepSpeech 0.7 to 0.9, or Coqui STT."
        )
    elif is_bytes:
        found, expected = "a package for symbols that are UTF-8 bytes", "one of words"
    elif not (math.isfinite(alpha) and math.isfinite(beta)):
        found, expected = f"alpha {alpha}, beta {beta}", "numbers"
        remedy = "The file is damaged: copy it again."
    if found:
        raise InputError(_SUMMARY, [Problem(path, found, expected, remedy)])
    return ScorerPackage(alpha, beta)
