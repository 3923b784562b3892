"""Calls the decoder in ways that make sense and in ways that don't.

python -m tests.ctc_decoder_with_lm.fuzz_binding SEED ROUNDS LANGUAGE_MODEL

Each call must give a sound result or an InputError. Prints how many did what.
"""

from __future__ import annotations

import math
import random
import sys
from typing import Any

import numpy as np

from ctc_decoder_with_lm import PRESETS, BeamSearchDecoder, LanguageModel
from ctc_decoder_with_lm.decoder import INPUTS
from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.errors import InputError

SYMBOLS = [" ", "t", "h", "e", "c", "a", "s", "m", "b", "ä", "r", "i", "'", "n"]
STRANGE_SYMBOLS: list[Any] = [
    SYMBOLS,
    ["\u2581the", "\u2581cat", "\u2581", "s", "a", "t"],
    ["a"],
    ["a", "a"],
    [],
    [""],
    ["a", None],
    ["\ud800"],
    ["a\0b", "\U0001f600"],
    [" "] * 3,
    "abc",
    [b"a"],
    7,
]
NUMBERS = [0.0, 1.0, -1.0, 0.5, 25.0, 1e-30, 1e30, -1e30, 3e38, 1e300, math.inf, -math.inf]
NUMBERS += [math.nan]
WIDTHS = [1, 2, 10, 100, 10_000, 10**6, 0, -1, 10**7, 2**31 - 1, 2**31, 2**40, 2**70]
STRANGE: list[Any] = [None, "x", [], {}, 1.5, True, b"1", object(), 1j, np.nan, [1, 2], -1]


class Fuzzer:
    def __init__(self, seed: int, path: str):
        self.random = random.Random(seed)
        self.numpy = np.random.default_rng(seed)
        self.normalised: Any = ""
        self.model = LanguageModel(path)
        self.good = [
            BeamSearchDecoder(SYMBOLS, model, preset)
            for preset in PRESETS
            for model in (None, self.model, [self.model, self.model])
        ]

    def decoder(self) -> BeamSearchDecoder:
        if self.random.random() < 0.9:
            return self.random.choice(self.good)
        choose = self.random.choice
        models = [None, self.model, [self.model] * 3, []]
        return BeamSearchDecoder(
            choose(STRANGE_SYMBOLS),
            choose(models),
            choose([*PRESETS, "no preset"]),
            lexicon=choose([None, None, [], ["cat"], ["cat", "cat"], [""], ["\ud800"], ["x y"]]),
            trie_path=choose([None, None, "", "/dev/null", "/missing", "\0"]),
            step_size=choose([0.02, 0.0]),
        )

    def rows(self, classes: int) -> Any:
        shape: tuple[int, ...] = (self.random.choice([0, 1, 2, 5, 12, 40]), classes)
        if self.random.random() < 0.1:
            shape = self.random.choice([(), (5,), (5, classes + 1), (5, 0), (2, 5, classes)])
        values = self.numpy.normal(0, self.random.choice([0, 1, 5, 100, 1e30]), shape)
        if values.size and self.random.random() < 0.15:
            place = self.random.randrange(values.size)
            values.flat[place] = self.random.choice(NUMBERS)
        if self.random.random() < 0.05:
            values[...] = self.random.choice(NUMBERS)
        kinds = ["f4", "f4", "f4", "f8", "f2", ">f4", "i4", "u1", "?", "c8", "O", "U8", "M8[s]"]
        with np.errstate(all="ignore"):
            values = values.astype(
                self.random.choice(kinds) if self.random.random() < 0.4 else "f4"
            )
        if values.ndim == 2 and self.random.random() < 0.2:
            values = self.random.choice([values[::-1], values[::2], np.asfortranarray(values)])
        if self.normalised and values.dtype.kind == "f":
            with np.errstate(all="ignore"):
                values = values - np.logaddexp.reduce(values, axis=-1, keepdims=True)
                values = np.exp(values) if self.normalised == "probabilities" else values
        return values.tolist() if self.random.random() < 0.05 else values

    def options(self) -> dict[str, Any]:
        choose = self.random.choice
        options = {
            "beam_width": choose([1, 3, 20, 100]),
            "alpha": self.random.uniform(0, 2),
            "beta": self.random.uniform(-1, 2),
            "nbest": choose([1, 1, 5]),
        }
        for _ in range(choose([0, 0, 1, 1, 2])):
            name = choose(
                ["alpha", "beta", "trie_weight", "beam_threshold", "token_threshold", "cutoff_prob"]
            )
            options[name] = choose(NUMBERS)
        if self.random.random() < 0.2:
            options[choose(["beam_width", "nbest", "cutoff_top_n"])] = choose(WIDTHS)
        if self.random.random() < 0.1:
            options["weights"] = choose([[], [1.0], [1.0, -1.0], [math.nan] * 2, [1e30, 1], "ab"])
        if self.random.random() < 0.1:
            options[choose([*options, "nothing"])] = choose(STRANGE)
        if self.random.random() < 0.2:
            options["inputs"] = choose([*INPUTS, "waveform", None])
        self.normalised = options.get("inputs", "logits") if self.random.random() < 0.8 else ""
        self.normalised = "" if self.normalised == "logits" else self.normalised
        return options

    def hot_words(self) -> Any:
        words = ["cat", "the cat", "mat", "xyz", "", " ", "\0", "\ud800", "cat " * 50, "CAT", 5]
        if self.random.random() < 0.6:
            return None
        count = self.random.randrange(4)
        weights = [1.0, 5.0, -2.0, *NUMBERS]
        return {self.random.choice(words): self.random.choice(weights) for _ in range(count)}

    def call(self) -> list[DecodeResult]:
        decoder = self.decoder()
        classes = len(decoder.symbols) + 1
        options = self.options()
        hot_words = self.hot_words()
        if self.random.random() < 0.3:
            stream = decoder.stream(hot_words=hot_words, **options)
            for _ in range(self.random.randrange(5)):
                stream.accept(self.rows(classes))
                partial = stream.partial()
                assert partial.text.startswith(partial.stable_text)
            results = [stream.finish(), stream.finish()]
            assert results[0] == results[1]
            if self.random.random() < 0.3:
                stream.reset()
                stream.accept(self.rows(classes))
                results.append(stream.finish())
        elif self.random.random() < 0.5:
            arrays = [self.rows(classes) for _ in range(self.random.randrange(4))]
            threads = self.random.choice([None, 1, 2, 0, -1, 10**6])
            results = decoder.decode_batch(arrays, hot_words=hot_words, threads=threads, **options)
            assert len(results) == len(arrays)
        else:
            batch = self.numpy.normal(0, 2, (3, 12, classes)).astype("f4")
            lengths: Any = self.numpy.integers(0, 13, 3)
            if self.random.random() < 0.3:
                lengths = self.random.choice(
                    [[12, 13, 0], [-1, 2, 3], [1, 2], 5, [1.5, 2, 3], ["a"] * 3, [2**40] * 3]
                )
            results = decoder.decode_batch(batch, lengths, hot_words=hot_words, **options)
        # Log probabilities are taken as they are, so those of a frame may add up to more than 1.
        most = 1e-3 if self.normalised or options.get("inputs") != "log_probs" else math.inf
        for result in results:
            check(result, most)
        return results


def check(result: DecodeResult, most: float) -> None:
    assert not math.isnan(result.score) and result.score < 1e45
    assert result.acoustic_score is None or result.acoustic_score < most
    assert not math.isnan(result.lm_score)
    assert isinstance(result.text, str)
    for word in result.words:
        assert 0 <= word.confidence <= 1
        assert not word.start > word.end
    scores = [one.score for one in result.nbest]
    assert scores == sorted(scores, reverse=True)
    for one in result.nbest:
        assert not one.nbest
        check(one, most)


def main() -> None:
    seed, rounds, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    fuzzer = Fuzzer(seed, path)
    counts = {"decoded": 0, "refused": 0}
    for number in range(rounds):
        try:
            fuzzer.call()
            counts["decoded"] += 1
        except InputError as error:
            assert len(str(error)) > 15, str(error)
            counts["refused"] += 1
        except BaseException:
            print(f"round {number}", file=sys.stderr)
            raise
    print(counts["decoded"], counts["refused"])


if __name__ == "__main__":
    main()
