"""Errors for a log that holds no speech and no text."""

from __future__ import annotations

from pathlib import Path


def place_of(error: BaseException) -> str:
    """The kind of an error and where it was raised, without its words."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename).name
        place, trace = f"{file}:{trace.tb_lineno}", trace.tb_next
    return f"{type(error).__name__} at {place}"
