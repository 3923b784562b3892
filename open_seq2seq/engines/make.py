"""Engines by their names."""

from __future__ import annotations

from collections.abc import Callable

from open_seq2seq.engines.dask import DaskEngine
from open_seq2seq.engines.engine import Engine
from open_seq2seq.engines.local import LocalEngine
from open_seq2seq.engines.ray import RayEngine
from open_seq2seq.errors import InputError, Problem

_CLUSTERS: dict[str, Callable[[str | None], Engine]] = {"dask": DaskEngine, "ray": RayEngine}
ENGINES = ("local", *_CLUSTERS)


def make_engine(name: str, address: str | None = None) -> Engine:
    """An engine.

    Args:
      name: one of `ENGINES`.
      address: of a cluster; None: see the engine.

    Raises:
      MissingPackage: its package is not installed.
      InputError: there is no cluster at the address.
    """
    if name in _CLUSTERS:
        return _CLUSTERS[name](address)
    if address:
        problem = Problem("--engine_address", address, "--engine=dask or --engine=ray")
        raise InputError("The engine cannot be used:", [problem])
    return LocalEngine()
