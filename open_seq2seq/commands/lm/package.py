"""Makes a scorer package of DeepSpeech: a language model with its words, alpha and beta.

open-seq2seq lm package --lm=3gram.binary --alphabet=alphabet.txt --alpha=0.93 --beta=1.18 \\
    --output=kenlm.scorer

The file is what DeepSpeech's generate_scorer_package makes of the same words, whose names of flags
(--vocab, --package, --default_alpha, --default_beta) are taken too. The decoder here reads it
wherever a language model is named, and so do DeepSpeech 0.9 and Coqui STT 1.4. The alphabet is the
network's, a character in each line, in the order of its classes.
"""

from __future__ import annotations

from collections.abc import Sequence

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.data.text import load_vocabulary
from open_seq2seq.errors import OpenSeq2SeqError
from open_seq2seq.files import check_outputs
from open_seq2seq.language_models.scorer_file import read_words, write_scorer


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog)
    add = parser.add_argument
    add("--lm", required=True, help="a KenLM binary, or a package that is made anew")
    spelling = parser.add_mutually_exclusive_group(required=True)
    spelling.add_argument("--alphabet", "--vocabulary", help="the network's characters")
    spelling.add_argument("--bytes", action="store_true",
        help="for DeepSpeech's networks of UTF-8 bytes: the words are characters")  # fmt: skip
    add("--words", "--vocab", help="a text file with the words that may be recognised; without it "
        "those of the language model")  # fmt: skip
    add("--alpha", "--default_alpha", type=float, required=True,
        help="weight of the language model (natural logarithms)")  # fmt: skip
    add("--beta", "--default_beta", type=float, required=True, help="bonus of each word")
    add("--output", "--package", required=True, help="the package, kenlm.scorer")
    flags = parser.parse_args(arguments)
    try:
        check_outputs({"--output": flags.output})
        from ctc_decoder_with_lm import LanguageModel

        words = None if flags.words is None else read_words(flags.words)
        alphabet = None if flags.bytes else load_vocabulary(flags.alphabet, bpe=False).symbols
        model = LanguageModel(flags.lm)
        made = write_scorer(model, alphabet, words, flags.alpha, flags.beta, flags.output)
    except OpenSeq2SeqError as error:
        return print_error(error)
    for left_out, what in (
        (made.unspellable, "have characters that the alphabet lacks, and were left out"),
        (made.unknown, "are not in the language model, which takes them for very improbable"),
    ):
        if left_out:
            shown = ", ".join(map(repr, left_out[:5])) + (", ..." if len(left_out) > 5 else "")
            print(f"{len(left_out)} words {what}: {shown}")
    print(f"{made.words} words are in {flags.output}")
    return 0
