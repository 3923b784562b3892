"""TensorFlow's and LiteRT's greetings, which nobody who uses the package has to read.

While TensorFlow is imported, and while LiteRT runs a model for the first time, native code writes
to standard error whatever its log level is. `hold_back` and `without_greetings` take what it writes
meanwhile and pass on all that is no greeting. With TF_CPP_MIN_LOG_LEVEL=0 everything is seen of
TensorFlow's.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import logging
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_LOGGER = logging.getLogger(__name__)

# Information, and what CUDA builds call errors at each start: libraries that register twice.
_GREETING = re.compile(
    r"WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR"
    r"|(I\d{4} |\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: I )"
    r"|INFO: Created TensorFlow Lite \w+ delegate"
    r"|To enable the following instructions: .*, in other operations, rebuild TensorFlow"
    r"|.*(Unable to register cu\w+ factory"
    r"|computation placer already registered"
    r"|Attempting to register factory for plugin cu\w+ when one has already been registered)"
)


def split(text: str) -> tuple[str, str]:
    """The greetings among what TensorFlow wrote, and all else."""
    greetings: list[str] = []
    rest: list[str] = []
    for line in text.splitlines(keepends=True):
        (greetings if _GREETING.match(line) else rest).append(line)
    return "".join(greetings), "".join(rest)


@contextmanager
def without_greetings() -> Iterator[None]:
    """Holds back what native code writes to standard error in the block, and sorts it at the end.

    If the block fails, everything is shown. What is held back is logged for --verbose.
    """
    try:
        sys.stderr.flush()
        saved, held = os.dup(2), tempfile.TemporaryFile()  # noqa: SIM115
    except (OSError, AttributeError):  # no standard error, or no room for a file
        yield
        return
    with held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            _back(saved)
            sys.stderr.write(_text(held))
            raise
        _back(saved)
        greetings, rest = split(_text(held))
    sys.stderr.write(rest)
    if greetings:
        _LOGGER.debug("%s", greetings.rstrip())


def _back(saved: int) -> None:
    sys.stderr.flush()
    os.dup2(saved, 2)
    os.close(saved)


def _text(held: Any) -> str:
    held.seek(0)
    return held.read().decode(errors="replace")


class _Finder(importlib.abc.MetaPathFinder):
    """Finds TensorFlow as all others do, and makes its first import a quiet one."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "tensorflow":
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    _make_quiet(spec.loader, self)
                return spec
        return None


def _make_quiet(loader: Any, finder: _Finder) -> None:
    execute: Callable[[ModuleType], None] = loader.exec_module

    def quietly(module: ModuleType) -> None:
        loader.exec_module = execute
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)
        with without_greetings():
            execute(module)

    loader.exec_module = quietly


def hold_back() -> None:
    """From now on the first import of TensorFlow in this process says nothing but what matters."""
    if "tensorflow" in sys.modules or os.environ.get(_LEVEL, "2") in ("0", "1"):
        return
    os.environ.setdefault(_LEVEL, "2")  # errors are shown, also later
    sys.meta_path.insert(0, _Finder())
