"""Packages of optional extras, and what to do where one is missing."""

from __future__ import annotations

import importlib
from typing import Any

from open_seq2seq.errors import InputError, Problem


class MissingPackage(InputError):
    """A package of an optional extra is not installed."""


def needed(module: str, extra: str, where: str, what: str) -> Any:
    """A module of an optional extra.

    Args:
      module: its dotted name.
      extra: of pyproject.toml.
      where, what: which input needs it, and what that is.

    Raises:
      MissingPackage: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        remedy = f"Install it: `pip install 'open-seq2seq[{extra}]'`."
        problem = Problem(where, what, f"the package {package}, which reads it", remedy)
        raise MissingPackage("A package is missing:", [problem]) from error
