"""Small networks of Kaldi's layers."""

import numpy as np

from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.network import Input, Network, Node, Output


def chain(dim, *layers, kind="nnet1", **fields):
    """A network of layers that follow each other: (layer, width of its output) each."""
    nodes, before = [], "input"
    for number, (layer, width) in enumerate(layers):
        name = f"{type(layer).__name__.lower()}{number}"
        nodes.append(Node(name, layer, (before,), width))
        before = name
    output = Output("output", before, layers[-1][1])
    return Network(kind, (Input("input", dim),), tuple(nodes), (output,), **fields)


def random_affine(random, dim, width):
    weight = random.normal(size=(width, dim)) / np.sqrt(dim)
    return L.Affine(weight.astype(np.float32), random.normal(size=width).astype(np.float32) * 0.3)


def dnn(seed=0, dim=6, width=16, classes=5, depth=3, softmax=False, kind="sigmoid"):
    """Splice, shift and scale, sigmoid layers, an affine output: an nnet1 DNN."""
    random = np.random.default_rng(seed)
    layers = [
        (L.Splice((-1, 0, 1), clamp=True), 3 * dim),
        (L.Diagonal(None, random.normal(size=3 * dim).astype(np.float32)), 3 * dim),
        (L.Diagonal(random.uniform(0.5, 1.5, 3 * dim).astype(np.float32), None), 3 * dim),
    ]
    before = 3 * dim
    for _ in range(depth):
        layers += [(random_affine(random, before, width), width), (L.Activation(kind), width)]
        before = width
    layers.append((random_affine(random, before, classes), classes))
    if softmax:
        layers.append((L.Softmax(), classes))
    return chain(dim, *layers)


def features(seed=1, frames=30, dim=6):
    return np.random.default_rng(seed).normal(size=(frames, dim)).astype(np.float32) * 2
