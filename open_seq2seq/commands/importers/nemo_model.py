"""Turns a CTC model of NVIDIA NeMo into one of this framework, with the same numbers.

open-seq2seq import nemo stt_en_quartznet15x5.nemo --logdir=runs/quartznet

QuartzNet, Jasper, Citrinet, Conformer-CTC and FastConformer-CTC, of .nemo files; of .pt files of
NeMo before 1.0 and of DeepLearningExamples with their YAML (--config). LOGDIR/config.py is a
config to transcribe, evaluate, train on and export with. Neither PyTorch nor NeMo is needed, and
nothing of the file is executed. See docs/transfer.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import OpenSeq2SeqError

# Of NeMo's versions that compute features alike.
_ERAS = "2.5 (from 2.5.0 on), 1.0-2.4 or 0.x, or a version of NeMo"


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog, allow_abbrev=False)
    parser.add_argument("model", type=Path, help="a .nemo file, or a .pt file with --config")
    parser.add_argument("--logdir", type=Path, required=True, help="a new log directory")
    parser.add_argument("--config", type=Path, metavar="YAML", help="the config of a .pt file")
    parser.add_argument(
        "--front_end_era", metavar="VERSION",
        help=f"whose features the model was trained on: {_ERAS} (as the file says)",
    )  # fmt: skip
    parser.add_argument(
        "--check", type=Path, nargs="+", metavar="AUDIO", default=[],
        help="recordings with NeMo's log-probabilities (NAME.npy, NAME.npz) or transcripts "
        "(NAME.txt) beside them: says how close the model is, and which era fits",
    )  # fmt: skip
    flags = parser.parse_args(arguments)
    try:
        run(flags.model, flags.logdir, flags.config, flags.front_end_era, flags.check)
    except OpenSeq2SeqError as error:
        return print_error(error)
    return 0


def run(
    model: Path,
    logdir: Path,
    config: Path | None = None,
    front_end_era: str | None = None,
    check: Sequence[Path] = (),
) -> None:
    """Imports a model and prints what became of its tensors.

    Raises:
      InputError: the model can't be imported exactly, or a reference can't be read.
    """
    # After the flags: `--help` need not wait for TensorFlow.
    from open_seq2seq.interop.nemo.check import compare, find_reference
    from open_seq2seq.interop.nemo.config_text import FILTERS_FILE
    from open_seq2seq.interop.nemo.importer import import_model, parameters
    from open_seq2seq.interop.nemo.old_layouts import read_model

    references = [find_reference(audio) for audio in check]
    result = import_model(read_model(model, config), logdir, front_end_era)
    print("\n".join(result.used.lines()))
    print(f"Front-end: that of NeMo {result.era.era.name}: {result.era.reason}.")
    print(f"{parameters(result.experiment):,} parameters; {', '.join(result.checks)}.")
    for note in result.notes:
        print(f"Note: {note}.")
    if references:
        scores = compare(result.experiment, references, logdir / FILTERS_FILE)
        print("\n".join(score.line() for score in scores))
        best, own = scores[0].era.name, result.era.era.name
        if best == own:
            print(f"The era of the import, {own}, fits best.")
        else:
            print(f"{best} fits best, not {own}: import again with --front_end_era={best}.")
    print(f"Written to {logdir}: config.py and what it names, {result.checkpoint.name}.")
    print("It holds weights only: train on by --load_model, not by --continue_learning.")
