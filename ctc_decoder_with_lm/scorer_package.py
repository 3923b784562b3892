"""Scorer packages of Mozilla's and Coqui's DeepSpeech (`kenlm.scorer`), read and made.

A package is a KenLM binary without the spelling of its words, then a header, then the words as a
finite-state acceptor (`word_trie`). The header, little-endian and without gaps: the magic number
`TRIE` (int32), the version (int32), whether the symbols are UTF-8 bytes (1 byte), and the alpha and
beta that the package was tuned with (float64; natural logarithms).

Labels of the acceptor are the numbers of the alphabet's characters, from 1, and each word ends in a
space; of bytes a label is the byte, and a word is a character. The alphabet itself is not stored.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ctc_decoder_with_lm.errors import InputError, Problem
from ctc_decoder_with_lm.word_trie import TrieError, WordTrie, read_trie, trie_bytes

MAGIC, VERSION = 0x54524945, 6
_HEADER = struct.Struct("<ii?dd")
# KenLM's header: 88 bytes that tell the format; then order, multiplier and type, 4 bytes each, and
# whether words follow (lm/binary_format.hh, FixedWidthParameters).
_KENLM_HAS_WORDS = 100
KENLM_START = _KENLM_HAS_WORDS + 1
_SUMMARY = "The scorer package of DeepSpeech cannot be used:"
_AGAIN = "Copy it again, or make it again: open-seq2seq lm package."
_BYTES = [bytes([value]) for value in range(1, 256)]
# What may be wrong with a package.
NO_TRIE, DAMAGED, OTHER_VERSION, OTHER_SYMBOLS = "no trie", "damaged", "version", "symbols"


class ScorerPackageError(InputError):
    """A package that cannot be used.

    Args:
      fault: one of the kinds above.
      problem: what exactly.
    """

    def __init__(self, fault: str, problem: Problem):
        self.fault = fault
        super().__init__(_SUMMARY, [problem])


@dataclass(frozen=True)
class ScorerPackage:
    """What a package's header says; the words are read when they are asked for.

    Args:
      alpha, beta: defaults of its decoder; alpha multiplies natural logarithms.
      is_bytes: its symbols are UTF-8 bytes, and what the language model scores are characters.
      path: the file.
      trie_offset: where its words begin.
    """

    alpha: float
    beta: float
    is_bytes: bool = False
    path: str = ""
    trie_offset: int = 0

    def words(self, symbols: Sequence[str]) -> list[str]:
        """The words that may be recognised; in a package of bytes, the characters.

        Args:
          symbols: the network's characters, in the order of the alphabet that it was made for.

        Raises:
          ScorerPackageError: they are not there, damaged, or spelled with another alphabet.
        """
        trie = self._trie()
        return self._of_bytes(trie) if self.is_bytes else self._of_symbols(trie, symbols)

    def _trie(self) -> WordTrie:
        with open(self.path, "rb") as file:
            file.seek(self.trie_offset)
            data = file.read()
        if not data:
            problem = Problem(self.path, "an end behind its header", "its words", _AGAIN)
            raise ScorerPackageError(NO_TRIE, problem)
        try:
            trie = read_trie(data, self.trie_offset)
        except TrieError as error:
            found = f"words that cannot be read: {error}"
            raise self._damaged(found, "an acceptor of words") from None
        if not len(trie) or not trie.largest_label:
            raise self._damaged("no words", "words")
        return trie

    def _of_bytes(self, trie: WordTrie) -> list[str]:
        if trie.largest_label > len(_BYTES):
            raise self._damaged(f"a label {trie.largest_label}", "bytes")
        try:
            return [word.decode() for word in trie.words(_BYTES)]
        except UnicodeDecodeError as error:
            raise self._damaged(f"the word {error.object!r}", "words in UTF-8") from None

    def _of_symbols(self, trie: WordTrie, symbols: Sequence[str]) -> list[str]:
        remedy = (
            "Make the package with the network's alphabet (open-seq2seq lm package), or give its "
            "words as the lexicon, a file with one in each line."
        )
        found = ""
        if " " not in symbols:
            found = "a model without a space among its symbols"
        elif trie.largest_label > len(symbols):
            found = f"words of an alphabet of at least {trie.largest_label} characters"
        if not found:
            words = list(trie.words(list(symbols)))
            wrong = next((word for word in words if word.find(" ") != len(word) - 1), None)
            if wrong is None:
                return [word[:-1] for word in words if len(word) > 1]
            found = f"the word {wrong!r}, which does not end in its only space"
        expected = f"words spelled with the network's {len(symbols)} symbols in their order"
        raise ScorerPackageError(OTHER_SYMBOLS, Problem(self.path, found, expected, remedy))

    def _damaged(self, found: str, expected: str) -> ScorerPackageError:
        return ScorerPackageError(DAMAGED, Problem(self.path, found, expected, _AGAIN))


def read_package(path: str, offset: int) -> ScorerPackage | None:
    """The header behind a KenLM binary; None where there is none.

    Args:
      path: the file.
      offset: bytes of the KenLM binary.

    Raises:
      ScorerPackageError: it is one, and damaged or of a kind that cannot be used.
      InputError: the file cannot be read.
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
        problem = Problem(path, "an end within its header", "alpha", remedy)
        raise ScorerPackageError(DAMAGED, problem)
    _, version, is_bytes, alpha, beta = _HEADER.unpack(header)
    if version != VERSION:
        remedy = (
            "Make it again with generate_scorer_package of DeepSpeech 0.7 to 0.9, or Coqui STT."
        )
        problem = Problem(path, f"version {version}", f"version {VERSION}", remedy)
        raise ScorerPackageError(OTHER_VERSION, problem)
    if not (math.isfinite(alpha) and math.isfinite(beta)):
        remedy = "The file is damaged: copy it again."
        problem = Problem(path, f"alpha {alpha}, beta {beta}", "numbers", remedy)
        raise ScorerPackageError(DAMAGED, problem)
    return ScorerPackage(alpha, beta, is_bytes, path, offset + _HEADER.size)


def without_words(kenlm_start: bytes) -> bytes:
    """The beginning of a KenLM binary, changed to say that no spelling of words follows.

    Args:
      kenlm_start: its first bytes, `KENLM_START` or more.
    """
    return kenlm_start[:_KENLM_HAS_WORDS] + b"\0" + kenlm_start[_KENLM_HAS_WORDS + 1 :]


def package_tail(
    words: Iterable[str],
    symbols: Sequence[str] | None,
    alpha: float,
    beta: float,
    offset: int,
) -> bytes:
    """What a package has behind its KenLM binary, as generate_scorer_package of DeepSpeech has it.

    Args:
      words: that may be recognised; each has to be spelled by the symbols.
      symbols: the network's characters, a space among them, in their order; None: UTF-8 bytes.
      alpha, beta: defaults of the decoder.
      offset: bytes of the KenLM binary.
    """
    if symbols is None:
        labels: Iterable[Sequence[int]] = (tuple(word.encode()) for word in words)
    else:
        numbers = {symbol: number for number, symbol in enumerate(symbols, start=1)}
        labels = ([numbers[character] for character in f"{word} "] for word in words)
    header = _HEADER.pack(MAGIC, VERSION, symbols is None, alpha, beta)
    return header + trie_bytes(labels, offset + len(header))
