"""How fast text is normalised: line by line, and many lines at once; MB of text a second of a core.

    python benchmarks/text_normalization.py TEXT [--repeat=3]

TEXT has a sentence in each line; `.gz` and so on as `open-seq2seq lm build` reads them. The best of
some repetitions, in time of the processor, which other work on the machine does not change. With
`lines that go alone` the share of the text that no block takes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from unittest.mock import patch

from open_seq2seq.data import normalized_lines as module
from open_seq2seq.data.normalization import NORMALIZERS
from open_seq2seq.data.text_files import read_lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text")
    parser.add_argument("--repeat", type=int, default=3)
    flags = parser.parse_args()
    lines = [text for _, text in read_lines([flags.text])]
    size = sum(len(line.encode()) + 1 for line in lines) / 1e6
    print(f"{len(lines)} lines, {size:.1f} MB")
    for name, normalize in NORMALIZERS.items():
        each = best(lambda normalize=normalize: list(map(normalize, lines)), flags.repeat)
        block = best(lambda name=name: module.normalized_lines(name, lines), flags.repeat)
        print(f"{name}: {size / each:.1f} MB/s by lines, {size / block:.1f} MB/s in blocks")
    alone: list[str] = []
    with patch.object(module, "librispeech_text", lambda line: alone.append(line) or line):
        module.normalized_lines("librispeech", lines)
    share = sum(map(len, alone)) / sum(map(len, lines))
    seconds = best(lambda: list(map(NORMALIZERS["librispeech"], alone)), 1)
    print(f"librispeech: lines that go alone {share:.1%}, {seconds:.2f} s of them")


def best(call: Callable[[], object], repeat: int) -> float:
    """Seconds of the processor."""
    taken = []
    for _ in range(repeat):
        begun = time.process_time()
        call()
        taken.append(time.process_time() - begun)
    return min(taken)


if __name__ == "__main__":
    main()
