"""Makes the fixtures in `data/`, and the results of other decoders on them.

    python -m tests.ctc_decoder_with_lm.make_goldens inputs

    python3 -m venv P && P/bin/pip install "numpy<2" pyctcdecode==0.5.0 kenlm==0.3.0
    P/bin/python -m tests.ctc_decoder_with_lm.make_goldens pyctcdecode

    python3 -m venv F && F/bin/pip install numpy flashlight-text==0.0.7 kenlm==0.3.0
    F/bin/python -m tests.ctc_decoder_with_lm.make_goldens flashlight

all from the repository's root. Two tasks, each with a model and logits:

* `tiny`: five classes, seven random frames, a random model. Beams wide enough to hold every
  hypothesis, so that the results follow from the rules of scoring alone.
* `sentences`: logits of noisy sentences (some begin or end with a space, some have words that
  the model lacks) and a 3-gram of `sentences.txt`, which was written for this purpose. Decoded
  with wide beams, and with the decoders' own defaults.

What to know of the decoders when results are compared:

* pyctcdecode adds up the alignments of a text at the very end only; until then those that end
  in a blank and in a symbol are entries of their own. Spaces at the start, at the end and after
  spaces vanish. An entry that ends in a space pays for an unknown empty word at the end, unless
  an entry of the same text ranks lower. A word that the model lacks costs 10 (in log10) more
  than `<unk>`, and while it is spelled 10 (natural).
* flashlight takes a text's best alignment. A word ends with its separator, or is lost. Inside
  words it adds the best score of a first word of a sentence (log10) that the word can become.
  `score` is acoustic + lm_weight * log10 of the model + word_score * words.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .arpa import BEGIN, END, UNKNOWN, NGramModel, random_model

DATA = Path(__file__).parent / "data"
SYMBOLS = {"tiny": [" ", "a", "b", "t"], "sentences": [" ", *"abcdefghijklmnopqrstuvwxyz", "'"]}
TINY_WORDS = ["a", "at", "bat", "tab", "abba"]
NBEST = 10
DISCOUNT = 0.6
# alpha and beta of both tasks, in each decoder's own unit.
WEIGHTS = {"pyctcdecode": (0.7, 0.6), "flashlight": (1.6, -0.4)}


def inputs() -> None:
    rng = np.random.default_rng(4)
    random_model(rng, TINY_WORDS).write(DATA / "tiny.arpa")
    tiny = {f"random {number}": rng.normal(0, 2, (7, 5)) for number in range(6)}
    lines = (DATA / "sentences.txt").read_text(encoding="utf-8").splitlines()
    sentence_model(lines).write(DATA / "sentences.arpa")
    spoken = [
        ("the boat came slowly round the lighthouse", 2.5),
        ("we waited for the train at the harbour ", 2.5),
        (" the baker's lamp was blue", 3.0),
        ("she saw a zebra on the pier ", 2.0),
        ("it is noon", 4.0),
        ("the wind  and the rain ", 2.0),
    ]
    sentences = {text: noisy_logits(rng, text, noise) for text, noise in spoken}
    for task, logits in (("tiny", tiny), ("sentences", sentences)):
        arrays = {name: values.astype(np.float16) for name, values in logits.items()}
        np.savez_compressed(DATA / f"{task}.npz", **arrays)  # type: ignore[arg-type]


def noisy_logits(rng: np.random.Generator, text: str, noise: float) -> np.ndarray:
    """[time, symbol + 1]: one or two frames a symbol, blanks between, and Gaussian noise."""
    symbols = SYMBOLS["sentences"]
    labels: list[int] = []
    for symbol in text:
        label = symbols.index(symbol)
        repeated = bool(labels) and labels[-1] == label
        labels += [len(symbols)] * int(max(repeated, rng.integers(0, 2)))
        labels += [label] * int(rng.integers(1, 3))
    logits = rng.normal(0, noise, (len(labels), len(symbols) + 1))
    logits[np.arange(len(labels)), labels] += 8
    return logits


def sentence_model(lines: list[str], order: int = 3) -> NGramModel:
    """An n-gram model with interpolated absolute discounting."""
    counts: Counter[tuple[str, ...]] = Counter()
    for line in lines:
        tokens = [BEGIN, *line.split(), END]
        for length in range(1, order + 1):
            spans = range(len(tokens) - length + 1)
            counts.update(tuple(tokens[start : start + length]) for start in spans)
    del counts[(BEGIN,)]
    after: dict[tuple[str, ...], Counter[str]] = {}
    for words, count in counts.items():
        after.setdefault(words[:-1], Counter())[words[-1]] = count
    left_over = {
        history: DISCOUNT * len(following) / following.total()
        for history, following in after.items()
    }
    probabilities = {(UNKNOWN,): left_over[()] / (len(after[()]) + 1)}
    for length in range(1, order + 1):
        for words in [words for words in counts if len(words) == length]:
            history = words[:-1]
            lower = probabilities[words[1:] if length > 1 else (UNKNOWN,)]
            own = (counts[words] - DISCOUNT) / after[history].total()
            probabilities[words] = own + left_over[history] * lower
    ngrams = {
        words: (math.log10(value), math.log10(left_over.get(words, 1.0)))
        for words, value in probabilities.items()
    }
    ngrams[(BEGIN,)] = (-99.0, math.log10(left_over[(BEGIN,)]))
    return NGramModel(dict(sorted(ngrams.items(), key=lambda item: len(item[0]))))


def load(task: str) -> dict[str, np.ndarray]:
    with np.load(DATA / f"{task}.npz") as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return (shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))).astype(np.float32)


Results = list[dict[str, Any]]
Decode = Callable[[np.ndarray, dict[str, Any]], Results]


def pyctcdecode(task: str) -> Iterator[tuple[dict[str, Any], Decode]]:
    import logging

    from pyctcdecode import build_ctcdecoder

    logging.disable(logging.WARNING)
    alpha, beta = WEIGHTS["pyctcdecode"]
    decoder = build_ctcdecoder(
        [*SYMBOLS[task], ""], str(DATA / f"{task}.arpa"), alpha=alpha, beta=beta
    )

    def decode(logits: np.ndarray, settings: dict[str, Any]) -> Results:
        return [
            {"text": text, "score": score, "acoustic": acoustic, "frames": [s for _, s in words]}
            for text, _, words, acoustic, score in decoder.decode_beams(logits, **settings)[:NBEST]
        ]

    nothing = {"beam_prune_logp": -1e4, "token_min_logp": -1e4}
    if task == "tiny":
        yield {"beam_width": 100_000, **nothing}, decode
        return
    yield {"beam_width": 1000, "beam_prune_logp": -30.0, "token_min_logp": -15.0}, decode
    yield {"beam_width": 100, "beam_prune_logp": -10.0, "token_min_logp": -5.0}, decode
    pruned = {"beam_width": 20, "beam_prune_logp": -10.0, "token_min_logp": -5.0}
    yield {**pruned, "prune_history": True}, decode


def flashlight(task: str) -> Iterator[tuple[dict[str, Any], Decode]]:
    from flashlight.lib.text.decoder import (
        CriterionType,
        LexiconDecoder,
        LexiconDecoderOptions,
        SmearingMode,
        Trie,
    )
    from flashlight.lib.text.decoder.kenlm import KenLM
    from flashlight.lib.text.dictionary import Dictionary

    symbols = SYMBOLS[task]
    words = NGramModel.read(DATA / f"{task}.arpa").words()
    dictionary = Dictionary([*words, UNKNOWN])
    model = KenLM(str(DATA / f"{task}.arpa"), dictionary)
    trie = Trie(len(symbols) + 1, 0)
    start = model.start(False)
    for word in words:
        index = dictionary.get_index(word)
        spelling = [symbols.index(symbol) for symbol in word + " "]
        trie.insert(spelling, index, model.score(start, index)[1])
    trie.smear(SmearingMode.MAX)
    alpha, beta = WEIGHTS["flashlight"]

    def decode(logits: np.ndarray, settings: dict[str, Any]) -> Results:
        options = LexiconDecoderOptions(
            lm_weight=alpha,
            word_score=beta,
            unk_score=-math.inf,
            sil_score=0.0,
            log_add=False,
            criterion_type=CriterionType.CTC,
            **settings,
        )
        unknown = dictionary.get_index(UNKNOWN)
        decoder = LexiconDecoder(options, trie, model, 0, len(symbols), unknown, [], False)
        rows = np.ascontiguousarray(log_softmax(logits))
        results: Results = []
        for found in decoder.decode(rows.ctypes.data, *rows.shape):
            spoken = [dictionary.get_entry(word) for word in found.words if word >= 0]
            ends = [frame - 1 for frame, word in enumerate(found.words) if word >= 0]
            line = {
                "text": " ".join(spoken),
                "score": found.score,
                "acoustic": found.emittingModelScore,
                "lm": found.lmScore,
                "separators": ends,  # the frame of each word's separator
            }
            if line["text"] not in [other["text"] for other in results]:
                results.append(line)
        return results[:NBEST]

    width = len(symbols) + 1
    if task == "tiny":
        yield {"beam_size": 100_000, "beam_size_token": width, "beam_threshold": 1e4}, decode
        return
    yield {"beam_size": 1000, "beam_size_token": width, "beam_threshold": 100.0}, decode
    yield {"beam_size": 50, "beam_size_token": width, "beam_threshold": 50.0}, decode
    yield {"beam_size": 50, "beam_size_token": 10, "beam_threshold": 25.0}, decode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("inputs", "pyctcdecode", "flashlight"))
    what = parser.parse_args().what
    if what == "inputs":
        inputs()
        return
    runs = []
    for task in SYMBOLS:
        for settings, decode in {"pyctcdecode": pyctcdecode, "flashlight": flashlight}[what](task):
            results = {name: decode(logits, settings) for name, logits in load(task).items()}
            runs.append({"task": task, "settings": settings, "results": results})
    alpha, beta = WEIGHTS[what]
    golden = {"alpha": alpha, "beta": beta, "runs": runs}
    text = json.dumps(golden, indent=1, default=float)
    (DATA / f"{what}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
