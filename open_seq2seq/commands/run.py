"""`open-seq2seq train`, `eval`, `train_eval` and `infer`, and run.py: the modes of a config."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import textwrap
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from open_seq2seq.commands.engine_flags import add_engine_flags
from open_seq2seq.commands.error_output import shown
from open_seq2seq.config.loading import check_config_file
from open_seq2seq.config.schema import closest_name
from open_seq2seq.distributed.launch import launched
from open_seq2seq.errors import OpenSeq2SeqError
from open_seq2seq.messages import RESULT, messages_shown
from open_seq2seq.start import missing_package
from open_seq2seq.version import __version__

MODES = ("train", "eval", "train_eval", "infer", "interactive_infer")
# It has a command of its own, with other flags.
EXPORT = "--mode=export"
# What other programs call them.
_OTHER_MODES = {
    "train": ("training", "fit", "finetune"),
    "eval": ("test", "dev", "validate", "validation", "score"),
    "train_eval": ("train_and_eval", "train_and_evaluate"),
    "infer": ("inference", "predict", "decode", "transcribe", "recognize", "asr"),
    "interactive_infer": ("interactive", "streaming", "stream", "server", "demo"),
}

# Of --log_level.
_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "result": RESULT,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

# Seconds that a worker leaves another one to say why both end.
_SAYING_WHY = 5

LOST = (
    "The connection to another worker is lost: it failed or was killed, and may have said why. "
    "Training goes on from the last checkpoint with --continue_learning."
)

# Of each mode: what it is for, and examples of its arguments.
_MODE_EXAMPLES = {
    "train": (
        "learn from the training data",
        ["--config_file=my.py --mode=train --logdir=runs/my"],
    ),
    "train_eval": (
        "learn, and evaluate every eval_steps; keeps the best checkpoints",
        ["--config_file=my.py --mode=train_eval --num_epochs=20"],
    ),
    "eval": (
        "loss, WER and CER of a trained model on the evaluation data",
        [
            "--config_file=my.py --mode=eval --eval_report=report.html",
            "--mode=eval --exported=my_model --runtime=all --dataset_files test.csv",
        ],
    ),
    "infer": (
        "transcripts (or logits) of recordings, with or without a CSV",
        [
            "--config_file=my.py --mode=infer --infer_output_file=out.csv",
            "--config_file=my.py --mode=infer --infer_files a.wav b.flac",
            "--config_file=my.py --mode=infer --infer_files film.wav --infer_output_file=film.srt",
            "--mode=infer --exported=my_model --infer_files a.wav",
            "--mode=infer --exported=my_model --dataset_files a.arrow --engine=dask --parts=out",
        ],
    ),
}
_MORE = textwrap.dedent("""\
    Any parameter of the config can be set on the command line, nested ones with `/`:
      --encoder_params/dropout_keep_prob=0.9  --dtype=mixed  --eval_params/batch_size_per_gpu=1
    --help_params lists them all.

    exit codes: 0 fine, 1 failed while running, 2 wrong usage or input, 130 interrupted
    """)


def _epilog(prog: str, mode: str | None) -> str:
    """Examples of all modes, or of the one that `prog` is for."""
    lines = ["examples:" if mode else "modes, each with an example:"]
    for name, (purpose, examples) in _MODE_EXAMPLES.items():
        if mode is None:
            lines += [f"  {name:11}  {purpose}", *(f"{'':15}{prog} {one}" for one in examples)]
        elif mode == name:
            lines += [f"  {prog} {one.replace(f'--mode={mode} ', '')}" for one in examples]
    if mode is None:
        lines += [
            "  interactive_infer",
            f"{'':15}a Python API: open_seq2seq.inference.recognizer.Recognizer",
            "  export       a folder that runs without the trainer",
            f"{'':15}{prog} --config_file=my.py {EXPORT} --output=my_model",
        ]
    return "\n".join([*lines, "", _MORE])


def make_parser(prog: str | None = None, mode: str | None = None) -> argparse.ArgumentParser:
    """The flags that are not parameters of a config.

    Args:
      prog: what the user typed; None: run.py.
      mode: of a sub-command that is one; None: `--mode` chooses.
    """
    prog = prog or "run.py"
    purpose = "Trains, evaluates and runs CTC speech recognisers from Python configs."
    if mode is not None:
        purpose = f"{mode}: {_MODE_EXAMPLES[mode][0]}."
    parser = argparse.ArgumentParser(
        prog=prog,
        description=purpose,
        epilog=_epilog(prog, mode),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--config_file", "--config", help="the Python config module")
    if mode is None:
        add(
            "--mode",
            default="train",
            type=_mode,
            metavar=f"{{{','.join(MODES)}}}",
            help="what to do (default: train)",
        )
    else:
        add("--mode", default=mode, type=_mode, choices=[mode], help=argparse.SUPPRESS)
    add("--continue_learning", action="store_true", help="resume from the newest checkpoint")
    add(
        "--checkpoint",
        metavar="FOLDER",
        help="a checkpoint, or a run's log directory: eval and infer use it, training goes on from "
        "it, exactly, in another log directory",
    )
    add(
        "--exported",
        metavar="FOLDER",
        help="an exported model in place of a checkpoint, for eval and infer; a config is not "
        "needed, and decides on data and decoding where it is given",
    )
    add(
        "--runtime",
        metavar="NAME",
        help="what runs the exported model: onnxruntime, openvino, litert, tensorflow, or in mode "
        "eval all of them (default: the first one that is installed and that it has a file for)",
    )
    add(
        "--precision",
        metavar="NAME",
        help="which of the exported models: float32, int8, ..., or in mode eval all (default: the "
        "most precise)",
    )
    add("--threads", type=int, metavar="N", help="of an exported model (default: all cores)")
    add(
        "--dataset_files",
        nargs="+",
        metavar="MANIFEST",
        help="data of eval and infer, instead of the config's",
    )
    add("--no_dir_check", action="store_true", help="warn where the log directory is refused")
    add(
        "--enable_logs", action="store_true", help="keep stdout, stderr, arguments; use logdir/logs"
    )
    add("--skip_bad_rows", action="store_true", help="go on without rows that fail the data check")
    add(
        "--infer_output_file",
        metavar="PATH",
        help="where inference writes: CSV, JSON lines (.jsonl), CTM (.ctm), subtitles (.srt, .vtt; "
        "of several recordings '{}.srt'), or a pickle of logits (default: infer-out.txt, of "
        "--infer_files nowhere)",
    )
    add("--overwrite", action="store_true", help="--infer_output_file may be there already")
    add(
        "--infer_files",
        nargs="+",
        metavar="AUDIO",
        help="recordings to transcribe, instead of a CSV; their texts go to standard output",
    )
    add(
        "--eval_report",
        metavar="PATH",
        help="write a report of the evaluation, HTML or text by suffix",
    )
    add_engine_flags(parser, "mode infer's transcripts")
    add("--eval_summary", metavar="PATH", help="write the numbers of the evaluation as JSON")
    add("--benchmark", action="store_true", help="time a few training steps and write nothing")
    add("--bench_steps", type=int, default=20, help="steps of --benchmark (default: 20)")
    add("--bench_start", type=int, help="first step that is timed (default: the config's, or 10)")
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument(
        "--verbose", action="store_true", help="show all parameters and variables at the start"
    )
    volume.add_argument(
        "--quiet", action="store_true", help="show warnings, errors and the result only"
    )
    volume.add_argument(
        "--log_level",
        choices=tuple(_LEVELS),
        help="the least important messages that are shown (info; --quiet: result)",
    )
    add("--use_xla_jit", action="store_true", help="let XLA compile what it can of the step")
    add("--debug_port", type=int, help="dump debugger data; TensorBoard shows it at this port")
    add(
        "--help_params", action="store_true", help="describe all parameters of this config and exit"
    )
    add(
        "--help_context",
        action="store_true",
        help="show what each layer of this config sees before and after, and the latency, and exit",
    )
    add("--version", action="version", version=f"open-seq2seq {__version__}")
    return parser


def _mode(text: str) -> str:
    """A mode of run.py; of another word, the one that is meant."""
    if text in MODES:
        return text
    meant = meant_mode(text) or closest_name(text.lower().replace("-", "_"), MODES)
    question = f" Did you mean {meant}?" if meant else ""
    raise argparse.ArgumentTypeError(f"no mode {text!r}; there are {', '.join(MODES)}.{question}")


def meant_mode(text: str) -> str | None:
    """The mode that other programs call so, if there is one."""
    word = text.lower().replace("-", "_")
    return next((mode for mode, others in _OTHER_MODES.items() if word in others), None)


def main(
    arguments: Sequence[str] | None = None,
    prog: str | None = None,
    mode: str | None = None,
    after: Callable[[Any], None] | None = None,
) -> int:
    """Runs the command line; returns the exit code.

    Args:
      arguments: those behind the program's name; None: this process's.
      prog: what the user typed; None: run.py.
      mode: of a sub-command that is one; None: `--mode` chooses.
      after: called with the result of an evaluation; its errors count as the run's.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    others = _without_export(arguments) if mode is None else None
    if others is not None:
        from open_seq2seq.commands import export

        return export.main(others, prog or "run.py")
    try:
        parser = make_parser(prog, mode)
        flags, rest = parser.parse_known_args(arguments)
        if not flags.config_file and not flags.exported:
            parser.error("--config_file is required (in modes eval and infer, or --exported)")
        if flags.help_context and not flags.config_file:
            parser.error("--help_context is of a --config_file")
    except SystemExit as ended:
        return int(ended.code or 0)
    if mode is not None:  # a log directory keeps arguments that run.py takes
        arguments = [f"--mode={mode}", *arguments]
    launch = launched()
    # Standard output of inference is for transcripts.
    to_stderr = flags.mode == "infer" and not flags.benchmark
    with messages_shown(_level(flags), to_stderr):
        code, message = _run(flags, rest, arguments, after)
    if message:
        where = f"{launch.name}: " if launch.size > 1 else ""
        print(f"*** {where}{message}", file=sys.stderr, flush=True)
    if code and launch.size > 1:
        # At once: the launcher then ends the others, while a regular exit would wait for them.
        sys.stdout.flush()
        os._exit(code)
    return code


def _without_export(arguments: Sequence[str]) -> list[str] | None:
    """The arguments without a mode that is export; None: it is another one."""
    for at, one in enumerate(arguments):
        if one == EXPORT:
            return [*arguments[:at], *arguments[at + 1 :]]
        if [one, *arguments[at + 1 : at + 2]] == EXPORT.split("="):
            return [*arguments[:at], *arguments[at + 2 :]]
    return None


def _level(flags: argparse.Namespace) -> int:
    """The lowest level of messages that are shown."""
    if flags.verbose:
        return logging.DEBUG
    if flags.log_level:
        return _LEVELS[flags.log_level]
    return RESULT if flags.quiet else logging.INFO


def _run(
    flags: argparse.Namespace,
    rest: Sequence[str],
    arguments: Sequence[str],
    after: Callable[[Any], None] | None,
) -> tuple[int, str]:
    """Runs a mode; returns the exit code and what there is to say about it."""
    try:
        # Before TensorFlow is imported, which takes seconds.
        if flags.config_file:
            check_config_file(flags.config_file)
        if flags.help_context:
            from open_seq2seq.commands.context import context_text

            print(context_text(flags.config_file, rest, tuple(vars(flags))))
            return 0, ""
        run = _mode_runner(bool(flags.exported))
        from open_seq2seq.distributed.process_group import RankStopped
    except OpenSeq2SeqError as error:
        return error.exit_code, shown(error)
    except ModuleNotFoundError as error:
        return _not_installed(error)
    try:
        result = run(flags, rest, arguments)
        if after is not None and result is not None:
            after(result)
    except RankStopped as stopped:
        # The launcher ends the job when the first worker leaves: that one should have spoken.
        time.sleep(_SAYING_WHY)
        return stopped.exit_code, ""
    except OpenSeq2SeqError as error:
        return error.exit_code, shown(error)
    except KeyboardInterrupt:
        # All workers stop together.
        return 130, "Interrupted." if launched().rank == 0 else ""
    except ModuleNotFoundError as error:
        return _not_installed(error)
    except Exception as error:
        from open_seq2seq.distributed.start import lost_connection

        if lost_connection(error):
            return 1, LOST
        traceback.print_exc()
        return 1, "This is an error in the program, not in your input."
    return 0, ""


def _mode_runner(exported: bool) -> Callable[..., Any]:
    """What runs modes: of an exported model without TensorFlow."""
    if exported:
        from open_seq2seq.commands import exported_modes

        return exported_modes.run
    from open_seq2seq.commands import modes

    return modes.run


def _not_installed(error: ModuleNotFoundError) -> tuple[int, str]:
    text = missing_package(error)
    if text is None:
        raise error
    return 2, text
