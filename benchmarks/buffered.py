"""What a model that needs whole recordings loses in windows that overlap, by chunk and overlap.

    python benchmarks/buffered.py
    python benchmarks/buffered.py --words=40 --chunks 0.5 1 2 --overlaps 0.5 1 2

The packaged model of digits, whose features are normalised by the whole recording, on its test
split: words of a speaker in an order that a seed draws, with up to 0.4 s of faint noise between
them. Compared are the words alone; each recording whole; cut at pauses, as `transcribe` and
`--mode=infer` cut what is longer than anything in training; and streams of windows
(`buffered_stream`), whose chunk has an overlap on both sides. Greedy; `cost` is seconds computed
for a second of audio. Text comes a chunk and an overlap late at most. The model has learned words
alone and writes no spaces between them, so that characters are counted, spaces left out.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from open_seq2seq import Recognizer
from open_seq2seq.data.audio import read_audio
from open_seq2seq.metrics.error_rate import count_errors
from open_seq2seq.streaming import WindowLengths

DIGITS = Path(__file__).resolve().parents[1] / "example_data/digits"
_LONGEST_GAP = 0.4
_NOISE = 10 ** (-60 / 20)
_LINE = "{:34} {:>8} {:>8}"


class Word(NamedTuple):
    """A recording of the test split: `[n]` float32, what is said, and who says it."""

    samples: np.ndarray
    text: str
    speaker: str


def words_alone(rate: int) -> list[Word]:
    """The test split."""
    with open(DIGITS / "test.csv", encoding="utf-8", newline="") as manifest:
        rows = [(row["wav_filename"], row["transcript"]) for row in csv.DictReader(manifest)]
    return [Word(read_audio(DIGITS / name, rate), text, name.split("_")[1]) for name, text in rows]


def recordings_of(words: Sequence[Word], count: int, rate: int, seed: int) -> list[Word]:
    """The same words, `count` of a speaker to a recording, with noise between them."""
    rng = np.random.default_rng(seed)
    found = []
    for speaker in sorted({one.speaker for one in words}):
        own = [one for one in words if one.speaker == speaker]
        order = rng.permutation(len(own))
        for first in range(0, len(order), count):
            chosen = [own[one] for one in order[first : first + count]]
            parts: list[np.ndarray] = []
            for one in chosen:
                gap = int(rng.uniform(0.0, _LONGEST_GAP) * rate)
                parts += [one.samples, _NOISE * rng.standard_normal(gap).astype(np.float32)]
            text = " ".join(one.text for one in chosen)
            found.append(Word(np.concatenate(parts), text, speaker))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=25, help="of a recording")
    parser.add_argument("--chunks", type=float, nargs="+", default=[0.5, 1.0, 2.0, 4.0])
    parser.add_argument("--overlaps", type=float, nargs="+", default=[0.0, 0.25, 0.5, 1.0, 2.0])
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args(arguments)
    config = str(DIGITS / "model/config.py")
    recognizer = Recognizer.load(config)
    uncut = Recognizer.load(config, ["--segmentation/enabled=False"])
    freq = recognizer.sample_freq
    words = words_alone(freq)
    recordings = recordings_of(words, flags.words, freq, flags.seed)
    seconds = sum(len(one.samples) for one in recordings) / freq
    print(
        f"{len(words)} words in {len(recordings)} recordings of "
        f"{seconds / len(recordings):.1f} s on average"
    )
    print(_LINE.format("", "CER", "cost"))

    def show(
        name: str,
        data: Sequence[Word],
        texts: Callable[[list[np.ndarray]], list[str]],
        cost: float | None = None,
    ) -> None:
        found = texts([one.samples for one in data])
        expected = [one.text.replace(" ", "") for one in data]
        rate = count_errors(expected, [text.replace(" ", "") for text in found]).characters.rate
        shown = "" if cost is None else f"{cost:.1f}"
        print(_LINE.format(name, f"{100 * rate:.2f} %", shown), flush=True)

    show("words alone", words, lambda all: [one.text for one in recognizer.transcribe(all)])
    show("whole", recordings, lambda all: [one.text for one in uncut.transcribe(all)], 1.0)
    show("cut at pauses", recordings, lambda all: [one.text for one in recognizer.transcribe(all)])
    for chunk in flags.chunks:
        for overlap in flags.overlaps:
            windows = WindowLengths(overlap, chunk, overlap)

            def texts(all: list[np.ndarray], windows: WindowLengths = windows) -> list[str]:
                return [streamed(recognizer, samples, windows) for samples in all]

            name = f"chunk {chunk:g} s, overlap {overlap:g} s"
            show(name, recordings, texts, (chunk + 2 * overlap) / chunk)


def streamed(recognizer: Recognizer, samples: np.ndarray, windows: WindowLengths) -> str:
    """The text of a stream of windows."""
    session = recognizer.buffered_stream(windows=windows)
    session.accept(samples)
    return session.finish().text


if __name__ == "__main__":
    main()
