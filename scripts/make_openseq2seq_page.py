"""Writes `docs/from_openseq2seq.md` from the table of what took whose place: `make docs`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.successors import PAGE, TABLES, Row

TARGET = Path(__file__).resolve().parents[1] / PAGE
FILES = (".py", ".sh", ".ipynb", ".txt", ".so", ".ckpt")

INTRODUCTION = """\
# From OpenSeq2Seq: what became of what

Made from `open_seq2seq/successors/` by `make docs`; do not edit. The messages are made from it too:
`python run.py --config_file=.../ds2_toy_config.py` or an import of `open_seq2seq.utils.utils` is
answered with the row.

* **Your config** works as it is, and what differs in what it does is in
  [configs.md](configs.md#coming-from-openseq2seq).
* **Your checkpoint** is imported: [transfer.md](transfer.md#checkpoints-of-openseq2seq).
* **Your CSVs, vocabularies, language models, tries and pickled logits** are read as they are.
* **Word times** are calibrated by the same three commands:
  [inference.md](inference.md#word-times).
* **Language models** of words or pieces are trained here, by other configs:
  [language_models.md](language_models.md).

Names are those of the speech part of OpenSeq2Seq's documentation, paths from the repository's
root; a `*` stands for anything. Of modules "works" means: in configs, under the old path.
"""


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for title, rows in TABLES.items():
        lines = [f"## {title}", "", "| OpenSeq2Seq | here | |", "|---|---|---|"]
        parts.append("\n".join([*lines, *map(_line, rows)]) + "\n")
    return "\n".join(parts)


def _line(row: Row) -> str:
    now = re.sub(r"docs/(\w+\.md)", r"[\1](\1)", row.now[:1].upper() + row.now[1:])
    return f"| {_names(row.old)} | {row.here} | {now} |"


def _names(old: Sequence[str]) -> str:
    """Names with their folder or package once, where several share it."""
    ends: dict[str, list[str]] = {}
    for name in old:
        cut = name.rfind("/") if "/" in name else -1 if name.endswith(FILES) else name.rfind(".")
        ends.setdefault(name[: cut + 1], []).append(name[cut + 1 :])
    parts = []
    for place, names in ends.items():
        if len(names) == 1 or not place:
            parts += [f"`{place}{name}`" for name in names]
        else:
            parts.append(f"in `{place}`: " + ", ".join(f"`{name}`" for name in names))
    separator = "; " if any(part.startswith("in ") for part in parts) else ", "
    return separator.join(parts)


def main(arguments: list[str] | None = None) -> int:
    """Runs the script; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=TARGET, help=f"the page ({TARGET.name})")
    flags = parser.parse_args(arguments)
    flags.output.write_text(page())
    print(f"wrote {flags.output}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
