"""Finding a row by a name, and saying it."""

from __future__ import annotations

import argparse

from open_seq2seq.successors.configs import CONFIGS
from open_seq2seq.successors.flags import FLAGS, MODES
from open_seq2seq.successors.modules import MODULES
from open_seq2seq.successors.row import NOT_HERE, WORKS, Row
from open_seq2seq.successors.scripts import OTHERS, SCRIPTS

PAGE = "docs/from_openseq2seq.md"

# By the heading that they have on the page.
TABLES: dict[str, tuple[Row, ...]] = {
    "Commands and scripts": SCRIPTS,
    "Modes of run.py": MODES,
    "Flags of run.py": FLAGS,
    "Configs": CONFIGS,
    "Modules": MODULES,
    "Notebooks, containers and the rest": OTHERS,
}


def find(name: str, exactly: bool = False) -> Row | None:
    """The row of a name: one that has it as it is, else the first with a pattern that fits.

    Args:
      name: a path (only its end counts: `ds2_toy_config.py` is that config in any folder), a
        dotted module, or a flag with its dashes.
      exactly: patterns don't count.
    """
    rows = [row for table in TABLES.values() for row in table]
    found = next((row for row in rows if name in row.old), None)
    if found is None and ("/" in name or name.endswith((".py", ".sh", ".ipynb"))):
        last = name.rpartition("/")[2]
        ends = ((row, {old.rpartition("/")[2] for old in row.old}) for row in rows)
        found = next((row for row, files in ends if last in files), None)
    if found is None and not exactly:
        found = next((row for row in rows if row.fits(name)), None)
    return found


def hint(name: str, exactly: bool = False) -> str:
    """What to say of a name that is not here; empty where nothing is known of it.

    Args:
      name: as `find` takes it.
      exactly: what patterns say does not count.
    """
    row = find(name, exactly)
    if row is None or row.here == WORKS:
        return ""
    lead = "OpenSeq2Seq's, and not here" if row.here == NOT_HERE else "OpenSeq2Seq's. Here"
    now = row.now.replace("`", "").rstrip(".")
    return f"It is {lead}: {now}. (All names: {PAGE}.)"


def answer(name: str, arguments: list[str] | None = None) -> int:
    """The command line of a script that is there only to say what took its place.

    Args:
      name: the script, from the repository's root.
      arguments: of the command line; None: this process's.

    Returns:
      Never: `--help` exits with 0, everything else with 2.
    """
    text = hint(name)
    parser = argparse.ArgumentParser(
        prog=name, description=f"{name}: {text}", usage=f"{name} [--help]"
    )
    parser.parse_known_args(arguments)
    parser.error(text)
