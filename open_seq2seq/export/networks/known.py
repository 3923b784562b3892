"""Functions that write the graphs of layers, by the layer's class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from open_seq2seq.errors import InputError, Problem


def known(functions: Mapping[type, Any], layer: Any, key: str, table: str) -> Any:
    """What writes the graph of a layer.

    Args:
      functions: by the layer's class.
      layer: the layer.
      key: of the config, that names its class.
      table: where `functions` is.

    Raises:
      InputError: there is none.
    """
    # A subclass may compute anything else.
    if function := functions.get(type(layer)):
        return function
    raise InputError(
        "This model can't be exported.",
        [
            Problem(
                key,
                f"{type(layer).__name__}, which no graph is known for",
                ", ".join(known.__name__ for known in functions),
                "Write a function that calls a GraphBuilder for it, and put it into "
                f"{table} by its class.",
            )
        ],
    )
