"""The digits model behind a web page: speak digits, or drop recordings of them.

    open-seq2seq demo                  # then open http://127.0.0.1:8000

The newest model that `make demo` has trained (runs/demo), otherwise the packaged one, is exported
into runs/web, where it stays, and served. Further arguments are those of serve (--port=9000).

exit codes: 0 fine, 1 failed while running, 2 wrong usage or input
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem
from open_seq2seq.exported import DESCRIPTION
from open_seq2seq.messages import say

ROOT = Path(__file__).resolve().parents[2]
TRAINED, EXPORTS = ROOT / "runs" / "demo", ROOT / "runs" / "web"
_TRAINING = ROOT / "example_configs/speech2text/digits_jasper_mini.py"
_PACKAGED = ROOT / "example_data/digits/model/config.py"


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    _, rest = command_parser(__doc__, prog, allow_abbrev=False).parse_known_args(arguments)
    try:
        folder = exported_digits()
    except OpenSeq2SeqError as error:
        return print_error(error)
    from open_seq2seq.commands.serve import main as serve

    return serve([f"digits={folder}", *rest], prog="open-seq2seq demo")


def exported_digits() -> Path:
    """The folder of the exported digits model, written where it is not there yet.

    Raises:
      InputError: there is neither a trained nor the packaged model, or it cannot be exported.
    """
    if not _PACKAGED.is_file():
        problem = Problem(str(ROOT), "no example_data", "a clone of the repository")
        raise InputError("The demo's model is not there:", [problem])
    runs = sorted(TRAINED.glob("*_seed*"), key=lambda one: one.stat().st_mtime)
    # A run that was broken off has no report.
    run = next((one for one in reversed(runs) if (one / "test_report.html").is_file()), None)
    folder = EXPORTS / (run.name if run else "packaged")
    if (folder / DESCRIPTION).is_file():
        return folder
    from open_seq2seq.commands.export import main as export

    config = (
        [f"--config_file={_TRAINING}", f"--logdir={run}"] if run else [f"--config_file={_PACKAGED}"]
    )
    manifest = ROOT / "example_data/digits/test.csv"
    say(f"Exporting {run or _PACKAGED.parent} to {folder}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    code = export([*config, f"--manifest={manifest}", "--formats", "onnx", f"--output={folder}"])
    if code:
        raise InputError("The digits model could not be exported; what was wrong is above.")
    return folder
