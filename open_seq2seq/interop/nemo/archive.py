"""`.nemo` files: a tar, plain or gzipped, of a config, weights and what belongs to the tokenizer.

Members are read by name; nothing is extracted.
"""

from __future__ import annotations

import gzip
import os
import tarfile
import tempfile
from pathlib import Path
from typing import IO, BinaryIO, cast

from open_seq2seq.interop.nemo.refusal import refusal, refused_if_damaged
from open_seq2seq.interop.nemo.torch_pickle import Refused

CONFIG, WEIGHTS = "model_config.yaml", "model_weights.ckpt"
EXPECTED = "an archive that NeMo wrote (save_to)"
_GZIP = b"\x1f\x8b"
_MOST_MEMBERS = 10_000
_CHUNK = 1 << 20
# Weights hardly shrink when they are compressed: what grows more than this is no model.
_MOST_GROWTH, _SPARE = 50, 1 << 24


class Archive:
    """An open `.nemo` file.

    Args:
      path: the file.

    Raises:
      InputError: it can't be read, or is something else.
    """

    def __init__(self, path: Path):
        self.path = path
        if os.path.isdir(path):
            found = "a folder"
            remedy = "Save the model with NeMo's save_to, which packs it into one file."
            raise refusal(str(path), found, "a .nemo file", remedy)
        try:
            file: IO[bytes] = open(path, "rb")  # noqa: SIM115 (open as long as this object)
        except OSError as error:
            raise refusal(str(path), error.strerror or str(error), "a .nemo file") from error
        with refused_if_damaged(str(path), EXPECTED):
            compressed = file.read(2) == _GZIP
            file.seek(0)
            file = _unzipped(file, os.path.getsize(path)) if compressed else file
            self._tar = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115
            self._members: dict[str, tarfile.TarInfo] = {}
            while (member := self._tar.next()) is not None:
                if len(self._members) >= _MOST_MEMBERS:
                    raise Refused(f"more than {_MOST_MEMBERS} members")
                name = member.name.removeprefix("./")
                if name not in ("", "."):
                    self._members[name] = member
        if any("mp_rank_" in name for name in self._members):
            remedy = "Merge its parts in NeMo first."
            raise refusal(str(path), "a model-parallel checkpoint (mp_rank_*)", EXPECTED, remedy)

    @property
    def names(self) -> list[str]:
        """The names of all members, without a leading `./`."""
        return list(self._members)

    def named(self, name: str) -> str | None:
        """The member of this name, or the only one whose last part it is; None: there is none."""
        name = name.removeprefix("./")
        if name in self._members:
            return name
        base = name.rpartition("/")[2]
        found = [one for one in self._members if one.rpartition("/")[2] == base]
        return found[0] if len(found) == 1 and base else None

    def stream(self, name: str) -> BinaryIO:
        """A member, to read from.

        Raises:
          InputError: there is none, or it is a link or a hole.
        """
        where = f"{self.path}, {name}"
        member = self._members.get(name)
        if member is None:
            raise refusal(where, "no such member", EXPECTED)
        if not member.isreg() or member.issparse():
            raise refusal(where, "a link or another special member", "a file in the archive")
        with refused_if_damaged(where, EXPECTED):
            return cast(BinaryIO, self._tar.extractfile(member))

    def read(self, name: str, most: int) -> bytes:
        """A member of at most so many bytes.

        Raises:
          InputError: see `stream`; or it is larger.
        """
        stream = self.stream(name)
        with refused_if_damaged(f"{self.path}, {name}", EXPECTED):
            content = stream.read(most + 1)
            if len(content) > most:
                raise Refused(f"more than {most} bytes")
            return content


def _unzipped(file: IO[bytes], size: int) -> IO[bytes]:
    """What a gzip file holds, in a file without a name."""
    most = size * _MOST_GROWTH + _SPARE
    target = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the archive)
    written = 0
    with file, gzip.GzipFile(fileobj=file) as source:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > most:
                raise Refused(f"{size} bytes that become more than {most}")
            target.write(chunk)
    target.seek(0)
    return target
