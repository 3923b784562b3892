"""One contestant of benchmarks/decoder.py, in an environment of its own: prints JSON lines.

    FLASHLIGHT_PYTHON benchmarks/decoder_competitors.py flashlight --data DIR
    PYCTCDECODE_PYTHON benchmarks/decoder_competitors.py pyctcdecode --data DIR

The environments:

    python3 -m venv F && F/bin/pip install numpy flashlight-text==0.0.7 kenlm==0.3.0
    python3 -m venv P && P/bin/pip install "numpy<2" pyctcdecode==0.5.0 kenlm==0.3.0

Each pair of `--alpha` and `--beta` is one pass over the utterances (`--part even`: every second
one, for tuning). Only decoding is timed: loading, log-softmax and the trie's building are not.
This file imports nothing of the framework, which those environments don't hold.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SYMBOLS = [" ", *"abcdefghijklmnopqrstuvwxyz", "'"]
STEP = 0.02  # seconds per frame
Decode = Callable[[float, float], list[str]]


def load(directory: Path, part: str) -> tuple[list[np.ndarray], list[str]]:
    """Logits [time, symbol + 1] and reference of each utterance."""
    with np.load(directory / "decoding" / "dev_logits.npz") as data:
        borders = np.concatenate([[0], np.cumsum(data["lengths"])])
        logits = data["logits"].astype(np.float32)
        texts = [str(text) for text in data["texts"]]
    utterances = [logits[a:b] for a, b in itertools.pairwise(borders)]
    chosen = {"all": slice(None), "even": slice(0, None, 2), "odd": slice(1, None, 2)}[part]
    return utterances[chosen], texts[chosen]


def language_model_words(directory: Path) -> list[str]:
    """The words of the ARPA file, without `<unk>`, `<s>` and `</s>`."""
    words = []
    path = directory / "lm" / "librispeech-like-3gram.arpa.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in itertools.dropwhile(lambda line: line.strip() != "\\1-grams:", lines):
            if line.startswith("\\2-grams:"):
                break
            columns = line.split()
            if len(columns) >= 2 and not columns[1].startswith("<"):
                words.append(columns[1])
    return words


def word_errors(reference: str, hypothesis: str) -> int:
    """Word-level edit distance."""
    theirs = hypothesis.split()
    row = list(range(len(theirs) + 1))
    for number, word in enumerate(reference.split(), 1):
        diagonal, row[0] = row[0], number
        for column, other in enumerate(theirs, 1):
            best = min(diagonal + (word != other), row[column] + 1, row[column - 1] + 1)
            diagonal, row[column] = row[column], best
    return row[-1]


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return (shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))).astype(np.float32)


def flashlight(options: argparse.Namespace, utterances: list[np.ndarray]) -> Decode:
    """The lexicon decoder, set up as torchaudio does: separator in the spelling, smearing MAX."""
    from flashlight.lib.text.decoder import (
        CriterionType,
        LexiconDecoder,
        LexiconDecoderOptions,
        SmearingMode,
        Trie,
    )
    from flashlight.lib.text.decoder.kenlm import KenLM
    from flashlight.lib.text.dictionary import Dictionary

    usable = set(SYMBOLS)
    words = [word for word in language_model_words(options.data) if set(word) <= usable]
    dictionary = Dictionary([*words, "<unk>"])
    model = KenLM(str(options.data / "lm" / "librispeech-like-3gram.binary"), dictionary)
    trie = Trie(len(SYMBOLS) + 1, 0)
    numbers = {symbol: number for number, symbol in enumerate(SYMBOLS)}
    start = model.start(False)
    for word in words:
        index = dictionary.get_index(word)
        _, score = model.score(start, index)
        trie.insert([numbers[symbol] for symbol in word + " "], index, score)
    trie.smear(SmearingMode.MAX)

    frames = [log_softmax(logits) for logits in utterances]
    if options.closing_separator:
        # A word counts only with its separator; this gives the last one of each utterance its own.
        closing = np.full((1, len(SYMBOLS) + 1), -1e4, np.float32)
        closing[0, 0] = 0.0
        frames = [np.concatenate([rows, closing]) for rows in frames]
    frames = [np.ascontiguousarray(rows) for rows in frames]

    def decode(alpha: float, beta: float) -> list[str]:
        search = LexiconDecoderOptions(
            beam_size=options.beam,
            beam_size_token=options.tokens or len(SYMBOLS) + 1,
            beam_threshold=options.threshold,
            lm_weight=alpha,
            word_score=beta,
            unk_score=-float("inf"),
            sil_score=0,
            log_add=False,
            criterion_type=CriterionType.CTC,
        )
        decoder = LexiconDecoder(
            search, trie, model, 0, len(SYMBOLS), dictionary.get_index("<unk>"), [], False
        )
        texts = []
        for rows in frames:
            results = decoder.decode(rows.ctypes.data, *rows.shape)
            found = results[0].words if results else []
            texts.append(" ".join(dictionary.get_entry(word) for word in found if word >= 0))
        return texts

    return decode


def pyctcdecode(options: argparse.Namespace, utterances: list[np.ndarray]) -> Decode:
    """`decode` with its own defaults besides beam width, alpha and beta."""
    from pyctcdecode import build_ctcdecoder

    decoder = build_ctcdecoder(
        [*SYMBOLS, ""],
        str(options.data / "lm" / "librispeech-like-3gram.binary"),
        unigrams=language_model_words(options.data),
    )

    def decode(alpha: float, beta: float) -> list[str]:
        decoder.reset_params(alpha=alpha, beta=beta)
        return [decoder.decode(logits, beam_width=options.beam) for logits in utterances]

    return decode


CONTESTANTS: dict[str, Callable[[argparse.Namespace, list[np.ndarray]], Decode]] = {
    "flashlight": flashlight,
    "pyctcdecode": pyctcdecode,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("contestant", choices=CONTESTANTS)
    parser.add_argument("--data", type=Path, required=True, help="holds stored_logits/ and lm/")
    parser.add_argument("--part", choices=("all", "even", "odd"), default="all")
    parser.add_argument("--alpha", type=float, nargs="+", required=True)
    parser.add_argument("--beta", type=float, nargs="+", required=True)
    parser.add_argument("--beam", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=0, help="flashlight: per frame, 0: all")
    parser.add_argument("--threshold", type=float, default=50, help="flashlight: beam_threshold")
    parser.add_argument("--closing_separator", action="store_true", help="flashlight: see source")
    parser.add_argument("--rounds", type=int, default=1, help="passes; the fastest counts")
    options = parser.parse_args()
    utterances, references = load(options.data, options.part)
    decode = CONTESTANTS[options.contestant](options, utterances)
    words = sum(len(text.split()) for text in references)
    for alpha, beta in itertools.product(options.alpha, options.beta):
        seconds, processor = [], []
        for _ in range(options.rounds):
            started, worked = time.perf_counter(), time.process_time()
            texts = decode(alpha, beta)
            seconds.append(time.perf_counter() - started)
            processor.append(time.process_time() - worked)
        errors = sum(map(word_errors, references, texts))
        line: dict[str, Any] = {
            "alpha": alpha,
            "beta": beta,
            "wer": round(100 * errors / words, 3),
            "seconds": round(min(seconds), 3),
            "processor_seconds": round(min(processor), 3),
            "audio_seconds": round(sum(map(len, utterances)) * STEP, 2),
            "resident_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
