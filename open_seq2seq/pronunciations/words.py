"""The words of a text file, of manifests, of a language model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ctc_decoder_with_lm import LanguageModel
from open_seq2seq.data.manifest import Utterance
from open_seq2seq.errors import InputError, Problem

_SPECIAL = frozenset(["<unk>", "<UNK>", "<s>", "</s>"])


def words_of_file(path: str) -> list[str]:
    """The first word of each line, each once.

    Raises:
      InputError: the file cannot be read, or has no words.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(path, str(error), "a UTF-8 text file with a word in each line")
        raise InputError("The words cannot be read:", [problem]) from None
    words = list(dict.fromkeys(line.split()[0] for line in lines if line.strip()))
    if not words:
        raise InputError(
            "The words cannot be used:", [Problem(path, "no words", "a word in each line")]
        )
    return words


def words_of_model(path: str) -> list[str]:
    """The words of a language model.

    Raises:
      InputError: it cannot be read, or does not know its words.
    """
    return [word for word in LanguageModel(path).words() if word not in _SPECIAL]


def words_of_utterances(utterances: Sequence[Utterance]) -> list[str]:
    """The words of transcripts, each once, sorted."""
    return sorted({word for one in utterances for word in (one.transcript or "").split()})
