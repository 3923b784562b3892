"""What the parsers of all sub-commands share."""

from __future__ import annotations

import argparse
from typing import Any

from open_seq2seq.commands.registry import COMMANDS, PROGRAM


def command_parser(doc: str | None, prog: str | None, **options: Any) -> argparse.ArgumentParser:
    """A parser that shows a module's docstring as it is.

    Args:
      doc: the docstring; its examples are of `open-seq2seq`.
      prog: what the user typed, `open-seq2seq lm build`; None: a script, whose help then names
        scripts.
      options: further ones of `argparse.ArgumentParser`.
    """
    description = doc if prog is not None or doc is None else with_scripts(doc)
    return argparse.ArgumentParser(
        prog=prog,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **options,
    )


def with_scripts(text: str) -> str:
    """The text with the scripts in the place of the sub-commands that do the same."""
    for name in sorted(COMMANDS, key=len, reverse=True):
        door = COMMANDS[name].door
        if door is not None and door.startswith("scripts/"):
            text = text.replace(f"{PROGRAM} {name} ", f"python {door} ")
            text = text.replace(f"`{PROGRAM} {name}`", door)
    return text
