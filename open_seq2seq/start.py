"""What every command does first: an interpreter that lacks the packages is answered in one line.

Imported for this effect, before any other package, by run.py and the scripts; it has nothing but
the standard library. It also shows the package's messages (`open_seq2seq.messages`).
"""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from open_seq2seq.messages import show_messages

ROOT = Path(__file__).resolve().parents[1]
OLDEST = (3, 10)

# Packages of an extra of pyproject.toml, or of a script.
_EXTRAS = {
    "jax": "pip install -e '.[jax]'",
    "jaxlib": "pip install -e '.[jax]'",
    "torch": "pip install -e '.[bench]'",
    "grain": "pip install -e '.[bench]'",
    "horovod": "make horovod",
    "sounddevice": "pip install -e '.[listen]'",
    **dict.fromkeys(
        ("starlette", "uvicorn", "websockets", "python_multipart"), "pip install -e '.[serve]'"
    ),
}


def remedy(name: str) -> str:
    """How this interpreter, or another one, gets a package.

    Args:
      name: of the package, as it is imported.
    """
    venv = ROOT / ".venv"
    if name in _EXTRAS:
        how = _EXTRAS[name]
        if not (ROOT / "pyproject.toml").is_file():  # from a wheel
            how = how.replace("-e '.", "'open-seq2seq")
        return f"Install it: {how}"
    if Path(sys.prefix).resolve() == venv.resolve():
        return "Install it: make demo, or: python -m pip install -e ."
    activate = venv / "bin" / "activate"
    if activate.is_file():
        here = os.path.relpath(activate)
        shorter = min(here, str(activate), key=len)
        return f"It is in .venv: source {shlex.quote(shorter)}"
    if (ROOT / "Makefile").is_file():
        return "make demo (in the repository) makes .venv with it; then: source .venv/bin/activate"
    return f"Install it: python -m pip install {name}"


def missing_package(error: BaseException) -> str | None:
    """What to say of an import that failed because a package is not installed; None: another error.

    Args:
      error: what was raised.
    """
    name = (getattr(error, "name", None) or "").partition(".")[0]
    if not isinstance(error, ModuleNotFoundError) or not name or (ROOT / name).exists():
        return None
    if name in getattr(sys, "stdlib_module_names", ()):
        return None
    return f"The package {name} is not installed for {sys.executable}. {remedy(name)}"


def _say_missing(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    text = missing_package(error)
    if text is None:
        sys.__excepthook__(kind, error, trace)
        return
    print(f"*** {text}", file=sys.stderr)
    sys.exit(2)


def check_python() -> None:
    """Ends the program where its Python is too old for the package."""
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:2]))
        text = f"Python 3.10 to 3.13 is needed, {sys.executable} is {found}. {remedy('python')}"
        print(f"*** {text}", file=sys.stderr)
        sys.exit(2)


def accept_any_text() -> None:
    """Standard output takes every text: what its encoding lacks comes as an escape.

    A locale of ASCII or Latin-1 is no reason to lose what was computed.
    """
    with suppress(AttributeError, OSError, ValueError):  # closed, or another object
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


check_python()
accept_any_text()
sys.excepthook = _say_missing
show_messages()
