"""Text while people speak: of the microphone, of a recording played as a stream, or of a pipe.

    open-seq2seq listen --config_file=my_config.py --logdir=runs/my
    open-seq2seq listen --exported=my_model --file=talk.flac --subtitles=talk.srt
    arecord -f S16_LE -r 16000 -t raw | \\
        open-seq2seq listen --exported=my_model --stdin --json

On a terminal the utterance that goes on is in one line, what will not change of it in another
colour; each that has ended has a line of its own, with the time at which it begins. Elsewhere there
are only these lines, or with --json objects for other programs. Ctrl-C ends it, and shows what
waited for the end; then it is said how long after its sound a text was there. Other arguments
override the config's parameters, as in run.py
(--decoder_params/hot_words="{'a phrase': 5.0}"). docs/streaming.md tells more.

exit codes: 0 fine, 1 failed while running, 2 wrong usage or input, 130 interrupted twice
"""

from __future__ import annotations

import argparse
import logging
import math
import sys
from collections.abc import Sequence

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.listening.sources import FORMATS
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import OpenSeq2SeqError
from open_seq2seq.messages import RESULT, messages_shown
from open_seq2seq.streaming import ENDPOINT_RULES, VoiceGate

# What the rules of endpoints mean.
_ENDPOINTS = {
    "nothing_said": "an utterance ends after so much silence in which nothing was said",
    "after_speech": "and after so much silence behind what was said",
    "too_long": "and when it is so long",
}
_THRESHOLD = VoiceGate().threshold


def make_parser(prog: str | None = None) -> argparse.ArgumentParser:
    """The command line."""
    parser = command_parser(__doc__, prog, allow_abbrev=False)
    add = parser.add_argument_group("the model").add_argument
    add("--config_file", "--config", help="the config of the trained model")
    add("--checkpoint", metavar="FOLDER", help="a checkpoint, or a run's log directory (default: "
        "the newest or best one of logdir)")  # fmt: skip
    add("--enable_logs", action="store_true", help="it was trained with --enable_logs")
    add("--exported", metavar="FOLDER", help="an exported model, instead of a config")
    add("--runtime", metavar="NAME", help="what runs it (default: the first that is installed)")
    add("--precision", metavar="NAME", help="which of its models (default: the most precise)")
    add("--threads", type=int, metavar="N", help="of an exported model (default: all cores)")
    add = parser.add_argument_group("what is heard (default: the microphone)").add_argument
    add("--device", metavar="NAME", help="the microphone: its number, or a part of its name")
    add("--file", metavar="AUDIO", help="a recording, played as a stream")
    add("--speed", type=float, metavar="X", help="of --file: times as fast as it was spoken; 0: as "
        "fast as possible (1)")  # fmt: skip
    add("--stdin", action="store_true", help="raw samples of one channel on standard input")
    add("--format", choices=tuple(FORMATS), help="of --stdin: 16-bit, or floats (s16le)")
    add("--sample_freq", type=int, metavar="HZ", help="of --stdin or the microphone (the model's)")
    add = parser.add_argument_group("how it is cut").add_argument
    add("--chunk_seconds", type=float, metavar="S", help="what is computed at once (0.32; of "
        "windows 1): longer costs less, and text comes later")  # fmt: skip
    add(
        "--buffered",
        nargs=3,
        type=float,
        metavar=("LEFT", "CHUNK", "RIGHT"),
        help="windows that overlap, in seconds: for models that need whole recordings, which get "
        "4, 1 and 1 anyway",
    )
    for rule in ENDPOINT_RULES:
        seconds = rule.length or rule.trailing_silence
        text = f"{_ENDPOINTS[rule.name]} ({seconds:g}; inf: never)"
        add(f"--{rule.name}", type=float, default=seconds, metavar="S", help=text)
    add("--voice_gate", nargs="?", type=float, const=_THRESHOLD, metavar="DB", help="keep long "
        f"silence from the network: what is below this level ({_THRESHOLD:g} dB)")  # fmt: skip
    add = parser.add_argument_group("what is written").add_argument
    add("--json", action="store_true", help="JSON objects on standard output, one a line")
    add("--subtitles", metavar="PATH", help="a file of subtitles: .srt or .vtt")
    add("--overwrite", action="store_true", help="--subtitles may be there already")
    add("--quiet", action="store_true", help="only warnings, errors and the latency")
    return parser


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = make_parser(prog)
    flags, rest = parser.parse_known_args(arguments)
    _check(parser, flags)
    with messages_shown(RESULT if flags.quiet else logging.INFO, to_stderr=True):
        try:
            from open_seq2seq.commands.listening.run import run

            return run(flags, rest)
        except OpenSeq2SeqError as error:
            return print_error(error)
        except KeyboardInterrupt:
            print("Interrupted.", file=sys.stderr)
            return 130


def _check(parser: argparse.ArgumentParser, flags: argparse.Namespace) -> None:
    """Ends with the usage where flags do not fit together; fills those that depend on others."""
    if bool(flags.config_file) == bool(flags.exported):
        parser.error("either --config_file or --exported is needed")
    wrong = ("checkpoint", "enable_logs") if flags.exported else ("runtime", "precision", "threads")
    only = "--config_file" if flags.exported else "--exported"
    for name in wrong:
        if getattr(flags, name):
            parser.error(f"--{name} is for {only}")
    if flags.file and flags.stdin:
        parser.error("--file and --stdin: one of them")
    microphone = not flags.file and not flags.stdin
    for name, fits, what in (
        ("device", microphone, "the microphone"),
        ("speed", flags.file, "--file"),
        ("format", flags.stdin, "--stdin"),
        ("sample_freq", not flags.file, "--stdin and the microphone"),
        ("overwrite", flags.subtitles, "--subtitles"),
    ):
        given = getattr(flags, name)
        if given is not None and given is not False and not fits:
            parser.error(f"--{name} is for {what}")
    if flags.buffered and flags.chunk_seconds is not None:
        parser.error("--buffered has the chunk: leave out --chunk_seconds")
    if flags.speed is not None and not 0 <= flags.speed < math.inf:
        parser.error("--speed: a number of at least 0")
    flags.speed = 1.0 if flags.speed is None else flags.speed
    flags.format = flags.format or next(iter(FORMATS))
