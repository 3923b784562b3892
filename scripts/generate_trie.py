"""Writes a trie for the decoder's scoring native_op, as OpenSeq2Seq's generate_trie does.

python scripts/generate_trie.py ALPHABET MODEL WORDS OUTPUT

ALPHABET has a character in each line, MODEL is a KenLM binary or ARPA file, WORDS a text file
with words between white space. The decoder needs no such file: without one it makes the trie of
the model's own words.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.data.text import load_vocabulary
from open_seq2seq.error_output import print_error
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem
from open_seq2seq.language_models.trie_file import write_trie


def main(arguments: list[str] | None = None) -> int:
    """Runs the script; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
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


if __name__ == "__main__":
    sys.exit(main())
