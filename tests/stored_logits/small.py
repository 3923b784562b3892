"""A small corpus of logits, with a bigram model, for tests of the decoding scripts."""

import numpy as np

SYMBOLS = [" ", "a", "b", "c", "é"]
TEXTS = ["ab ca", "ca ba é", "ab ab", "bac", "é ab bac"]

ARPA = """\\data\\
ngram 1=8
ngram 2=4

\\1-grams:
-1.2	<unk>	0
0	<s>	-0.3
-1.0	</s>	0
-0.6	ab	-0.2
-0.8	ca	-0.2
-0.9	ba	-0.2
-0.9	bac	-0.2
-1.1	é	-0.2

\\2-grams:
-0.2	<s> ab
-0.3	ab bac
-0.4	ab ab
-0.3	ca ba

\\end\\
"""


def logits_of(text, seed, noise=1.2):
    """[time, 6] float32: every symbol for 2 frames with a blank after it, and noise."""
    rng = np.random.default_rng(seed)
    path = [c for symbol in text for c in (*[SYMBOLS.index(symbol)] * 2, len(SYMBOLS))]
    logits = rng.normal(0, noise, (len(path), len(SYMBOLS) + 1))
    logits[np.arange(len(path)), path] += 1.7
    return logits.astype(np.float32)


def dump(texts=TEXTS, **more):
    """What inference writes, for recordings 0.wav, 1.wav, ..."""
    return {
        "logits": {f"{i}.wav": logits_of(text, i) for i, text in enumerate(texts)},
        "step_size": 0.02,
        "vocab": dict(enumerate(SYMBOLS)),
        **more,
    }


def manifest(texts=TEXTS):
    """A CSV of the same recordings; one reference is in capitals."""
    rows = [f"{i}.wav,0,{text.upper() if i == 0 else text}" for i, text in enumerate(texts)]
    return "\n".join(["wav_filename,wav_filesize,transcript", *rows]) + "\n"
