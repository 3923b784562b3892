"""What the command lines of `open-seq2seq import ...` share."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from open_seq2seq.commands.engine_flags import add_engine_flags, check_engine, engine_of
from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.corpora.importers import texts
from open_seq2seq.corpora.importers.durations import read_lengths
from open_seq2seq.corpora.importers.entries import Split
from open_seq2seq.corpora.importers.length_parts import lengths_by
from open_seq2seq.corpora.importers.manifests import Output, write_manifests
from open_seq2seq.errors import OpenSeq2SeqError
from open_seq2seq.messages import messages_shown


def importer_parser(
    doc: str | None,
    prog: str | None,
    corpus: str | None,
    splits: str | None = None,
    text: str = texts.VERBATIM,
) -> argparse.ArgumentParser:
    """A command line with the flags that every importer has.

    Args:
      doc: the command's docstring.
      prog: what the user typed; None: a script.
      corpus: what `data_dir` is; None: the command adds its own positional arguments, and says
        where the manifests go.
      splits: what `--splits` takes; None: the corpus has no parts to choose.
      text: the usual `--text_normalization`.
    """
    parser = command_parser(doc, prog)
    add = parser.add_argument
    if corpus:
        add("data_dir", help=corpus)
        add("--output", metavar="DIR", help="where the manifests go (data_dir)")
    if splits:
        add("--splits", nargs="+", metavar="NAME", help=splits)
    add("--text_normalization", choices=texts.names(), default=text, metavar="NAME",
        help=f"of the transcripts: {', '.join(texts.names())} ({text})")  # fmt: skip
    add("--relative_paths", action="store_true",
        help="name recordings relative to the manifests' folder, not absolutely")  # fmt: skip
    add("--skip_bad_rows", action="store_true",
        help="leave out what cannot be used and list it in left_out_NAME.txt")  # fmt: skip
    add_engine_flags(parser, "size and duration of each recording")
    return parser


def run_importer(
    parser: argparse.ArgumentParser,
    read: Callable[[argparse.Namespace], Sequence[Split]],
    arguments: Sequence[str] | None,
) -> int:
    """Reads a corpus and writes its manifests; returns the exit code."""
    flags = parser.parse_args(arguments)

    def work() -> None:
        check_engine(flags)
        splits = read(flags)
        with output_of(flags, output_folder(flags)) as output:
            write_manifests(splits, output)

    return exit_code(work)


def output_folder(flags: argparse.Namespace) -> Path:
    """Where the manifests go: beside the corpus, if the flags don't say."""
    corpus = Path(flags.data_dir)
    return Path(flags.output or (corpus.parent if os.path.isfile(corpus) else corpus))


@contextmanager
def output_of(flags: argparse.Namespace, folder: Path) -> Iterator[Output]:
    """How the manifests are written, as the flags say.

    Raises:
      InputError: the engine cannot be used.
    """
    with engine_of(flags) as engine:
        yield Output(
            folder=folder,
            normalize=texts.text_function(flags.text_normalization),
            relative_paths=flags.relative_paths,
            skip_bad_rows=flags.skip_bad_rows,
            read=lengths_by(engine, Path(flags.parts)) if engine else read_lengths,
        )


def exit_code(work: Callable[[], object]) -> int:
    """Does the work; says what is wrong with its input."""
    try:
        with messages_shown(prefix=""):
            work()
    except OpenSeq2SeqError as error:
        return print_error(error)
    except OSError as error:
        print(f"{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. The same command goes on from here.", file=sys.stderr)
        return 130
    return 0
