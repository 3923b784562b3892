"""What `open-seq2seq listen` does, once its flags are understood."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from open_seq2seq.commands.listening.listener import Listener
from open_seq2seq.commands.listening.microphone import Microphone
from open_seq2seq.commands.listening.model import endpoint_rules, load_recognizer, open_session
from open_seq2seq.commands.listening.shown import (
    JsonLines,
    Lines,
    Several,
    Shown,
    Subtitles,
)
from open_seq2seq.commands.listening.sources import (
    Block,
    FileSource,
    PipeSource,
    Say,
    Source,
)
from open_seq2seq.commands.outputs import refuse_taken
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem
from open_seq2seq.files import check_outputs
from open_seq2seq.messages import RESULT, say
from open_seq2seq.training.stop_signals import StopSignals
from open_seq2seq.transcripts import output_files, text_format

# What is taken at once of a recording that is played as fast as possible, in seconds.
_AT_ONCE = 0.1


def run(flags: argparse.Namespace, rest: Sequence[str]) -> int:
    """Listens, until the samples or the user's patience end.

    Args:
      flags: those of the command.
      rest: overrides of parameters.

    Returns: the exit code.

    Raises:
      InputError: wrong usage or input; what came before it is shown.
      RunError: something failed while running.
    """
    endpoint_rules(flags)  # Before the model, which takes seconds.
    shown: list[Shown] = []

    def warn(text: str) -> None:
        for one in shown:
            one.interrupt()
        say(text, level=logging.WARNING)

    source = _source(flags, warn)
    shown += _shown(flags, source.name)
    recognizer = load_recognizer(flags, rest)
    session = open_session(recognizer, source.prepare(recognizer.sample_freq), flags)
    listener = Listener(session, Several(shown))
    listener.warm_up()
    say(f"Listening to {source.name}; Ctrl-C ends it.")
    with StopSignals() as stop, closing(source.blocks(stop)) as blocks:
        failure = _hear(blocks, listener)
        listener.finish()
        listener.shown.close()
    for line in listener.figures.lines(session):
        say(line, level=RESULT)
    if failure is not None:
        raise failure
    return 0


def _hear(blocks: Iterator[Block], listener: Listener) -> OpenSeq2SeqError | None:
    """Listens to all blocks, or until a source fails: what was heard before it counts.

    Returns: what the source failed of.
    """
    while True:
        try:
            block = next(blocks, None)
        except OpenSeq2SeqError as error:
            return error
        if block is None:
            return None
        try:
            listener.accept(block)
        except InputError as error:  # of a recording with NaN
            return error


def _source(flags: argparse.Namespace, warn: Say) -> Source:
    if flags.file:
        return FileSource(flags.file, flags.speed, flags.chunk_seconds or _AT_ONCE)
    if flags.stdin:
        return PipeSource(flags.format, flags.sample_freq, warn)
    return Microphone(flags.device, flags.sample_freq, warn)


def _shown(flags: argparse.Namespace, name: str) -> list[Shown]:
    """What shows texts.

    Raises:
      InputError: the file of subtitles cannot be written.
    """
    shown: list[Shown] = [JsonLines() if flags.json else _lines()]
    if flags.subtitles:
        shown.append(Subtitles(_checked(flags.subtitles, name, flags.overwrite), name))
    return shown


def _lines() -> Shown:
    """On a terminal a live line, if rich is installed, which draws it."""
    if not find_spec("rich"):
        return Lines()
    from rich.console import Console

    from open_seq2seq.commands.listening.live_line import LiveLine

    console = Console(file=sys.stdout)
    live = console.is_terminal and not console.is_dumb_terminal
    return LiveLine(console) if live else Lines()


def _checked(subtitles: str, name: str, overwrite: bool) -> Path:
    path = Path(subtitles)
    if not text_format(path).one_recording:
        found = f"the ending {path.suffix}" if path.suffix else "no ending"
        problem = Problem(f"--subtitles={path}", found, ".srt or .vtt")
        raise InputError("The format of the subtitles is not clear:", [problem])
    (file,) = output_files(path, [name]).values()
    check_outputs({"--subtitles": file})
    refuse_taken([file], overwrite, "--subtitles")
    return file
