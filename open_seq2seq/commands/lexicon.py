"""Makes a lexicon of pronunciations for beam search, and manifests of phonemes to train on.

# the pronunciations of a language model's words, in phonemes (pip install 'open-seq2seq[phonemes]')
open-seq2seq lexicon --lm=3gram.binary --lexicon=lexicon.txt --vocab=phonemes.txt
# a manifest whose transcripts are phonemes; its words stay beside them
open-seq2seq lexicon --manifest train.csv --output=train_phonemes.csv
# spellings in characters, or in the pieces of a SentencePiece model
open-seq2seq lexicon --words=words.txt --lexicon=lexicon.txt --spell

The lexicon has flashlight's format: word, TAB, symbols separated by spaces, a line for each
pronunciation. Words are looked up in --dictionary, if it is given, else in CMUdict (American
English, ARPAbet without stress); what it lacks is spelled by eSpeak NG, if it and the package
phonemizer are installed. How many words that were, and which, is said, and so are those without any
pronunciation.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.corpora.manifest_csv import manifest_csv
from open_seq2seq.data.manifest import Utterance, read_manifests
from open_seq2seq.data.normalization import NORMALIZERS
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem
from open_seq2seq.files import check_outputs, write_whole
from open_seq2seq.pronunciations import espeak
from open_seq2seq.pronunciations.cmudict import PHONEMES, CmuDict
from open_seq2seq.pronunciations.letters import Characters, Pieces
from open_seq2seq.pronunciations.lexicon_file import Dictionary, lexicon_text
from open_seq2seq.pronunciations.make import Spelled, spell
from open_seq2seq.pronunciations.spelling import Source
from open_seq2seq.pronunciations.transcripts import in_symbols
from open_seq2seq.pronunciations.words import words_of_file, words_of_model, words_of_utterances

_SHOWN = 50


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog)
    add = parser.add_argument
    words = parser.add_mutually_exclusive_group(required=True)
    words.add_argument("--words", help="a text file with a word in each line")
    words.add_argument("--manifest", nargs="+", help="manifests: the words of their transcripts")
    words.add_argument("--lm", help="a language model: its words")
    add("--text_normalization", choices=sorted(NORMALIZERS), help="of the manifests' transcripts")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--dictionary", help="a file of pronunciations to use instead of CMUdict: "
        "word, TAB (or spaces), symbols")  # fmt: skip
    source.add_argument("--spell", action="store_true", help="each word by its characters")
    source.add_argument("--sentencepiece", metavar="MODEL", help="each word by a model's pieces")
    add("--stress", action="store_true", help="vowels with CMUdict's digits of stress: AH0, AH1")
    add("--lexicon", help="the lexicon to write")
    add("--vocab", help="the file of symbols to write, for the data layer's vocab_file")
    add("--output", help="the manifest to write, its transcripts in symbols, in a column words "
        "what they were; needs --manifest")  # fmt: skip
    add("--separator", metavar="SYMBOL", help="put this symbol (|) between the words of --output, "
        "and into --vocab")  # fmt: skip
    flags = parser.parse_args(arguments)
    try:
        _check_flags(flags)
        utterances = _utterances(flags)
        wanted = _words(flags, utterances)
        made = spell(wanted, _sources(flags))
        if not made.spellings:
            problem = Problem("words", f"{len(wanted)} words, none known", "known words")
            raise InputError("No word has a pronunciation:", [problem])
        _say_words(made, len(wanted))
        _write(flags, utterances, made)
    except OpenSeq2SeqError as error:
        return print_error(error)
    return 0


def _check_flags(flags: argparse.Namespace) -> None:
    problems = []
    if not (flags.lexicon or flags.vocab or flags.output):
        problems.append(Problem("--lexicon", "no output", "--lexicon, --vocab or --output"))
    for name, value in (("--output", flags.output), ("--text_normalization",
                        flags.text_normalization)):  # fmt: skip
        if value and not flags.manifest:
            problems.append(Problem(name, "no manifest", "--manifest"))
    if flags.separator and len(flags.separator.split()) != 1:
        problems.append(Problem("--separator", repr(flags.separator), "a symbol without spaces"))
    if problems:
        raise InputError("The flags do not fit together:", problems)
    check_outputs({f"--{name}": getattr(flags, name) for name in ("lexicon", "vocab", "output")})


def _utterances(flags: argparse.Namespace) -> Sequence[Utterance]:
    if not flags.manifest:
        return []
    return read_manifests(flags.manifest, True).normalized(flags.text_normalization)


def _words(flags: argparse.Namespace, utterances: Sequence[Utterance]) -> list[str]:
    if flags.words:
        return words_of_file(flags.words)
    return words_of_model(flags.lm) if flags.lm else words_of_utterances(utterances)


def _sources(flags: argparse.Namespace) -> list[Source]:
    if flags.spell:
        return [Characters()]
    if flags.sentencepiece:
        return [Pieces(flags.sentencepiece)]
    if flags.dictionary:
        return [Dictionary(flags.dictionary)]
    sources: list[Source] = [CmuDict(flags.stress)]
    if espeak.is_installed():
        sources.append(espeak.Espeak(flags.stress))
    return sources


def _say_words(made: Spelled, wanted: int) -> None:
    count = sum(map(len, made.spellings.values()))
    parts = ", ".join(f"{number} by {name}" for name, number in made.by_source.items())
    print(f"{len(made.spellings)} of {wanted} words have {count} pronunciations ({parts}).")
    if made.fallback:
        print(f"{len(made.fallback)} words are spelled by rule: {_shown(made.fallback)}")
    if made.missing:
        hint = "" if len(made.by_source) > 1 or "CMUdict" not in made.by_source else (
            " (phonemizer and eSpeak NG would spell them by rule)"
        )  # fmt: skip
        print(f"{len(made.missing)} words have no pronunciation{hint}: {_shown(made.missing)}")


def _shown(words: Sequence[str]) -> str:
    more = len(words) - _SHOWN
    return " ".join(words[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _write(flags: argparse.Namespace, utterances: Sequence[Utterance], made: Spelled) -> None:
    if flags.output:
        rewritten = in_symbols(utterances, made.spellings, flags.separator)
        if not rewritten.utterances:
            found = "no transcript whose words all have a pronunciation"
            raise InputError("No manifest is written:", [Problem("--manifest", found, "one")])
        folder = os.path.dirname(os.path.abspath(flags.output))
        write_whole(flags.output, manifest_csv(rewritten.utterances, folder))
        print(f"{len(rewritten.utterances)} recordings are in {flags.output}")
        if rewritten.left_out:
            print(f"{len(rewritten.left_out)} are left out, for words without a pronunciation:")
            for source, missing in rewritten.left_out[:_SHOWN]:
                print(f"  {source}: {' '.join(missing)}")
            if len(rewritten.left_out) > _SHOWN:
                print(f"  and {len(rewritten.left_out) - _SHOWN} more")
    if flags.lexicon:
        write_whole(flags.lexicon, lexicon_text(made.spellings))
        print(f"The lexicon is {flags.lexicon}")
    if flags.vocab:
        # All phonemes, so that a vocabulary does not depend on the words.
        usual = not (flags.spell or flags.sentencepiece or flags.dictionary or flags.stress)
        symbols = sorted({*made.symbols, *(PHONEMES if usual else ())})
        symbols += [flags.separator] if flags.separator else []
        write_whole(flags.vocab, "".join(f"{symbol}\n" for symbol in symbols))
        print(f"{len(symbols)} symbols are in {flags.vocab}")
