"""Speaks sentences with eSpeak NG: a corpus of synthetic speech to mix into training.

    open-seq2seq synthesize train.csv --output=synthetic \\
        --text_normalization=librispeech
    open-seq2seq synthesize sentences.txt.gz --sample=3000 --output=synthetic \\
        --voices en-us en-us+f2 en-gb

Every voice speaks every sentence, each in a folder of its own. synthetic/synthetic.csv is for
training with these parameters of the data layer:

    "dataset_files": ["train.csv", "synthetic/synthetic.csv"],
    "syn_enable": True, "syn_subdirs": ["en-us", "en-us+f2", "en-gb"],

It takes up an interrupted run where it stopped. See docs/synthetic_speech.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.corpora.synthesis import VOICES, Settings, read_sentences, synthesise
from open_seq2seq.data.normalization import NORMALIZERS
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    usual = Settings()
    parser = command_parser(__doc__, prog)
    add = parser.add_argument
    add("files", nargs="+", help="text with a sentence in each line, or manifests; also .gz")
    add("--output", required=True, metavar="DIR", help="where recordings and manifests go")
    add("--name", default="synthetic", help="of the manifest in it (synthetic)")
    add("--voices", nargs="+", default=VOICES, metavar="VOICE",
        help=f"languages or voices, with +VARIANT ({' '.join(VOICES)})")  # fmt: skip
    add("--speeds", nargs=2, type=int, default=usual.speeds, metavar=("LOW", "HIGH"),
        help="words per minute, drawn for each recording (140 200)")  # fmt: skip
    add("--pitches", nargs=2, type=int, default=usual.pitches, metavar=("LOW", "HIGH"),
        help="0 to 99, 50 is the voice's own (35 65)")  # fmt: skip
    add("--sample", type=int, metavar="N", help="speak N sentences, drawn at random")
    add("--text_normalization", choices=sorted(NORMALIZERS), metavar="NAME",
        help=f"of the transcripts: {', '.join(sorted(NORMALIZERS))}")  # fmt: skip
    add("--seed", type=int, default=0, help="of everything random (0)")
    add("--sample_freq", type=int, default=usual.sample_freq, help="Hz (16000)")
    add("--format", choices=("flac", "wav"), default=usual.format, help="of the files (flac)")
    add("--jobs", type=int, help="sentences spoken at the same time (one for each core)")
    flags = parser.parse_args(arguments)
    settings = Settings(
        tuple(flags.speeds), tuple(flags.pitches), flags.seed, flags.sample_freq, flags.format
    )
    try:
        _check(flags)
        sentences = read_sentences(flags.files, flags.text_normalization, flags.sample, flags.seed)
        voices = list(dict.fromkeys(flags.voices))
        output = Path(flags.output)
        done = synthesise(sentences, output, voices, settings, flags.name, flags.jobs)
    except OpenSeq2SeqError as error:
        return print_error(error)
    except KeyboardInterrupt:
        print("Interrupted. The same command goes on from here.", file=sys.stderr)
        return 130
    print(f"{done.manifest}: {done.sentences} sentences, {len(voices)} voices, {done.hours:.2f} h")
    if done.kept:
        print(f"{done.kept} recordings were there already")
    if done.not_spoken:
        count = len(done.not_spoken)
        print(f"{count} sentences could not be spoken and are left out: {done.report}")
    print(f'"syn_enable": True, "syn_subdirs": {voices}')
    return 0


def _check(flags: argparse.Namespace) -> None:
    problems = [
        Problem(f"--{name}", str(value), "at least 1")
        for name, value in (("sample", flags.sample), ("jobs", flags.jobs))
        if value is not None and value < 1
    ]
    if problems:
        raise InputError("The flags do not fit:", problems)
