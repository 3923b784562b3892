"""Damaged logits, n-best lists, hot words, lexicons and alignments (`tests.fuzzing_child`)."""

from __future__ import annotations

import io
import json
import math
import pickle
from pathlib import Path

import numpy as np

from open_seq2seq.decoders.alphabet import check_alphabet
from open_seq2seq.decoders.beam_search import _read_lexicon
from open_seq2seq.language_models.nbest import BEGIN, END, read_nbest
from open_seq2seq.stored_logits.calibration import read_alignments
from open_seq2seq.stored_logits.hot_words import read_hot_words
from open_seq2seq.stored_logits.logits_file import read_logits
from open_seq2seq.stored_logits.word_times import read_shifts
from tests.fuzzing_child import Case
from tests.stored_logits.small import SYMBOLS, dump

LOGITS = {name: array[:3] for name, array in dump()["logits"].items()}
HYPOTHESES = [
    {"text": "ab ca", "score": -1.5, "acoustic_score": -1.25, "lm_score": -0.25},
    {"text": "ab", "score": -2},
]
NBEST = "".join(
    json.dumps({"wav_filename": name, "reference": "ab ca", **HYPOTHESES[0], "nbest": HYPOTHESES})
    + "\n"
    for name in ("0.wav", "1.wav")
)
BEAMS = f"{BEGIN}\n-1.5\t-1.0\t-0.5\tab ca\n-2.25\t-2.0\t0.0\tab\n{END}\n{BEGIN}\n{END}\n"
ALIGNED = {
    "0.wav": {
        "words": [
            {"case": "success", "alignedWord": "ab", "start": 0.5, "end": 0.75},
            {"case": "not-found-in-audio"},
        ]
    },
    "1.wav": [{"case": "success", "alignedWord": "ca", "start": 1, "end": 1.25}],
}


def _archive(**arrays: object) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays, vocab=np.array(SYMBOLS), step_size=0.02)  # type: ignore[arg-type]
    return stream.getvalue()


def _joined() -> bytes:
    lengths = [len(array) for array in LOGITS.values()]
    logits = np.concatenate(list(LOGITS.values()))
    return _archive(logits=logits, lengths=np.array(lengths), keys=np.array(list(LOGITS)))


def _read_logits(path: Path) -> None:
    file = read_logits(path)
    assert file.logits and all(array.ndim == 2 for array in file.logits)
    assert all(array.dtype.kind == "f" and not np.isnan(array).any() for array in file.logits)
    assert file.names is None or all(isinstance(name, str) for name in file.names)
    assert file.symbols is None or all(isinstance(symbol, str) for symbol in file.symbols)
    assert file.step_size is None or 0 < file.step_size < 10


def _read_nbest(path: Path) -> None:
    for one in read_nbest(str(path)):
        assert isinstance(one.name, str)
        assert one.reference is None or isinstance(one.reference, str)
        for hypothesis in one.hypotheses:
            assert isinstance(hypothesis.text, str) and math.isfinite(hypothesis.score)
            assert math.isfinite(hypothesis.acoustic_score + hypothesis.lm_score)


def _read_hot_words(path: Path) -> None:
    words = read_hot_words(str(path))
    assert words and all(map(math.isfinite, words.values()))


def _read_lexicon_file(path: Path) -> None:
    words = _read_lexicon(str(path), ["A", "B", "C"])
    assert words and not any(len(word.split()) != 1 for word in words)


def _read_alignments(path: Path) -> None:
    for words in read_alignments(str(path)).values():
        assert all(math.isfinite(word.start + word.end) for word in words)


def _read_shifts(path: Path) -> None:
    shifts = read_shifts(str(path))
    assert math.isfinite(shifts.start + shifts.end)


def _read_alphabet(path: Path) -> None:
    check_alphabet(str(path), [" ", "a", "é", "#"])


def _pickles() -> list[bytes]:
    whole = dict(dump(), logits=LOGITS)
    found = [pickle.dumps(whole, protocol=protocol) for protocol in (5, 2, 0)]
    return [*found, pickle.dumps(list(LOGITS.values()), protocol=4)]


CASES = {
    "pickle": Case(_read_logits, _pickles(), ".pickle"),
    "npz": Case(_read_logits, [_archive(**LOGITS), _joined()], ".npz"),
    "nbest": Case(_read_nbest, [NBEST.encode()], ".jsonl"),
    "beams": Case(_read_nbest, [BEAMS.encode()], ".txt"),
    "hot words": Case(_read_hot_words, ["open seq 5\nca -2.5\n\né 1e1\n".encode()], ".txt"),
    "lexicon": Case(_read_lexicon_file, ["ab A B\nca é C A\nbac\n".encode()], ".txt"),
    "pronunciations": Case(_read_lexicon_file, ["ab\tA B\ncaé\tC A\n".encode()], ".txt"),
    "alphabet": Case(_read_alphabet, ["# labels\n \na\né\n\\#\n".encode()], ".txt"),
    "alignments": Case(_read_alignments, [json.dumps(ALIGNED).encode()], ".json"),
    "shifts": Case(_read_shifts, [b"-0.01250 0.02500\n"], ".txt"),
}


def cases(folder: Path) -> dict[str, Case]:
    """By kind of file; nothing is written to the folder."""
    return CASES
