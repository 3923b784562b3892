"""Imports of OpenSeq2Seq's modules that are not here end in an error that says what is.

Its users' notebooks and programs import more than configs do (which have imports of their own:
`config.imports`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class OldModules(MetaPathFinder):
    """The last to be asked for a module: whatever comes here is nowhere else."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Finds nothing.

        Raises:
          ModuleNotFoundError: it is one of OpenSeq2Seq's; with what there is in its place.
        """
        if not name.startswith("open_seq2seq."):
            return None
        from open_seq2seq.successors.lookup import find, hint

        if find(name) is None:
            return None
        package = name.rpartition(".")[0]
        text = hint(name) or f"It is OpenSeq2Seq's. Configs find it; its names are in {package}."
        raise ModuleNotFoundError(f"No module named {name!r}. {text}", name=name)


def install() -> None:
    """Lets imports end so, once."""
    if not any(isinstance(finder, OldModules) for finder in sys.meta_path):
        sys.meta_path.append(OldModules())
