"""The command `open-seq2seq`: finds the sub-command, and leaves the rest to it.

Without a sub-command it is run.py: `open-seq2seq --config_file=... --mode=...`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import open_seq2seq.start  # noqa: F401
from open_seq2seq.commands.registry import COMMANDS, PROGRAM, Command
from open_seq2seq.config.schema import closest_name

_HELP = ("-h", "--help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code.

    Args:
      arguments: those behind the program's name; None: this process's.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # Two words before one: `plot samples` before `plot`.
    for count in (2, 1):
        name = " ".join(arguments[:count])
        if len(arguments) >= count and name in COMMANDS:
            return _run(COMMANDS[name], arguments[count:], f"{PROGRAM} {name}")
    first = arguments[0] if arguments else ""
    if first in _HELP:
        print(overview())
        return 0
    if first.startswith("-"):
        return _run(COMMANDS["train"]._replace(options={}), arguments, None)
    group = first if any(name.startswith(f"{first} ") for name in COMMANDS) else ""
    if group and set(arguments[1:2]) & set(_HELP):
        print(overview(group))
        return 0
    if not arguments[1 if group else 0 :]:
        print(overview(group), file=sys.stderr)
        return 2
    print(_no_such(" ".join(arguments[: 2 if group else 1]), group), file=sys.stderr)
    return 2


def _run(command: Command, arguments: list[str], prog: str | None) -> int:
    module = import_module(f"open_seq2seq.commands.{command.module}")
    code: int = module.main(arguments, prog=prog, **command.options)
    return code


def overview(group: str = "") -> str:
    """The list of sub-commands, each with a line.

    Args:
      group: the first word of those that are listed; empty: all.
    """
    within = f"{group} " if group else ""
    chosen = {
        name.removeprefix(within): one.summary
        for name, one in COMMANDS.items()
        if name.startswith(within)
    }
    width = max(map(len, chosen))
    first = f"{PROGRAM} {group}".rstrip()
    lines = [f"usage: {first} COMMAND ...", ""]
    if not group:
        lines += [
            "Trains, evaluates and runs CTC speech recognisers from Python configs.",
            "",
        ]
    lines += ["commands:", *(f"  {name:{width}}  {line}" for name, line in chosen.items()), ""]
    lines += [f"{first} COMMAND --help describes one."]
    if not group:
        lines += [
            f"Without a command it takes run.py's arguments: {PROGRAM} --config_file=X --mode=Y"
        ]
    return "\n".join(lines)


def _no_such(name: str, group: str) -> str:
    """What to say of a command that there is not."""
    from open_seq2seq.commands.run import meant_mode

    known = [one for one in COMMANDS if not group or one.startswith(f"{group} ")]
    # `check-data`, `build`, `transcribe` are meant for something.
    words = set(name.replace("-", " ").replace("_", " ").split())
    meant = next((one for one in known if words == set(one.replace("_", " ").split())), None)
    meant = meant or (None if group else meant_mode(name)) or closest_name(name, known)
    meant = meant or next((one for one in known if one.endswith(f" {name}")), None)
    question = f" Did you mean {PROGRAM} {meant}?" if meant else ""
    where = f"{PROGRAM} {group}".rstrip()
    return f"{PROGRAM}: error: no command {name!r}.{question} {where} --help lists them."
