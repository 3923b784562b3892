"""Where results go: looked at before any work, and never written over without being told to."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import check_folder, check_outputs
from open_seq2seq.transcripts import output_files, text_format
from open_seq2seq.transcripts.formats import CSV
from open_seq2seq.transcripts.writer import PLACE

# OpenSeq2Seq's. Where it is taken, a number is added: nobody has asked for this name.
DEFAULT = "infer-out.txt"
_LOGITS_ENDINGS = (".pkl", ".pickle", ".ark")
_LOGITS = "--decoder_params/infer_logits_to_pickle=True"


def check_results(flags: argparse.Namespace, mode: str, logits: bool) -> Path | None:
    """Checks the files that the command line asks for; leaves nothing behind.

    Args:
      flags: those of run.py.
      mode: what is done.
      logits: whether mode infer writes logits.

    Returns:
      The file of mode infer; None: there is none, since transcripts go to standard output, or to
        the folder of an engine's parts.

    Raises:
      InputError: one of them cannot be written, or holds the results of an earlier run.
    """
    if mode != "infer":
        check_outputs(
            {f"--{name}": getattr(flags, name) for name in ("eval_report", "eval_summary")}
        )
        return None
    if flags.engine or (flags.infer_files and not flags.infer_output_file and not logits):
        return None
    path = Path(flags.infer_output_file or _free(DEFAULT))
    _check_kind(path, logits)
    if text_format(path).one_recording and PLACE in str(path):
        check_folder(path.parent)
    else:
        check_outputs({"--infer_output_file": path})
        if flags.infer_files:
            output_files(path, flags.infer_files)  # a file for several recordings
        refuse_taken([path], flags.overwrite)
    return path


def check_each(path: Path, names: Sequence[str], overwrite: bool) -> None:
    """Checks the files of each recording, once it is known which there are.

    Raises:
      InputError: as `check_results`.
    """
    if text_format(path).one_recording:
        refuse_taken(list(output_files(path, names).values()), overwrite)


def _free(name: str) -> Path:
    path = Path(name)
    for number in count(2):
        if not _is_taken(path):
            return path
        path = path.with_stem(f"{Path(name).stem}-{number}")
    raise AssertionError("numbers end")


def _is_taken(path: Path) -> bool:
    """Whether a file holds something; a device or a FIFO never does."""
    return path.is_file() and os.path.getsize(path) > 0


def refuse_taken(paths: Sequence[Path], overwrite: bool, flag: str = "--infer_output_file") -> None:
    """Looks whether files hold something.

    Args:
      paths: of results.
      overwrite: whether they may.
      flag: that names them.

    Raises:
      InputError: one of them does.
    """
    taken = [] if overwrite else [path for path in paths if _is_taken(path)]
    if taken:
        remedy = "Give another name, or --overwrite."
        found, expected = "results that are there already", "a new file"
        problems = [Problem(f"{flag}={path}", found, expected, remedy) for path in taken]
        raise InputError("Nothing is written over:", problems)


def _check_kind(path: Path, logits: bool) -> None:
    """Whether the file's ending fits what is going to be in it."""
    problem = None
    where, ending = f"--infer_output_file={path}", path.suffix.lower()
    if logits and text_format(path) is not CSV:
        found = f"the ending {ending} and infer_logits_to_pickle=True"
        remedy = "End the name with .pkl or .ark; scripts/decode.py then writes transcripts."
        problem = Problem(where, found, "one of them", remedy)
    elif not logits and ending in _LOGITS_ENDINGS:
        remedy = f"For logits add {_LOGITS}; for transcripts end the name with .csv."
        problem = Problem(where, f"the ending {ending} and no logits", "logits", remedy)
    if problem:
        raise InputError("The results' format is not clear:", [problem])
