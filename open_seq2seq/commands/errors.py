"""Says where the errors of one or several results are, as a page of Markdown.

open-seq2seq errors --labels=dev.csv greedy=greedy.csv 3-gram=lm.csv --train=train.csv \\
    --phonemes --output=errors.md

A result is a name and the CSV that inference, decode or rescore wrote. The page has the error
rates in all and by speaker; the words that are wrong by their length and, with --train, by how
often training has them; which sounds are confused (letters, or with --phonemes those of CMUdict
and eSpeak NG); and what each further result mends and breaks in comparison with the first.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Iterable, Sequence

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.data.manifest import Utterance, read_manifests
from open_seq2seq.data.normalization import NORMALIZERS
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem
from open_seq2seq.files import check_outputs, write_whole
from open_seq2seq.metrics.analysis import EvaluatedUtterance, ScoredUtterance, score
from open_seq2seq.metrics.error_study import Sounds
from open_seq2seq.metrics.error_study_page import study_page

_TEXTS = ("hypothesis", "predicted_transcript", "transcript")


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog)
    add = parser.add_argument
    add("results", nargs="+", metavar="NAME=CSV", help="results; the first is compared with")
    add("--labels", required=True, help="the manifest with what was said")
    add("--text_normalization", choices=sorted(NORMALIZERS), help="of the manifests' transcripts")
    add("--train", nargs="+", default=[], help="the manifests of training")
    add("--phonemes", action="store_true", help="sounds are CMUdict's and eSpeak NG's, not letters")
    add("--shown", type=int, default=20, help="rows of each list (20)")
    add("--output", help="the page; without it standard output")
    flags = parser.parse_args(arguments)
    try:
        check_outputs({"--output": flags.output})
        page = _page(flags)
        if flags.output:
            write_whole(flags.output, page)
            print(f"Written: {flags.output}")
        else:
            print(page, end="")
    except OpenSeq2SeqError as error:
        return print_error(error)
    return 0


def _page(flags: argparse.Namespace) -> str:
    labels = read_manifests([flags.labels], True).normalized(flags.text_normalization)
    results: dict[str, list[ScoredUtterance]] = {}
    for given in flags.results:
        name, mark, path = given.partition("=")
        if not mark or name in results:
            problem = Problem("results", given, "NAME=CSV, each name once", "greedy=greedy.csv")
            raise InputError("The results cannot be read:", [problem])
        results[name] = _scored(labels, path)
    occurrences = None
    if flags.train:
        training = read_manifests(flags.train, True).normalized(flags.text_normalization)
        occurrences = Counter(word for one in training for word in _reference(one).split())
    texts = [t for r in results.values() for o in r for t in (o.utterance.reference,
             o.utterance.hypothesis)]  # fmt: skip
    sounds: Sounds = _phonemes(texts) if flags.phonemes else list
    return study_page(results, sounds, occurrences, flags.shown)


def _scored(labels: Sequence[Utterance], path: str) -> list[ScoredUtterance]:
    """The result in the order of the labels.

    Raises:
      InputError: the file cannot be read, or is not about the same recordings.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        problem = Problem(path, str(error), "a CSV of inference, decode or rescore")
        raise InputError("A result cannot be read:", [problem]) from None
    column = next((name for name in _TEXTS if rows and name in rows[0]), None)
    if column is None or "wav_filename" not in rows[0]:
        found = f"the columns {', '.join(rows[0])}" if rows else "no rows"
        expected = f"wav_filename and one of {', '.join(_TEXTS)}"
        raise InputError("A result cannot be read:", [Problem(path, found, expected)])
    texts = {row["wav_filename"]: row[column] or "" for row in rows}
    names = [one.name + one.segment for one in labels]
    missing = [name for name in names if name not in texts]
    if missing or len(texts) != len(set(names)):
        other = missing or [name for name in texts if name not in set(names)]
        found = f"{len(other)} recordings that only one of the two has: {', '.join(other[:3])}"
        problem = Problem(path, found, "the recordings of --labels, by the same names")
        raise InputError("A result does not belong to the labels:", [problem])
    return score(
        [
            EvaluatedUtterance(name, _reference(one), texts[name], one.duration, None, one.speaker)
            for name, one in zip(names, labels)
        ]
    )


def _reference(utterance: Utterance) -> str:
    """What was said, in words: of manifests of phonemes the column for them."""
    return utterance.words or utterance.transcript or ""


def _phonemes(texts: Iterable[str]) -> Sounds:
    from open_seq2seq.pronunciations import espeak
    from open_seq2seq.pronunciations.cmudict import CmuDict
    from open_seq2seq.pronunciations.make import spell
    from open_seq2seq.pronunciations.spelling import Source

    sources: list[Source] = [CmuDict(False)]
    if espeak.is_installed():
        sources.append(espeak.Espeak(False))
    words = sorted({word for text in texts for word in text.split()})
    spellings = spell(words, sources).spellings
    return lambda word: spellings[word][0] if word in spellings else None
