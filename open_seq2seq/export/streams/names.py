"""The names of a state's tensors, in every format."""

from __future__ import annotations


def before(name: str) -> str:
    """Of the input: not every format takes a slash."""
    return f"state_{name.replace('/', '_')}"


def after(name: str) -> str:
    """Of the output."""
    return f"next_{before(name)}"
