"""How long after a word's end in the audio the word stands in a stream's text.

    python benchmarks/word_latency.py
    python benchmarks/word_latency.py --chunks 0.25 0.5 1 --overlap=0.5 --recordings=6

The packaged model of digits, which needs whole recordings, as a stream of windows that overlap
(`buffered_stream`), on words of its test split that follow each other after pauses, so that their
ends are known. Samples come 10 ms at a time. A word is there when the text, spaces left out, begins
with it and all words before it; words that are recognised otherwise are left out, and counted.

    look-ahead   sound behind its end that the window of a word's last row takes
    chunk        until that window is full; less than nothing where the network says the last
                 symbol before the word's end
    compute      of the windows that give it: the processor's time, which other work on the machine
                 changes little
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.buffered import DIGITS, words_alone
from benchmarks.stream_latency import shown
from open_seq2seq import Recognizer
from open_seq2seq.streaming import WindowLengths

_STEP, _PAUSES, _NOISE = 0.01, (0.3, 0.8), 10 ** (-60 / 20)
_LINE = "{:>8} {:>20} {:>20} {:>20} {:>22} {:>12}"


class Spoken(NamedTuple):
    """Words that follow each other: `samples` `[n]`, each word and the second it ends at."""

    samples: np.ndarray
    words: list[str]
    ends: list[float]


def spoken(count: int, length: int, rate: int) -> list[Spoken]:
    """So many recordings of so many words of one speaker each, with pauses of faint noise."""
    rng, words = np.random.default_rng(0), words_alone(rate)
    speakers = sorted({one.speaker for one in words})
    found = []
    for number in range(count):
        own = [one for one in words if one.speaker == speakers[number % len(speakers)]]
        parts: list[np.ndarray] = []
        texts, ends = [], []
        for one in rng.permutation(len(own))[:length]:
            parts.append(own[one].samples)
            texts.append(own[one].text)
            ends.append(sum(map(len, parts)) / rate)
            pause = int(rng.uniform(*_PAUSES) * rate)
            parts.append(_NOISE * rng.standard_normal(pause).astype(np.float32))
        found.append(Spoken(np.concatenate(parts), texts, ends))
    return found


def latencies(
    recognizer: Recognizer, recording: Spoken, windows: WindowLengths
) -> list[tuple[float, float]]:
    """Of each word that is recognised: seconds of sound and of computing from its end on."""
    rate = recognizer.sample_freq
    session = recognizer.buffered_stream(windows=windows)
    size, found, texts = round(_STEP * rate), [], []
    for first in range(0, len(recording.samples), size):
        begun = time.process_time()
        partial = session.accept(recording.samples[first : first + size])
        texts.append((partial.text.replace(" ", ""), time.process_time() - begun))
    final = session.finish().text.replace(" ", "")
    said = ""
    for word, end in zip(recording.words, recording.ends):
        said += word
        if not final.startswith(said):
            break  # what follows cannot be told apart
        steps = [step for step, (text, _) in enumerate(texts) if text.startswith(said)]
        if steps:
            found.append(((steps[0] + 1) * _STEP - end, texts[steps[0]][1]))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chunks", type=float, nargs="+", default=[0.25, 0.5, 1.0])
    parser.add_argument("--overlap", type=float, default=0.5, help="seconds on both sides")
    parser.add_argument("--recordings", type=int, default=12)
    parser.add_argument("--words", type=int, default=8, help="of a recording")
    flags = parser.parse_args(arguments)
    recognizer = Recognizer.load(str(DIGITS / "model/config.py"))
    recordings = spoken(flags.recordings, flags.words, recognizer.sample_freq)
    print("p50 / p95 / p99 in ms from a word's end on")
    print(_LINE.format("chunk", "look-ahead", "chunk", "compute", "all", "words"))
    for chunk in flags.chunks:
        windows = WindowLengths(flags.overlap, chunk, flags.overlap)
        found = np.array(
            [pair for one in recordings for pair in latencies(recognizer, one, windows)]
        )
        sound, compute = found[:, 0], found[:, 1]
        look_ahead = np.full(len(sound), flags.overlap)
        parts = [shown(one) for one in (look_ahead, sound - look_ahead, compute, sound + compute)]
        all_words = flags.recordings * flags.words
        head = f"{1000 * chunk:.0f}"
        print(_LINE.format(head, *parts, f"{len(found)} of {all_words}"), flush=True)


if __name__ == "__main__":
    main()
