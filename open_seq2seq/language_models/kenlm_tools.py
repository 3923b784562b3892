"""KenLM's programs: where they are, and what they say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from open_seq2seq.errors import InputError, Problem, RunError

# Where scripts/install_kenlm.sh puts them.
INSTALLED = Path(__file__).parents[2] / "build" / "kenlm" / "bin"
_REMEDY = "scripts/install_kenlm.sh builds it; --tools names another folder."


def find_tools(names: Sequence[str], folder: str | os.PathLike[str] | None) -> dict[str, str]:
    """The paths of KenLM's programs by name.

    Args:
      names: of the programs.
      folder: where they are; None: `build/kenlm/bin` of the checkout, then the PATH.

    Raises:
      InputError: naming all that are missing.
    """
    if folder is None:
        found = {name: shutil.which(name, path=str(INSTALLED)) for name in names}
        found = {name: path or shutil.which(name) for name, path in found.items()}
        where = f"{INSTALLED} and the PATH"
    else:
        found = {name: shutil.which(name, path=os.fspath(folder)) for name in names}
        where = os.fspath(folder)
    problems = [
        Problem(name, f"nothing of that name in {where}", "a program of KenLM", _REMEDY)
        for name, path in found.items()
        if path is None
    ]
    if problems:
        raise InputError("KenLM's programs are missing:", problems)
    return {name: path for name, path in found.items() if path is not None}


def run_tool(
    command: Sequence[str | os.PathLike[str]], stdin: IO[bytes] | None = None
) -> tuple[str, str]:
    """What a program writes to its output and to its error output.

    Raises:
      RunError: it failed; with the end of what it said.
    """
    arguments = [os.fspath(argument) for argument in command]
    done = subprocess.run(
        arguments, stdin=stdin or subprocess.DEVNULL, capture_output=True, check=False
    )
    output, said = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    if done.returncode:
        name = Path(arguments[0]).name
        lines = [line for line in (said + output).splitlines() if line.strip()]
        raise RunError("\n    ".join([f"{name} failed ({done.returncode}):", *lines[-6:]]))
    return output, said


def perplexity(query: str, model: str | os.PathLike[str], text: IO[bytes]) -> dict[str, float]:
    """How well a model predicts text, one sentence in each line.

    Args:
      query: KenLM's program.
      model: ARPA or binary.
      text: the sentences, in the units of the model.

    Returns:
      `perplexity` of all tokens and ends of lines, `perplexity_without_unknown` of those in the
      vocabulary, and the counts `unknown` and `tokens` (with the ends).
    """
    output, _ = run_tool([query, "-v", "summary", model], text)
    wanted = {
        "perplexity": "Perplexity including OOVs",
        "perplexity_without_unknown": "Perplexity excluding OOVs",
        "unknown": "OOVs",
        "tokens": "Tokens",
    }
    values = {}
    for name, title in wanted.items():
        match = re.search(rf"^{title}:\s*(\S+)", output, re.MULTILINE)
        if match is None:
            raise RunError(f"query did not say the {title}:\n{output}")
        values[name] = float(match[1])
    return values
