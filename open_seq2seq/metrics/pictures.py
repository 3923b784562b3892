"""Figures as files."""

from __future__ import annotations

import io
from typing import Any

ENDINGS = (".png", ".svg", ".pdf", ".jpg")


def picture(figure: Any, ending: str) -> bytes:
    """A figure as the content of a file with this ending, one of `ENDINGS`."""
    stream = io.BytesIO()
    figure.savefig(stream, format=ending.lstrip(".").lower(), dpi=120)
    return stream.getvalue()
