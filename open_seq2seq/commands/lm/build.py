"""Builds an n-gram language model of transcripts or text, with KenLM's programs.

open-seq2seq lm build train.csv other.csv
open-seq2seq lm build corpus.txt.gz --order=4 --prune 0 0 1 --vocab_size=60000 --lower_case
open-seq2seq lm build train.csv --unit=character --order=6

The files are CSVs with a column transcript, or text with a sentence in each line; also .gz,
.bz2, .xz, .zst, and tars of such files (.tar, .tar.gz, ...).
Beside the first one: <first>.txt (the text that was counted), <first>.arpa and
<first>-lm.binary. The programs come from scripts/install_kenlm.sh.
"""

from __future__ import annotations

from collections.abc import Sequence

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.data.normalization import NORMALIZERS
from open_seq2seq.errors import OpenSeq2SeqError
from open_seq2seq.language_models.ngram import UNITS, NGramOptions, build_ngram, outputs_for
from open_seq2seq.messages import messages_shown


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    usual = NGramOptions()
    parser = command_parser(__doc__, prog)
    add = parser.add_argument
    add("files", nargs="+", help="CSV files or text")
    add("--order", "--n", type=int, default=3, help="words in the longest n-gram (3)")
    add("--prune", type=int, nargs="+", default=[], metavar="COUNT", help="0 1 2: drops 2-grams "
        "that occur once and 3-grams that occur twice or less")  # fmt: skip
    add("--vocab_size", type=int, help="keeps only so many of the most frequent words")
    add("--lower_case", action="store_true", help="lower-cases the text")
    add("--text_normalization", choices=tuple(NORMALIZERS),
        help="normalises the text as a data layer does its transcripts")  # fmt: skip
    add("--unit", choices=UNITS, help="what is counted (words; pieces with --bpe_model)")
    add("--bpe_model", help="a SentencePiece model, whose pieces are counted")
    add("--type", choices=("trie", "probing", "none"), default="trie", help="of the binary (trie)")
    add("--quantise", type=int, default=usual.quantise, metavar="BITS",
        help="of a probability in a trie; 0: none (8)")  # fmt: skip
    add("--backoff_bits", type=int, default=usual.backoff_bits, help="of a back-off weight (7)")
    add("--pointer_bits", type=int, default=usual.pointer_bits, help="cut off pointers (256)")
    add("--no_discount_fallback", action="store_true", help="fails where the text is too little")
    add("--memory", default=usual.memory, help="that lmplz may use, 2G or 30%% (30%%)")
    add("--dev", help="text or CSV whose perplexity is measured")
    add("--output", metavar="PREFIX", help="instead of the first file's name")
    add("--tools", metavar="DIR", help="where lmplz, build_binary and query are")
    flags = parser.parse_args(arguments)
    options = NGramOptions(
        order=flags.order,
        prune=tuple(flags.prune),
        vocab_size=flags.vocab_size,
        lower_case=flags.lower_case,
        text_normalization=flags.text_normalization,
        unit=flags.unit or ("piece" if flags.bpe_model else "word"),
        bpe_model=flags.bpe_model,
        binary_type=None if flags.type == "none" else flags.type,
        quantise=flags.quantise,
        backoff_bits=flags.backoff_bits,
        pointer_bits=flags.pointer_bits,
        discount_fallback=not flags.no_discount_fallback,
        memory=flags.memory,
    )
    outputs = outputs_for(flags.files[0], flags.output)
    try:
        with messages_shown(prefix=""):
            build_ngram(flags.files, options, outputs, flags.tools, flags.dev)
    except OpenSeq2SeqError as error:
        return print_error(error)
    return 0
