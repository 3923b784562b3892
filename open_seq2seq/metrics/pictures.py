"""Figures as files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = (".png", ".svg", ".pdf", ".jpg")


def picture(figure: Figure, ending: str) -> bytes:
    """A figure as the content of a file with this ending, one of `ENDINGS`."""
    stream = io.BytesIO()
    figure.savefig(stream, format=ending.lstrip(".").lower(), dpi=120)
    return stream.getvalue()
