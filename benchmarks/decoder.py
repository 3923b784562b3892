"""Beam search with a language model against flashlight-text and pyctcdecode: WER beside time.

    python benchmarks/decoder.py --data DIR [--flashlight_python F/bin/python]
        [--pyctcdecode_python P/bin/python] [--rounds 3]
    python benchmarks/decoder.py --data DIR --tune standard

DIR holds decoding/dev_logits.npz (30 minutes of speech, 20 ms a frame) and
lm/librispeech-like-3gram.binary. The other decoders run in environments of their own, described
in decoder_competitors.py. Beam 100 everywhere. All contestants run by turns, each in a process
of its own that decodes everything twice; its fastest pass counts. Only decoding is timed.

alpha and beta of every contestant were tuned in the same way: the lowest WER of a grid on every
second utterance ("even"), a coarse one and a finer one around its best point. The values are in
CONTESTANTS; `--tune NAME` repeats the finer grid. The WER is printed for all utterances, and for
the other half ("odd") alone, which no tuning saw.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import decoder_competitors as common

from open_seq2seq.native_build.cpu import cpu_name

COMPETITORS = Path(common.__file__)
MODEL = "librispeech-like-3gram.binary"
LIMIT_FACTOR, LIMIT_MB = 1.5, 200  # of resident memory: so many times the model, plus so much
HOT_WORDS = (0, 100, 1000, 10_000)
BEAM = 100


class Contestant(NamedTuple):
    """A decoder with its settings; alpha is in its own unit."""

    decoder: str  # a preset of ours, "flashlight" or "pyctcdecode"
    alpha: float
    beta: float
    options: tuple[str, ...] = ()
    ours: bool = True


CONTESTANTS = {
    "standard": Contestant("standard", 0.8, 0.25),
    "standard, two threads": Contestant("standard", 0.8, 0.25, ("--threads", "2")),
    "flashlight-text, all tokens, threshold 50": Contestant(
        "flashlight", 1.8, 0.0, ("--threshold", "50", "--closing_separator"), False
    ),
    "flashlight-text, 10 tokens, threshold 25": Contestant(
        "flashlight",
        1.8,
        0.0,
        ("--tokens", "10", "--threshold", "25", "--closing_separator"),
        False,
    ),
    "pyctcdecode": Contestant("pyctcdecode", 0.6, 0.75, (), False),
}
# Around the best point of a coarse grid: alpha 0.4 to 1.0, beta -1 to 2 (ours), alpha 0.75 to 2,
# beta -1.5 to 2.5 (flashlight-text), alpha 0.4 to 1.0, beta -1 to 3.5 (pyctcdecode).
FLASHLIGHT_GRID = ((1.4, 1.6, 1.8), (-1, -0.75, -0.5, -0.25, 0))
GRIDS = {
    "standard": ((0.7, 0.8, 0.9, 1.0), (0.0, 0.25, 0.5, 0.75, 1.0)),
    "flashlight-text, all tokens, threshold 50": FLASHLIGHT_GRID,
    "flashlight-text, 10 tokens, threshold 25": FLASHLIGHT_GRID,
    "pyctcdecode": ((0.5, 0.6, 0.7), (0.75, 1.25)),
}


def serve(arguments: Sequence[str]) -> None:
    """The child: like decoder_competitors.py, for our own decoder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("preset")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--part", default="all")
    parser.add_argument("--alpha", type=float, nargs="+", required=True)
    parser.add_argument("--beta", type=float, nargs="+", required=True)
    parser.add_argument("--beam", type=int, default=BEAM)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--hot_words", type=int, default=0)
    parser.add_argument("--beam_threshold", type=float, default=np.inf)
    parser.add_argument("--token_threshold", type=float, default=-np.inf)
    parser.add_argument("--cutoff_top_n", type=int, default=0)
    options = parser.parse_args(arguments)
    from ctc_decoder_with_lm import BeamSearchDecoder, LanguageModel

    utterances, references = common.load(options.data, options.part)
    model = LanguageModel(str(options.data / "lm" / MODEL))
    decoder = BeamSearchDecoder(common.SYMBOLS, model, options.preset, step_size=common.STEP)
    hot_words = None
    if options.hot_words:
        hot_words = decoder.hot_words(phrases(options.data, options.hot_words))
    words = sum(len(text.split()) for text in references)
    for alpha, beta in itertools.product(options.alpha, options.beta):
        seconds, processor = [], []
        for _ in range(options.rounds):
            started, worked = time.perf_counter(), time.process_time()
            results = decoder.decode_batch(
                utterances,
                None,
                alpha=alpha,
                beta=beta,
                beam_width=options.beam,
                threads=options.threads,
                hot_words=hot_words,
                beam_threshold=options.beam_threshold,
                token_threshold=options.token_threshold,
                cutoff_top_n=options.cutoff_top_n,
            )
            seconds.append(time.perf_counter() - started)
            processor.append(time.process_time() - worked)
        texts = [result.text for result in results]
        line = {
            "alpha": alpha,
            "beta": beta,
            "wer": round(100 * sum(map(common.word_errors, references, texts)) / words, 3),
            "seconds": round(min(seconds), 4),
            "processor_seconds": round(min(processor), 4),
            "audio_seconds": round(sum(map(len, utterances)) * common.STEP, 2),
            "resident_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
        print(json.dumps(line), flush=True)


def phrases(directory: Path, count: int) -> dict[str, float]:
    """Random words of the model, and every second time two of them."""
    rng = np.random.default_rng(0)
    usable = set(common.SYMBOLS)
    words = [word for word in common.language_model_words(directory) if set(word) <= usable]
    chosen: dict[str, float] = {}
    while len(chosen) < count:
        phrase = rng.choice(words, 1 + len(chosen) % 2)
        chosen[" ".join(phrase)] = 1.0
    return chosen


def run(
    contestant: Contestant, options: argparse.Namespace, *more: str
) -> list[dict[str, Any]] | None:
    """The child's lines; None without an environment for it."""
    if contestant.ours:
        command = [sys.executable, __file__, "--serve"]
    else:
        python = getattr(options, f"{contestant.decoder}_python")
        if python is None:
            return None
        command = [python, str(COMPETITORS)]
    command += [contestant.decoder, "--data", str(options.data), *contestant.options, *more]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\nfailed:\n{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def weights(contestant: Contestant) -> tuple[str, ...]:
    return ("--alpha", str(contestant.alpha), "--beta", str(contestant.beta))


def tune(name: str, options: argparse.Namespace) -> None:
    """Prints WER on the even utterances over the grid, and its lowest point."""
    alphas, betas = ([str(value) for value in values] for values in GRIDS[name])
    grid = ("--alpha", *alphas, "--beta", *betas)
    lines = run(CONTESTANTS[name], options, "--part", "even", *grid)
    if lines is None:
        raise SystemExit(f"--tune '{name}' needs --{CONTESTANTS[name].decoder}_python.")
    for line in lines:
        print(f"alpha {line['alpha']:<6} beta {line['beta']:<6} WER {line['wer']:.2f}")
    best = min(lines, key=lambda line: line["wer"])
    print(f"{name}: alpha {best['alpha']} beta {best['beta']} WER {best['wer']:.2f} (even)")


def compare(options: argparse.Namespace) -> None:
    """The table of beam searches."""
    found: dict[str, dict[str, Any]] = {}
    for turn in range(options.rounds):
        for name, contestant in CONTESTANTS.items():
            lines = run(contestant, options, *weights(contestant), "--rounds", "2")
            if lines is None:
                if turn == 0:
                    print(f"{name}: not measured, as --{contestant.decoder}_python is not given")
                continue
            best = found.setdefault(name, lines[0])
            for kind in ("seconds", "processor_seconds"):
                best[kind] = min(best[kind], lines[0][kind])
    ours = found["standard"]
    title = f"beam {BEAM}, {ours['audio_seconds']:.0f} s of speech"
    print(
        f"\n{title:42}{'alpha':>6}{'beta':>6}{'WER':>7}{'odd':>7}{'wall':>9}{'real time':>11}"
        f"{'ratio':>7}{'processor':>11}{'ratio':>7}{'resident':>10}"
    )
    for name, line in found.items():
        odd = run(CONTESTANTS[name], options, *weights(CONTESTANTS[name]), "--part", "odd")
        assert odd is not None
        wall, processor = line["seconds"], line["processor_seconds"]
        print(
            f"{name:42}{line['alpha']:6}{line['beta']:6}{line['wer']:7.2f}{odd[0]['wer']:7.2f}"
            f"{wall:7.2f} s{line['audio_seconds'] / wall:10.0f}x{wall / ours['seconds']:7.2f}"
            f"{processor:9.2f} s{processor / ours['processor_seconds']:7.2f}"
            f"{line['resident_mb']:7} MB"
        )
    size = (options.data / "lm" / MODEL).stat().st_size / 1e6
    print(
        f"limit of resident memory: {LIMIT_FACTOR} x {size:.0f} MB + {LIMIT_MB} MB = "
        f"{LIMIT_FACTOR * size + LIMIT_MB:.0f} MB"
    )


def hot_words(options: argparse.Namespace) -> None:
    """The same utterances with more and more hot words and phrases."""
    contestant = CONTESTANTS["standard"]
    found: dict[int, dict[str, Any]] = {}
    for _ in range(options.rounds):
        for count in HOT_WORDS:
            more = ("--hot_words", str(count), "--rounds", "3")
            lines = run(contestant, options, *weights(contestant), *more)
            assert lines is not None
            best = found.setdefault(count, lines[0])
            best["processor_seconds"] = min(
                best["processor_seconds"], lines[0]["processor_seconds"]
            )
    print(f"\n{'hot words and phrases':>22}{'WER':>8}{'processor':>11}{'ratio':>8}")
    for count, line in found.items():
        seconds = line["processor_seconds"]
        ratio = seconds / found[0]["processor_seconds"]
        print(f"{count:22}{line['wer']:8.2f}{seconds:9.2f} s{ratio:8.2f}")


def greedy(options: argparse.Namespace) -> None:
    """Greedy decoding here, with words, times and confidence, and by loops in Python."""
    from open_seq2seq.data.text import Vocabulary
    from open_seq2seq.decoders.greedy import greedy_decode

    utterances, _ = common.load(options.data, "all")
    lengths = np.array([len(rows) for rows in utterances])
    batch = np.zeros((len(utterances), lengths.max(), len(common.SYMBOLS) + 1), np.float32)
    for row, logits in enumerate(utterances):
        batch[row, : len(logits)] = logits
    blank = len(common.SYMBOLS)
    vocabulary = Vocabulary(common.SYMBOLS)

    def frame_by_frame() -> list[str]:
        texts = []
        for logits in utterances:
            text, before = "", blank
            for row in logits:
                label = int(np.argmax(row))
                if label not in (before, blank):
                    text += common.SYMBOLS[label]
                before = label
            texts.append(text)
        return texts

    def same_results() -> list[str]:
        texts = []
        for logits in utterances:
            words: list[tuple[str, float, float, float]] = []
            text, start, end, before, score = "", 0, 0, blank, 0.0
            sure: list[float] = []  # of each symbol of the word, at its most certain frame
            for frame, row in enumerate(logits):
                label = int(np.argmax(row))
                log_prob = float(row[label] - np.log(np.exp(row).sum()))
                score += log_prob
                if label == before:
                    if label != blank and sure:
                        sure[-1] = max(sure[-1], log_prob)
                elif label != blank:
                    if common.SYMBOLS[label] == " ":
                        if text:
                            words.append((text, start, end, float(np.exp(np.mean(sure)))))
                        text, sure = "", []
                    else:
                        start = start if text else frame
                        text, end = text + common.SYMBOLS[label], frame
                        sure.append(log_prob)
                before = label
            if text:
                words.append((text, start, end, float(np.exp(np.mean(sure)))))
            texts.append(" ".join(word for word, *_ in words))
        return texts

    def grouped() -> list[str]:
        return [
            "".join(
                common.SYMBOLS[label]
                for label, _ in itertools.groupby(logits.argmax(axis=1).tolist())
                if label != blank
            )
            for logits in utterances
        ]

    def ours() -> list[str]:
        results = greedy_decode(batch, lengths, vocabulary, common.STEP)
        return [result.text for result in results]

    runs: dict[str, Callable[[], list[str]]] = {
        "greedy_decode": ours,
        "a loop over frames, text alone": frame_by_frame,
        "a loop over frames, same results": same_results,
        "itertools.groupby over argmax, text alone": grouped,
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    expected = [text.split() for text in grouped()]
    for _ in range(5):
        for name, decode in runs.items():
            started = time.perf_counter()
            texts = decode()
            seconds[name].append(time.perf_counter() - started)
            assert list(map(str.split, texts)) == expected
    print(f"\n{'greedy':44}{'seconds':>9}{'real time':>11}{'ratio':>8}")
    audio = lengths.sum() * common.STEP
    for name, times in seconds.items():
        fastest = min(times)
        ratio = fastest / min(seconds["greedy_decode"])
        print(f"{name:44}{fastest:9.4f}{audio / fastest:10.0f}x{ratio:8.2f}")


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="holds stored_logits/ and lm/")
    parser.add_argument("--flashlight_python", help="Python of an environment with flashlight-text")
    parser.add_argument("--pyctcdecode_python", help="Python of an environment with pyctcdecode")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each contestant")
    parser.add_argument("--tune", choices=GRIDS, help="search alpha and beta, and stop")
    options = parser.parse_args()
    if options.tune:
        tune(options.tune, options)
        return
    print(f"{cpu_name()}, {os.cpu_count()} cores; NumPy {np.__version__}")
    compare(options)
    hot_words(options)
    greedy(options)


if __name__ == "__main__":
    main()
