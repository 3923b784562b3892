"""A recogniser behind HTTP and WebSocket, with a web page: speak, or drop files.

    open-seq2seq serve my_model                       # then open http://127.0.0.1:8000
    open-seq2seq serve english=runs/my digits=exported/digits --port=9000
    open-seq2seq serve my_model --host=0.0.0.0 --api_key_file=keys.txt --certificate=cert.pem \\
        --certificate_key=key.pem

A model is the folder of an exported one, a log directory, or a config; NAME= before it is what
requests call it, otherwise the folder's name is. OpenAI's clients find
POST /v1/audio/transcriptions, vosk's the WebSocket at / and /vosk, programs of one's own
/v1/stream; /healthz, /readyz and /metrics are for operation. SIGTERM and Ctrl-C let go on what
goes on for a while, SIGHUP loads the models again. Other arguments override parameters of all
models (--decoder_params/hot_words="{'a phrase': 5.0}"). docs/serving.md tells more.

exit codes: 0 fine, 1 failed while running, 2 wrong usage or input
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import OpenSeq2SeqError
from open_seq2seq.messages import RESULT, messages_shown


def make_parser(prog: str | None = None) -> argparse.ArgumentParser:
    """The command line."""
    parser = command_parser(__doc__, prog, allow_abbrev=False)
    add = parser.add_argument_group("the models").add_argument
    add(
        "models", nargs="+", metavar="MODEL", help="an exported folder, a log directory or a config"
    )
    add("--lm", metavar="FILE", help="a language model for beam search: KenLM's, ARPA, or a scorer")
    add("--threads", type=int, metavar="N", help="that compute (default: all cores)")
    add = parser.add_argument_group("where it listens").add_argument
    add("--host", default="127.0.0.1", help="0.0.0.0: other machines too (127.0.0.1: this one)")
    add("--port", type=int, default=8000, metavar="N", help="0: any that is free (8000)")
    add("--certificate", metavar="PEM", help="for https; browsers want it for the microphone, but "
        "for localhost")  # fmt: skip
    add("--certificate_key", metavar="PEM", help="its key")
    add = parser.add_argument_group("who may use it").add_argument
    add("--api_key_file", metavar="FILE", help="a key in each line; without it everyone may")
    add("--allow_origin", action="append", default=[], metavar="URL", help="pages of another "
        "server that may use it, or its own at a proxy: https://asr.example.org")  # fmt: skip
    add = parser.add_argument_group("limits").add_argument
    add("--max_sessions", type=int, default=64, metavar="N", help="streams at the same time (64)")
    add("--max_upload_mb", type=int, default=200, metavar="N", help="of a request (200)")
    add("--max_minutes", type=float, default=240.0, metavar="N", help="of a recording or stream "
        "(240)")  # fmt: skip
    add("--max_starts", type=int, default=600, metavar="N", help="uploads and streams that a "
        "client begins in a minute (600)")  # fmt: skip
    add("--drain_seconds", type=float, default=30.0, metavar="S", help="that what goes on has when "
        "it stops (30)")  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="no line for each request")
    return parser


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = make_parser(prog)
    flags, rest = parser.parse_known_args(arguments)
    if bool(flags.certificate) != bool(flags.certificate_key):
        parser.error("--certificate and --certificate_key belong together")
    for name in ("max_sessions", "max_upload_mb", "max_minutes", "max_starts", "drain_seconds"):
        if not getattr(flags, name) > 0:
            parser.error(f"--{name}: a number above 0")
    with messages_shown(RESULT if flags.quiet else logging.INFO, to_stderr=True):
        try:
            from open_seq2seq.commands.serving.run import run

            return run(flags, rest)
        except OpenSeq2SeqError as error:
            return print_error(error)
