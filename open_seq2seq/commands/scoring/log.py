"""Lines as those of OpenVINO's samples: `[ INFO ] text`."""

from __future__ import annotations

import sys
from typing import TextIO


class SampleLog:
    """Writes lines with their level.

    Args:
      quiet: only results and warnings.
      stream: where to; None: standard output.
    """

    def __init__(self, quiet: bool = False, stream: TextIO | None = None):
        self.quiet, self._stream = quiet, stream

    def info(self, text: str = "") -> None:
        """News, one line or several."""
        if not self.quiet:
            self._write("INFO", text)

    def result(self, text: str) -> None:
        """What --quiet leaves."""
        self._write("INFO", text)

    def warning(self, text: str) -> None:
        """What may be wrong."""
        self._write("WARNING", text)

    def _write(self, level: str, text: str) -> None:
        stream = self._stream or sys.stdout
        lines = [f"[ {level} ] {line}".rstrip() for line in text.splitlines() or [""]]
        stream.write("".join(f"{line}\n" for line in lines))
        stream.flush()
