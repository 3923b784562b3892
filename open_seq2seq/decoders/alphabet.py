"""OpenSeq2Seq's alphabet file, which must say what the data layer's vocabulary says."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from open_seq2seq.alphabet_file import alphabet_lines
from open_seq2seq.errors import InputError, Problem


def check_alphabet(path: str, symbols: Sequence[str]) -> None:
    """Compares an alphabet file with the symbols that the logits have.

    Each line is a label, the whole line; comments and empty lines count nothing, as
    `alphabet_lines` has it.

    Args:
      path: the file.
      symbols: text of each class, without the blank.

    Raises:
      InputError: naming every line that differs.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="\n") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(path, str(error), "a UTF-8 text file with a label in each line")
        raise InputError("The alphabet cannot be read:", [problem]) from None
    labels = alphabet_lines(text)
    # For DeepSpeech, whose reader OpenSeq2Seq's decoder has, a line `#` is a comment everywhere.
    if "#" not in symbols and "\n\\#" not in f"\n{text}":
        labels = [label for label in labels if label[1] != "#"]
    problems = []
    for label, symbol in zip_longest(labels, symbols):
        if label is None:
            problems.append(Problem(path, "no line more", f"a line {symbol!r}"))
        elif label[1] != symbol:
            expected = "no line more" if symbol is None else repr(symbol)
            problems.append(Problem(f"{path}:{label[0]}", repr(label[1]), expected))
    if problems:
        raise InputError(
            "decoder_params/alphabet_config_path is not the vocabulary of the data layer:", problems
        )
