"""Kaldi's basic values, binary and text: tokens, numbers, vectors and matrices.

The formats are those of Kaldi's base/io-funcs and matrix/ (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from open_seq2seq.kaldi_io.compressed import COMPRESSED, decode, packed_size
from open_seq2seq.kaldi_io.source import Source, shown
from open_seq2seq.kaldi_io.text_numbers import integers, matrix_rows, reals

_FLOAT, _DOUBLE = np.dtype("<f4"), np.dtype("<f8")
FLOATS: dict[str, np.dtype[Any]] = {"FM": _FLOAT, "DM": _DOUBLE, "FV": _FLOAT, "DV": _DOUBLE}
_MATRICES = ("FM", "DM", *COMPRESSED)
# What else Kaldi stores behind a key, and what reads it.
OTHERS = {
    "SM": "a sparse matrix: copy-feats makes it a full one",
    "SV": "a sparse vector: Kaldi's own programs read it",
    "<Nnet3Eg>": "an example for training nnet3: nnet3-copy-egs reads it",
    "<Nnet3ChainEg>": "an example for training chain models: nnet3-chain-copy-egs reads it",
    "<Nnet3DiscriminativeEg>": "an example for training: nnet3-discriminative-copy-egs reads it",
    "<NnetExample>": "an example for training nnet2: nnet-copy-egs reads it",
    "<Lattice>": "a lattice: lattice-copy reads it",
    "<GeneralMatrix>": "a matrix of another kind: copy-feats makes it a plain one",
    "RIFF": "a recording (WAV), not features",
}


class ValueReader:
    """Reads values one after the other.

    Args:
      source: the file, behind `\\0B` if it is binary.
      binary: whether it is.
    """

    def __init__(self, source: Source, binary: bool):
        self.source, self.binary = source, binary
        self.context = ""  # where in the structure this is, for messages

    def fail(self, found: str, expected: str, remedy: str = "", at: int | None = None) -> NoReturn:
        """See `Source.fail`."""
        self.source.fail(found, expected, remedy, at, self.context)

    # --- tokens

    def token(self, expected: str = "a token") -> str:
        """The next word; the one space behind it is gone too."""
        self.source.skip_spaces()
        start = self.source.position
        word = self.source.word(expected)
        if not word:
            self.fail("the end of the file", expected, "The file is cut off.")
        try:
            text = word.decode("utf-8")
        except UnicodeDecodeError:
            text = ""
        if not text.isprintable() or not text:
            self.fail(shown(word[:40]), expected, at=start)
        if not self.source.at_end():
            self.source.skip(1, "a space")
        return text

    def peek_token(self) -> str:
        """The next word, which stays; "" where there is none that could be one."""
        self.source.skip_spaces()
        held = self.source.peek(200)
        word = held.split(None, 1)[0] if held.split(None, 1) else b""
        try:
            return word.decode("utf-8")
        except UnicodeDecodeError:
            return ""

    def expect(self, *names: str) -> str:
        """The next word, which has to be one of these."""
        self.source.skip_spaces()
        start = self.source.position
        found = self.token(" or ".join(names))
        if found not in names:
            self.fail(found, " or ".join(names), at=start)
        return found

    # --- numbers

    def _sized(self, what: str, sizes: Sequence[int]) -> tuple[int, bytes]:
        start = self.source.position
        (size,) = self.source.read(1, what)
        if size not in sizes:
            wanted = " or ".join(map(str, sizes))
            self.fail(f"the size byte {size}", f"{what} with the size byte {wanted}", at=start)
        return size, self.source.read(min(size, 256 - size), what)

    def _text_word(self, what: str) -> tuple[int, bytes]:
        self.source.skip_spaces()
        start = self.source.position
        word = self.source.word(what)
        if not word:
            self.fail("the end of the file", what, "The file is cut off.")
        return start, word

    def integer(self, what: str = "a whole number") -> int:
        """An int32 or int64."""
        if self.binary:
            size, content = self._sized(what, (4, 8, 0xFC))
            return int.from_bytes(content, "little", signed=size != 0xFC)
        start, word = self._text_word(what)
        (number,) = integers(self.source, [word], what, start)
        return int(number)

    def real(self, what: str = "a number") -> float:
        """A float or double."""
        if self.binary:
            size, content = self._sized(what, (4, 8))
            return float(np.frombuffer(content, f"<f{size}")[0])
        start, word = self._text_word(what)
        return float(reals(self.source, [word], what, start)[0])

    def boolean(self, what: str = "T or F") -> bool:
        """T or F."""
        if not self.binary:
            self.source.skip_spaces()
        start = self.source.position
        letter = self.source.read(1, what)
        if letter not in (b"T", b"F"):
            self.fail(shown(letter), f"{what}: T or F", at=start)
        return letter == b"T"

    # --- vectors and matrices

    def _int32(self, what: str) -> int:
        return int.from_bytes(self.source.read(4, what), "little", signed=True)

    def _count(self, what: str) -> int:
        start = self.source.position
        count = self._int32(what)
        if count < 0:
            self.fail(f"the size {count}", what, at=start)
        return count

    def int_vector(self, what: str = "a vector of whole numbers") -> np.ndarray:
        """`[n]` int32, as in models (ReadIntegerVector)."""
        if self.binary:
            self._sized_only(what, 4)
            return np.frombuffer(self.source.read(4 * self._count(what), what), "<i4")
        start, words = self._bracketed(what)
        return integers(self.source, words, what, start)

    def pair_vector(self, what: str = "a vector of pairs") -> np.ndarray:
        """`[n, 2]` int32 (ReadIntegerPairVector)."""
        if self.binary:
            self._sized_only(what, 4)
            content = self.source.read(8 * self._count(what), what)
            return np.frombuffer(content, "<i4").reshape(-1, 2)
        start, words = self._bracketed(what)
        pairs = [word.split(b",") for word in words]
        if any(len(pair) != 2 for pair in pairs):
            self.fail("a word that is no pair", f"{what}: pairs such as 1,2", at=start)
        numbers = [number for pair in pairs for number in pair]
        return integers(self.source, numbers, what, start).reshape(-1, 2)

    def _sized_only(self, what: str, wanted: int) -> None:
        start = self.source.position
        (size,) = self.source.read(1, what)
        if size != wanted:
            self.fail(f"the size byte {size}", f"{what} with the size byte {wanted}", at=start)

    def _bracketed(self, what: str) -> tuple[int, list[bytes]]:
        self.source.skip_spaces()
        start = self.source.position
        first = self.source.read(1, what)
        if first != b"[":
            self.fail(shown(first), f"{what} in brackets", at=start)
        return start, self.source.until(b"]", what).split()

    def vector(self, what: str = "a vector") -> np.ndarray:
        """`[n]` float32, or float64 where it is stored so."""
        if not self.binary:
            start, words = self._bracketed(what)
            return reals(self.source, words, what, start)
        kind = self._kind(what, ("FV", "DV"))
        dtype, (size,) = FLOATS[kind], self.sizes(what, 1)
        return np.frombuffer(self.source.read_data(size * dtype.itemsize, what), dtype)

    def matrix(self, what: str = "a matrix") -> np.ndarray:
        """`[rows, columns]` float32, or float64 where it is stored so."""
        if not self.binary:
            self.source.skip_spaces()
            start = self.source.position
            first = self.source.read(1, what)
            if first != b"[":
                self.fail(shown(first), f"{what} in brackets", at=start)
            return matrix_rows(self.source, self.source.until(b"]", what), what, start)
        kind = self._kind(what, _MATRICES)
        return self.matrix_of(kind, what)

    def _kind(self, what: str, kinds: Sequence[str]) -> str:
        start = self.source.position
        kind = self.token(what)
        if kind not in kinds:
            meant = OTHERS.get(kind)
            found = f"{kind} ({meant})" if meant else kind
            self.fail(found, f"{what}: {', '.join(kinds)}", at=start)
        return kind

    def sizes(self, what: str, count: int) -> list[int]:
        """Rows and columns, or a vector's length, each with its size byte."""
        found = []
        for _ in range(count):
            self._sized_only(f"the size of {what}", 4)
            found.append(self._count(f"the size of {what}"))
        return found

    def matrix_of(self, kind: str, what: str) -> np.ndarray:
        """The matrix behind the token `kind`."""
        if kind in COMPRESSED:
            header = self.compressed_header(what)
            size = packed_size(kind, *header[2:])
            return decode(kind, *header, self.source.read(size, what))
        dtype = FLOATS[kind]
        rows, columns = self.sizes(what, 2)
        content = self.source.read_data(rows * columns * dtype.itemsize, what)
        return np.frombuffer(content, dtype).reshape(rows, columns)

    def compressed_header(self, what: str) -> tuple[np.float32, np.float32, int, int]:
        """Minimum, range, rows and columns of CM, CM2 and CM3."""
        minimum, scale = np.frombuffer(self.source.read(8, what), "<f4")
        rows, columns = self._count(f"rows of {what}"), self._count(f"columns of {what}")
        # An empty one has four bytes more than it is read with: Kaldi writes them, and so reads
        # them as the next key's.
        if rows == 0 and self.source.peek(4) == bytes(4):
            self.source.skip(4, what)
        return minimum, scale, rows, columns
