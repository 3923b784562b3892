"""Keys of clients: a file with a key in each line."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence

from open_seq2seq.errors import InputError, Problem

_SHORTEST = 16


class ApiKeys:
    """Which keys are good; keeps their digests only.

    Args:
      keys: at least one.
    """

    def __init__(self, keys: Sequence[str]):
        self._digests = [_digest(key) for key in keys]

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> ApiKeys:
        """The keys of a file: one in each line, `#` begins a comment.

        Raises:
          InputError: it cannot be read, has no key, or one that can be guessed.
        """
        summary, expected = "The keys cannot be used:", "a key in each line"
        try:
            with open(path, encoding="utf-8") as file:
                lines = [line.partition("#")[0].strip() for line in file]
        except (OSError, UnicodeDecodeError) as error:
            found = getattr(error, "strerror", None) or "no text"
            raise InputError(summary, [Problem(os.fspath(path), found, expected)]) from error
        make = 'Make one: python -c "import secrets; print(secrets.token_urlsafe())".'
        problems = [
            Problem(f"{os.fspath(path)}:{number}", f"{len(key)} characters",
                    f"letters, digits, - and _, at least {_SHORTEST}", make)
            for number, key in enumerate(lines, start=1)
            if key and not _is_good(key)
        ]  # fmt: skip
        if not any(lines):
            problems.append(Problem(os.fspath(path), "no key", expected, make))
        if problems:
            raise InputError(summary, problems)
        return cls([key for key in lines if key])

    def client_of(self, given: str | None) -> str | None:
        """A name of the client that has this key, which does not tell the key; None: no such key.

        All keys are compared, each in constant time.
        """
        digest, found = _digest(given or ""), None
        for number, known in enumerate(self._digests):
            if hmac.compare_digest(digest, known):
                found = f"key {number}"
        return found


def _is_good(key: str) -> bool:
    # Also as a token of the WebSocket handshake.
    return (
        len(key) >= _SHORTEST and key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    )


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
