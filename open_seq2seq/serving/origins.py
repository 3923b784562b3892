"""Which pages may use the server: a browser says whose page it is that asks.

Without this, any page that someone opens could stream their microphone through a server on their
machine, or post files to it (cross-site WebSocket hijacking, DNS rebinding).
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.serving.refusal import Refused

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_Place = tuple[str, int | None]


class Origins:
    """The server's own pages, and those that are allowed besides.

    Args:
      host: what the server listens on. On this machine only it answers only to this machine's
        names, and to those of `allowed`.
      allowed: origins as browsers write them, `https://asr.example.org`.

    Raises:
      InputError: one is no origin.
    """

    def __init__(self, host: str, allowed: Sequence[str] = ()):
        problems = [
            Problem(f"--allow_origin={one}", "no origin", "for example https://asr.example.org")
            for one in allowed
            if _place(one) is None or one.count("/") != 2
        ]
        if problems:
            raise InputError("The origins cannot be used:", problems)
        self.allowed = tuple(allowed)
        self._others = {place for one in allowed if (place := _place(one))}
        self._local = host in _LOOPBACK

    def check(self, host: str | None, origin: str | None) -> None:
        """Of the headers Host and Origin.

        Raises:
          Refused: it is a foreign page's request.
        """
        own = _place(f"http://{host}") if host else None
        names = {*_LOOPBACK, *(name for name, _ in self._others)}
        if self._local and own and own[0] not in names:
            text = f"The server has no such name; --allow_origin=http://{own[0]} gives it."
            raise Refused(421, text, "wrong_host")
        if origin is None:
            return
        asks = _place(origin)
        if asks is None or (asks not in self._others and not self._is_own(origin, asks, host)):
            text = "Pages of another origin may not use this server; --allow_origin names some."
            raise Refused(403, text, "wrong_origin")

    @staticmethod
    def _is_own(origin: str, asks: _Place, host: str | None) -> bool:
        # Behind a proxy that ends TLS the scheme is the page's, the header has no port.
        return host is not None and asks == _place(f"{origin.partition('://')[0]}://{host}")


def _place(url: str) -> _Place | None:
    """Host and port of a URL; None: it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or parts.username:
        return None
    return parts.hostname, port
