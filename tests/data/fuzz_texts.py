"""Damaged manifests, texts and vocabularies (`tests.fuzzing_child`)."""

from __future__ import annotations

import gzip
import io
import random
from pathlib import Path

import numpy as np
import sentencepiece

from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.data.text import load_vocabulary
from open_seq2seq.data.text_files import read_lines
from open_seq2seq.data.word_vocabulary import load_text_vocabulary
from tests.fuzzing_child import Case

WORDS = ("zero", "one", "two", "three", "grün", "it's", "naïve", "日本")
CSV = (
    "wav_filename,wav_filesize,transcript,duration,offset,speaker\n"
    'a.wav,100,"zero, one",1.25,0.5,anna\nb/ü.flac,7,two "" three,0.5,,\nc.wav,1,,2e0,1,3\n'
)
JSON = (
    '{"audio_filepath": "a.wav", "duration": 1.25, "text": "zero \\u00fc one", "speaker": 3}\n'
    '{"audio_filepath": "b.wav", "duration": 0.5, "offset": 2, "text": "two"}\n'
)
NEON = "@FILE\tFILE\na.wav\ta.txt\nb.wav\tb.txt\n"
PLAIN = "zero one\n\n  two three \ngrün naïve\n"
CHARACTERS = "# labels\n \na\nb\nü\n'\n\\#\n"
WORD_LIST = "<S>\n<UNK>\n" + "\n".join(WORDS) + "\n"


NAMES = (
    "manifest", "text", "csv text", "gzip text", "gzip csv", "vocabulary", "SentencePiece",
    "words", "SentencePiece for text",
)  # fmt: skip


def sentencepiece_model(model_type: str, size: int) -> bytes:
    """A model of random sentences of `WORDS`."""
    choose = random.Random(size)
    stream = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(" ".join(choose.choices(WORDS, k=6)) for _ in range(200)),
        model_writer=stream,
        vocab_size=size,
        model_type=model_type,
        minloglevel=2,
        num_threads=1,
    )
    return stream.getvalue()


def _read_manifest(path: Path) -> None:
    for needed in (False, True):
        for row in read_manifests([str(path)], needed):
            assert isinstance(row.name, str) and isinstance(row.source, str)
            assert row.transcript is None or isinstance(row.transcript, str)
            assert row.duration is None or 0 <= row.duration < np.inf


def _read_lines(path: Path) -> None:
    for where, text in read_lines([str(path)]):
        assert where.startswith(str(path)) and text == " ".join(text.split())


def _read_characters(path: Path) -> None:
    vocabulary = load_vocabulary(str(path), bpe=False)
    assert vocabulary.size == len(set(vocabulary.symbols))
    assert vocabulary.decode(vocabulary.encode(vocabulary.symbols[0])) == vocabulary.symbols[0]


def _read_pieces(path: Path) -> None:
    vocabulary = load_vocabulary(str(path), bpe=True)
    assert vocabulary.size == len(vocabulary.symbols)
    text = "zero grün"
    if not vocabulary.unknown(text):
        ids = vocabulary.encode(text)
        assert len(ids) == 0 or 0 <= min(ids) <= max(ids) < vocabulary.size
    vocabulary.decode(range(vocabulary.size))


def _read_word_list(path: Path) -> None:
    vocabulary = load_text_vocabulary(str(path), bpe=False)
    assert max(vocabulary.encode("zero unheard")) < vocabulary.size


def _read_text_pieces(path: Path) -> None:
    vocabulary = load_text_vocabulary(str(path), bpe=True)
    assert max(vocabulary.begin, vocabulary.end, *vocabulary.encode("zero")) < vocabulary.size


def cases(folder: Path) -> dict[str, Case]:
    """By kind of file."""
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text("zero one\n")
    manifests = [text.encode() for text in (CSV, JSON, NEON, CSV + JSON)]
    texts = [CSV.encode()]
    pieces = [sentencepiece_model(kind, 29) for kind in ("unigram", "bpe")]
    return {
        "manifest": Case(_read_manifest, manifests, ".csv"),
        "text": Case(_read_lines, [PLAIN.encode()], ".txt"),
        "csv text": Case(_read_lines, texts, ".csv"),
        "gzip text": Case(_read_lines, [gzip.compress(PLAIN.encode(), mtime=0)], ".txt.gz"),
        "gzip csv": Case(_read_lines, [gzip.compress(CSV.encode(), mtime=0)], ".csv.gz"),
        "vocabulary": Case(_read_characters, [CHARACTERS.encode()], ".txt"),
        "SentencePiece": Case(_read_pieces, pieces, ".model"),
        "words": Case(_read_word_list, [WORD_LIST.encode()], ".txt"),
        "SentencePiece for text": Case(_read_text_pieces, pieces, ".model"),
    }
