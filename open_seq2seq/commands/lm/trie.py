"""Writes a trie for the decoder's scoring native_op, as OpenSeq2Seq's generate_trie does.

open-seq2seq lm trie ALPHABET MODEL WORDS OUTPUT

ALPHABET has a character in each line, MODEL is a KenLM binary or ARPA file, WORDS a text file
with words between white space. The decoder needs no such file: without one it makes the trie of
the model's own words.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.data.text import load_vocabulary
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem
from open_seq2seq.language_models.trie_file import write_trie


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog)
    for name in ("alphabet", "model", "words", "output"):
        parser.add_argument(name)
    flags = parser.parse_args(arguments)
    try:
        from ctc_decoder_with_lm import LanguageModel

        try:
            words = Path(flags.words).read_text("utf-8-sig").split()
        except (OSError, UnicodeDecodeError) as error:
            problem = Problem(flags.words, str(error), "a UTF-8 text file")
            raise InputError("The words cannot be read:", [problem]) from None
        alphabet = load_vocabulary(flags.alphabet, bpe=False).symbols
        count = write_trie(alphabet, LanguageModel(flags.model), words, flags.output)
    except OpenSeq2SeqError as error:
        return print_error(error)
    print(f"{count} words are in {flags.output}")
    return 0
