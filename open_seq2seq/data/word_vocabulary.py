"""Vocabularies of language models: words, or the pieces of a SentencePiece model."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from open_seq2seq.data.paths import config_path
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import write_whole

# OpenSeq2Seq's names: a line is wrapped in <S>, and a word that is not listed is <UNK>.
BOUNDARY = "<S>"
UNKNOWN = "<UNK>"


class WordVocabulary:
    """Words as tokens; every other word is `<UNK>`.

    Args:
      words: in the order of their ids; `<S>` and `<UNK>` are among them.
      source: where they come from, for messages.

    Raises:
      InputError: a word is there twice, or one of the two is not.
    """

    def __init__(self, words: Sequence[str], source: str = "words"):
        self.symbols = list(words)
        self.size = len(self.symbols)
        self._ids = {word: index for index, word in enumerate(self.symbols)}
        problems = [
            Problem(source, f"no {name}", f"a line {name}", "It is in OpenSeq2Seq's lists too.")
            for name in (BOUNDARY, UNKNOWN)
            if name not in self._ids
        ]
        if len(self._ids) < self.size:
            twice = [word for word, count in Counter(self.symbols).items() if count > 1]
            problems.append(Problem(source, f"{twice[0]!r} twice", "each word once"))
        if problems:
            raise InputError("The vocabulary cannot be used:", problems)
        self.begin = self.end = self._ids[BOUNDARY]
        self.unknown = self._ids[UNKNOWN]

    def encode(self, text: str) -> np.ndarray:
        """The ids of a line's words, [word] int32, without beginning and end."""
        ids, unknown = self._ids, self.unknown
        return np.array([ids.get(word, unknown) for word in text.split()], np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids."""
        return " ".join([self.symbols[index] for index in ids])


class PieceVocabulary:
    """The pieces of a SentencePiece model as tokens.

    Args:
      path: its `.model` file.

    Raises:
      InputError: it is none, or has no pieces for a line's beginning and end.
    """

    def __init__(self, path: str):
        import sentencepiece

        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_file=path)
            self.size = self._processor.get_piece_size()
            self.symbols = [self._processor.id_to_piece(index) for index in range(self.size)]
        except (RuntimeError, OSError, UnicodeDecodeError) as error:  # pieces may be damaged
            found = str(error).splitlines()[-1] if str(error) else "another kind of file"
            raise _unusable(path, found, "a SentencePiece model (bpe is True)") from error
        self.begin, self.end = self._processor.bos_id(), self._processor.eos_id()
        self.unknown = self._processor.unk_id()
        if min(self.begin, self.end) < 0:
            remedy = "Train it with bos_id and eos_id."
            raise _unusable(path, "a model without <s> and </s>", "both", remedy)

    def encode(self, text: str) -> np.ndarray:
        """The ids of a line's pieces, [piece] int32, without beginning and end."""
        return np.array(self._processor.encode(text), np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids."""
        return self._processor.decode([int(index) for index in ids])


TextVocabulary = WordVocabulary | PieceVocabulary


def load_text_vocabulary(path: str, bpe: bool) -> TextVocabulary:
    """Reads a vocabulary.

    Args:
      path: a text file with a word in each line; with `bpe` a SentencePiece model.

    Raises:
      InputError: it is missing, or not what it should be.
    """
    path = config_path(path)
    if not os.path.isfile(path):
        remedy = "Training makes it where vocab_size says how large it is to be."
        raise _unusable(path, "no such file", "the file that vocab_file names", remedy)
    if bpe:
        return PieceVocabulary(path)
    try:
        with open(path, encoding="utf-8-sig") as file:
            words = [line.strip() for line in file]
    except UnicodeDecodeError as error:
        remedy = "For a SentencePiece model set bpe to True."
        raise _unusable(path, "bytes that are no UTF-8", "a word in each line", remedy) from error
    return WordVocabulary([word for word in words if word], path)


def make_text_vocabulary(
    path: str, lines: Iterable[str], size: int, bpe: bool, min_count: int = 1
) -> None:
    """Makes a vocabulary of text and writes it to `path`.

    Args:
      lines: the text.
      size: tokens in it, at most, the special ones included.
      bpe: train a SentencePiece model (unigram) instead of counting words.
      min_count: words that are rarer are left out.

    Raises:
      InputError: the text is too little for so many pieces.
    """
    if bpe:
        _train_pieces(path, lines, size)
        return
    counts = Counter(word for line in lines for word in line.split())
    for special in (BOUNDARY, UNKNOWN):
        counts.pop(special, None)
    # The most frequent first; the alphabet decides between equals.
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    words = [word for word, count in ranked if count >= min_count][: max(size - 2, 0)]
    write_whole(path, "".join(f"{word}\n" for word in (BOUNDARY, UNKNOWN, *words)))


def _train_pieces(path: str, lines: Iterable[str], size: int) -> None:
    import sentencepiece

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=model,
            vocab_size=size,
            model_type="unigram",
            character_coverage=1.0,
            minloglevel=2,
        )
    except RuntimeError as error:
        found = str(error).splitlines()[-1]
        raise _unusable("vocab_size", found, "a size that the text allows") from error
    write_whole(path, model.getvalue())


def _unusable(where: str, found: str, expected: str, remedy: str = "") -> InputError:
    return InputError("The vocabulary cannot be used:", [Problem(where, found, expected, remedy)])
