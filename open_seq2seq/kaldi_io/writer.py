"""Archives and their scp, written whole or not at all."""

from __future__ import annotations

import os
from contextlib import ExitStack
from types import TracebackType
from typing import BinaryIO

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import replaced, unwritable
from open_seq2seq.files.places import place_of
from open_seq2seq.files.whole import opened
from open_seq2seq.kaldi_io.compressed import COMPRESSED, encode
from open_seq2seq.kaldi_io.table import parse_specifier

KINDS = ("FM", "DM", *COMPRESSED, "FV", "DV")
_LARGEST = (1 << 31) - 1  # rows and columns are int32
# Kaldi's own choice: with fewer rows the percentiles of CM take more than they save.
_FEW_ROWS = 8


class ArkWriter:
    """Writes arrays of utterances one after the other.

    Both files take their names when the block ends without an error, the scp behind the archive;
    until then, and after an error, they are what they were.

    Args:
      path: the archive; `-` and devices are written as it comes.
      scp: the script file beside it, or None.
      text: text in place of binary.
      kind: of `KINDS`; "compressed" for Kaldi's choice of CM and CM2; None: float32 and float64
        stay what they are, other floats and the like become float32; whole numbers of one axis are
        written as vectors of int32.

    Raises:
      RunError: a file cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        scp: str | os.PathLike[str] | None = None,
        text: bool = False,
        kind: str | None = None,
    ):
        self.path = os.fspath(path)
        self.scp = None if scp is None else os.fspath(scp)
        self.text, self.kind = text, kind
        if kind is not None and kind not in (*KINDS, "compressed"):
            problem = Problem("kind", kind, ", ".join((*KINDS, "compressed")))
            raise InputError("An archive cannot be written:", [problem])
        self._keys: set[str] = set()
        self._stack = ExitStack()
        self._position = 0

    def __enter__(self) -> ArkWriter:
        with self._stack as stack:
            # Left in the other order: the archive is there before the scp that names it.
            self._scp = None if self.scp is None else self._open(stack, self.scp)
            self._ark = self._open(stack, self.path)
            self._stack = stack.pop_all()
        return self

    def _open(self, stack: ExitStack, path: str) -> BinaryIO:
        try:
            place = place_of("/dev/stdout" if path == "-" else path)
            if not place.is_replaced:
                return stack.enter_context(opened(place))
            draft = stack.enter_context(replaced(path))
            return stack.enter_context(open(draft, "wb"))
        except OSError as error:
            raise unwritable(path, error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                for file in (self._ark, self._scp):
                    if file is not None:
                        file.flush()
            self._stack.__exit__(kind, error, trace)
        except OSError as failure:
            raise unwritable(self.path, failure) from failure

    def write(self, key: str, array: np.ndarray) -> None:
        """Adds an utterance.

        Args:
          key: without white space, and a new one.
          array: `[rows, columns]` or `[n]`.

        Raises:
          InputError: the key or the array cannot be written so.
        """
        self._check_key(key)
        array = np.asarray(array)
        content = self._text_of(key, array) if self.text else b"\0B" + self._binary(key, array)
        begin = key.encode() + b" "
        try:
            self._ark.write(begin + content)
            if self._scp is not None:
                place = f"{key} {self.path}:{self._position + len(begin)}\n"
                self._scp.write(place.encode(errors="surrogateescape"))
        except OSError as error:
            raise unwritable(self.path, error) from error
        self._position += len(begin) + len(content)

    def _check_key(self, key: str) -> None:
        found = ""
        if key in self._keys:
            found = f"{key} again"
        elif not key or key.split() != [key] or "\0" in key or not key.isprintable():
            found = repr(key)
        if found:
            self._refuse(key, found, "a key of its own without spaces")
        self._keys.add(key)

    def _refuse(self, key: str, found: str, expected: str) -> None:
        raise InputError(
            f"{self.path} cannot be written:", [Problem(f"{self.path}: {key}", found, expected)]
        )

    def _kind_of(self, key: str, array: np.ndarray) -> str:
        if array.ndim not in (1, 2) or array.dtype.kind not in "fiub":
            found = f"{array.dtype} of shape {list(array.shape)}"
            self._refuse(key, found, "numbers of one axis or two")
        if max(array.shape) > _LARGEST:
            self._refuse(key, f"the shape {list(array.shape)}", "sizes of 31 bits")
        if self.kind is None:
            if array.ndim == 1 and array.dtype.kind in "iu":
                return "int32"
            return ("D" if array.dtype == np.float64 else "F") + ("M" if array.ndim == 2 else "V")
        kind = self.kind
        if kind == "compressed":
            kind = "CM" if len(array) > _FEW_ROWS else "CM2"
        if kind.endswith("V") != (array.ndim == 1):
            self._refuse(key, f"the shape {list(array.shape)}", f"one of {kind}")
        return kind

    def _binary(self, key: str, array: np.ndarray) -> bytes:
        kind = self._kind_of(key, array)
        if kind == "int32":
            items = np.zeros(len(array), np.dtype([("size", "u1"), ("n", "<i4")]))
            items["size"], items["n"] = 4, self._int32(key, array)
            return b"\4" + len(array).to_bytes(4, "little") + items.tobytes()
        if kind in COMPRESSED:
            return self._compressed(key, kind, array)
        dtype = "<f8" if kind[0] == "D" else "<f4"
        sizes = b"".join(b"\4" + size.to_bytes(4, "little") for size in array.shape)
        return f"{kind} ".encode() + sizes + np.ascontiguousarray(array, dtype).tobytes()

    def _int32(self, key: str, array: np.ndarray) -> np.ndarray:
        if array.size and not (array.min() >= -(1 << 31) and array.max() <= _LARGEST):
            self._refuse(key, f"numbers to {array.max()}", "whole numbers of 32 bits")
        return array

    def _compressed(self, key: str, kind: str, array: np.ndarray) -> bytes:
        array = array.astype(np.float32)
        if not np.isfinite(array).all():
            self._refuse(key, "numbers that are not finite", f"finite ones: {kind} has no others")
        rows, columns = array.shape
        if array.size == 0:
            rows = columns = 0
        minimum, scale, content = encode(kind, array)
        sizes = np.array([rows, columns], "<i4").tobytes()
        header = np.array([minimum, scale], "<f4").tobytes() + sizes
        return f"{kind} ".encode() + header + content

    def _text_of(self, key: str, array: np.ndarray) -> bytes:
        if self._kind_of(key, array) == "int32":
            return (" ".join(map(str, self._int32(key, array).tolist())) + "\n").encode()
        form = "%.17g" if array.dtype == np.float64 else "%.9g"
        rows = [" ".join(form % one for one in row) for row in np.atleast_2d(array).tolist()]
        if array.ndim == 1:
            return f" [ {rows[0]} ]\n".encode() if array.size else b" [ ]\n"
        if array.size == 0:
            return b" [ ]\n"
        return (" [\n  " + "\n  ".join(rows) + " ]\n").encode()


def open_writer(specifier: str | os.PathLike[str], kind: str | None = None) -> ArkWriter:
    """An `ArkWriter` by Kaldi's wspecifier (`ark,scp:a.ark,a.scp`, `ark,t:a.txt`) or a path.

    Raises:
      InputError: it is none, or a command, or an scp alone.
    """
    text = os.fspath(specifier)
    wanted = parse_specifier(text)
    if wanted.ark is None or wanted.ark.startswith("|"):
        expected = "an archive: feats.ark, or ark,scp:feats.ark,feats.scp"
        raise InputError("An archive cannot be written:", [Problem(text, text, expected)])
    return ArkWriter(wanted.ark, wanted.scp, "t" in wanted.options, kind)
