"""Kaldi's networks with random weights, of shapes that people use; see `score.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from open_seq2seq.interop.kaldi import Input, Network, Output
from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.context import with_contexts
from open_seq2seq.interop.kaldi.draft import Draft


def random(*shape: int, scale: float = 0.0) -> np.ndarray:
    """Weights that keep the size of what they are multiplied with."""
    generator = np.random.default_rng(shape)
    return (generator.normal(size=shape) * (scale or shape[-1] ** -0.5)).astype(np.float32)


def dnn() -> Network:
    """6 layers of 2048 over 11 spliced frames of 40 features (nnet1), 3000 classes."""
    draft = Draft(names={"input"})
    last, dim = draft.add("splice", L.Splice(tuple(range(-5, 6)), clamp=True), ["input"], 440), 440
    for _ in range(6):
        last = draft.add("affine", L.Affine(random(2048, dim), random(2048)), [last], 2048)
        last, dim = draft.add("sigmoid", L.Activation("sigmoid"), [last], 2048), 2048
    last = draft.add("affine", L.Affine(random(3000, dim), random(3000)), [last], 3000)
    return Network(
        "nnet1", (Input("input", 40),), tuple(draft.nodes), (Output("output", last, 3000),), 5, 5
    )


def lstm() -> Network:
    """2 LSTMs of 800 cells projected to 512 (nnet1), 43 features and 1494 classes: rm_lstm4f."""
    draft = Draft(names={"input"})
    last, dim, cell, out = "input", 43, 800, 512
    for _ in range(2):
        layer = L.Lstm(
            random(4 * cell, dim), random(4 * cell, out), random(4 * cell),
            random(cell, scale=0.1), random(cell, scale=0.1), random(cell, scale=0.1),
            random(out, cell),
        )  # fmt: skip
        last, dim = draft.add("lstm", layer, [last], out), out
    last = draft.add("affine", L.Affine(random(1494, dim), random(1494)), [last], 1494)
    return Network(
        "nnet1", (Input("input", 43),), tuple(draft.nodes), (Output("output", last, 1494),)
    )


def tdnnf() -> Network:
    """13 factored TDNN layers of 1536 through 160 with i-vectors (nnet3), a third of the frames."""
    draft = Draft(names={"input", "ivector"})
    wide, narrow = 1536, 160
    spliced = draft.add("splice", L.Splice((-1, 0, 1)), ["input"], 120)
    fixed = draft.add("ivector.0", L.AtFrame(0), ["ivector"], 100)
    last = draft.add("append", L.Concatenate(), [spliced, fixed], 220)
    last = draft.add("lda", L.Affine(random(220, 220), random(220)), [last], 220)
    last = draft.add("affine", L.Affine(random(wide, 220), random(wide)), [last], wide)
    last = draft.add("relu", L.Activation("relu"), [last], wide)
    for step in (1, 1, 1, 0, 3, 3, 3, 3, 3, 3, 3, 3):
        before, ahead = ((-step, 0), (0, step)) if step else ((0,), (0,))
        linear = L.Tdnn(before, random(narrow, wide * len(before)))
        x = draft.add("linear", linear, [last], narrow)
        affine = L.Tdnn(ahead, random(wide, narrow * len(ahead)), random(wide))
        x = draft.add("affine", affine, [x], wide)
        x = draft.add("relu", L.Activation("relu"), [x], wide)
        x = draft.add("batchnorm", L.Diagonal(random(wide), random(wide)), [x], wide)
        bypass = draft.add("scale", L.Diagonal(np.full(1, 0.66, np.float32)), [last], wide)
        last = draft.add("sum", L.Sum(), [bypass, x], wide)
    last = draft.add("prefinal", L.Affine(random(256, wide)), [last], 256)
    last = draft.add("output.affine", L.Affine(random(3000, 256), random(3000)), [last], 3000)
    network = Network(
        "nnet3",
        (Input("input", 40), Input("ivector", 100, per_utterance=True)),
        tuple(draft.nodes),
        (Output("output", last, 3000),),
        frame_subsampling=3,
    )
    return with_contexts(network)


NETWORKS = {"dnn": dnn, "lstm": lstm, "tdnnf": tdnnf}
