"""Decodes stored logits by beam search with a language model; tunes alpha and beta.

    # WER at one alpha and beta, or over a grid of them (--alpha_max and --beta_max belong to it)
    open-seq2seq decode --logits=dev.pkl --labels=dev.csv --lm=4-gram.binary \\
        --alpha=1 --alpha_max=3 --beta=0 --beta_max=3 --grid_plot=grid.png
    # transcripts
    open-seq2seq decode --mode=infer --logits=test.pkl --lm=4-gram.binary \\
        --alpha=2 --beta=1.5 --infer_output_file=out.csv

The logits are those that `run.py --mode=infer --decoder_params/infer_logits_to_pickle=True`
writes. Arguments and their meaning are OpenSeq2Seq's, and so are the scores (--scoring); see
docs/decoding.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ctc_decoder_with_lm.search_options import OPENSEQ2SEQ_DECODE
from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem
from open_seq2seq.files import check_outputs

# A grid of more points is a slip of the keyboard.
_MOST_POINTS = 10_000
_PICTURES = (".png", ".svg", ".pdf")


def make_parser(prog: str | None = None) -> argparse.ArgumentParser:
    """The command line."""
    parser = command_parser(__doc__, prog, allow_abbrev=False)
    add = parser.add_argument
    add("--mode", choices=("eval", "infer"), default="eval", help="WER, or transcripts")
    add("--logits", required=True, help="a pickle or .npz of logits")
    add("--labels", help="the manifest: CSV or JSON lines; not needed where the logits have names")
    add("--text_normalization", metavar="NAME", help="of the labels, as in training")
    add("--vocab", help="one character per line; without it the symbols stored with the logits")
    add("--bpe_model", help="the SentencePiece model, for subwords")
    add("--blank", type=int, metavar="CLASS", help="class of the blank in the logits (the last)")
    add("--step_size", type=float, help="seconds per frame, where the logits don't say it (0.02)")

    search = parser.add_argument_group("search")
    add = search.add_argument
    add("--lm", nargs="+", default=[], help="KenLM binaries, .scorer or ARPA files; none: no model")
    add("--lm_weights", nargs="+", type=float, help="of each --lm, times alpha (default: 1)")
    add("--trie", help="OpenSeq2Seq's trie file, for --scoring=native_op")
    add(
        "--lexicon",
        help="a word in each line: those that may be said (those of the models), "
        "or pronunciations: a word, a TAB and symbols",
    )
    add("--scoring", help="how scores are counted (openseq2seq; deepspeech with a .scorer)")
    add("--alpha", type=float, help="weight of the language model; needed with --lm that is no "
        "scorer package")  # fmt: skip
    add("--alpha_max", type=float, help="last value of a grid over alpha")
    add("--alpha_step", type=_step, default=0.1, help="step of the grid (default: 0.1)")
    add("--beta", type=float, help="bonus of each word; needed as --alpha is")
    add("--beta_max", type=float, help="last value of a grid over beta")
    add("--beta_step", type=_step, default=0.1, help="step of the grid (default: 0.1)")
    add("--exact_grid", action="store_true", help="decode at every point; nothing is estimated")
    width = OPENSEQ2SEQ_DECODE.beam_width
    add("--beam_width", type=int, default=width, help=f"hypotheses kept (default: {width})")
    add("--beam_threshold", type=float, help="drop hypotheses so far (ln) below the best one")
    add(
        "--token_threshold",
        type=float,
        help="ignore symbols with a lower log probability (the best stays)",
    )
    add(
        "--blank_penalty",
        type=float,
        help="subtract this from the blank's log probability (natural) in each frame (0)",
    )
    add("--cutoff_top_n", type=int, help="symbols of a frame that are tried, the likeliest")
    add("--cutoff_prob", type=float, help="try symbols until their probabilities add up to it")
    add("--hot_words", help="a file with a phrase and its weight in each line")
    add("--num_threads", type=int, help="utterances decoded at the same time (default: all cores)")

    output = parser.add_argument_group("output")
    add = output.add_argument
    add("--infer_output_file", default="infer-out.csv", help="transcripts of --mode=infer")
    add("--output_file", help="CSV: reference, hypothesis, wer, cer, score of each utterance")
    add("--nbest", type=int, default=1, help="hypotheses in --nbest_file (default: 1)")
    add("--nbest_file", help="JSON lines: scores, words with times, n-best")
    add("--ctm", help="CTM: times and confidence of each word")
    add("--dump_all_beams_to", default="", help="all beams, in OpenSeq2Seq's format")
    add("--grid_table", action="store_true", help="print the grid as a table, not line by line")
    add("--grid_file", help="CSV of error rates over the grid")
    add("--grid_plot", help="picture of WER over the grid (.png, .svg, .pdf)")
    add("--summary", metavar="LOGDIR", help="add the rates of --mode=eval to this run's summary")
    add("--tuned_on", metavar="NAME", help="in it: the data that --alpha and --beta were tuned on")
    return parser


def _step(text: str) -> float:
    step = float(text)
    if not step > 0:
        raise ValueError(text)
    return step


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    flags = make_parser(prog).parse_args(arguments)
    try:
        _check_flags(flags)
        names = ["output_file", "nbest_file", "ctm", "dump_all_beams_to", "grid_file", "grid_plot"]
        names += ["infer_output_file"] if flags.mode == "infer" else []
        check_outputs({f"--{name}": getattr(flags, name) for name in names})
        # After the flags: `--help` need not wait.
        from open_seq2seq.commands.decoding import decode
        from open_seq2seq.commands.decoding_summary import add_decoding, summary_to_add_to
        from open_seq2seq.console import ProgressBar

        summary = summary_to_add_to(flags) if flags.summary else None
        measured = decode(flags, ProgressBar)
        if summary is not None and measured is not None:
            add_decoding(flags, summary, measured)
    except OpenSeq2SeqError as error:
        return print_error(error)
    return 0


def _check_flags(flags: argparse.Namespace) -> None:
    """What is wrong with the flags and between them."""
    problems = []

    def check(good: Any, flag: str, found: Any, expected: str, remedy: str = "") -> None:
        if not good:
            problems.append(Problem(f"--{flag}", str(found), expected, remedy))

    if not flags.lm and flags.alpha_max is not None:
        check(False, "alpha_max", "a grid over alpha", "a language model (--lm)")
    points = 1.0
    for name in ("alpha", "beta"):
        first, last = getattr(flags, name) or 0.0, getattr(flags, f"{name}_max")
        check(last is None or last >= first, f"{name}_max", last, f"at least {first:g}")
        if last is not None:
            points *= (last - first) / getattr(flags, f"{name}_step") + 1
    check(points <= _MOST_POINTS, "alpha_step, --beta_step", f"{points:g} points", "larger steps")
    for name in ("beam_width", "nbest", "num_threads"):
        value = getattr(flags, name)
        check(value is None or value >= 1, name, value, "at least 1")
    if flags.lm_weights is not None:
        number = len(flags.lm_weights)
        check(number == len(flags.lm), "lm_weights", f"{number} numbers", f"{len(flags.lm)}")
    if flags.mode == "infer":
        for name in ("alpha_max", "beta_max", "grid_file", "grid_plot", "grid_table",
                     "exact_grid", "summary"):  # fmt: skip
            value = getattr(flags, name)
            check(value is None or value is False, name, "mode infer", "mode eval")
    check(flags.step_size is None or flags.step_size > 0, "step_size", flags.step_size, "over 0")
    if flags.grid_plot:
        ending = Path(flags.grid_plot).suffix.lower()
        check(ending in _PICTURES, "grid_plot", flags.grid_plot, f"one of {', '.join(_PICTURES)}")
    if flags.tuned_on is not None:
        check(flags.summary, "tuned_on", flags.tuned_on, "--summary, which it is written to")
        grid = flags.alpha_max is not None or flags.beta_max is not None
        check(not grid, "tuned_on", "a grid", "a single alpha and beta")
    if problems:
        raise InputError("The flags do not fit together:", problems)
