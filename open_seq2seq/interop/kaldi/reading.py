"""Kaldi's models, of whichever of its libraries."""

from __future__ import annotations

import os

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.interop.kaldi.fields import ModelReader
from open_seq2seq.interop.kaldi.network import Network
from open_seq2seq.interop.kaldi.nnet1 import MARKERS, read_nnet1
from open_seq2seq.interop.kaldi.nnet2 import read_nnet2
from open_seq2seq.interop.kaldi.nnet3 import read_nnet3
from open_seq2seq.interop.kaldi.transition_model import skip_transition_model
from open_seq2seq.kaldi_io.opening import opened
from open_seq2seq.kaldi_io.source import Source, shown
from open_seq2seq.kaldi_io.values import ValueReader

_EXPECTED = "a network of Kaldi's: nnet1 or nnet2 (<Nnet>), or nnet3 (<Nnet3>)"
_MOST_FEATURES, _MOST_PADDING = 1_000_000, 100_000_000
_OTHERS = {
    "<DIMENSION>": "a GMM, not a network",
    "<DiagGMM>": "a GMM, not a network",
    "<NUMPDFS>": "a GMM, not a network",
    "<Rnnlm>": "a language model",
    "<Plda>": "a PLDA model",
    "<IvectorExtractor>": "an extractor of i-vectors",
}


def read_network(path: str | os.PathLike[str]) -> Network:
    """The network of a model file, binary or text, gzip too.

    Args:
      path: nnet1's `final.nnet` or feature transform, nnet2's or nnet3's `final.mdl` or a raw one.

    Raises:
      InputError: it is damaged, none of these, or has components that are not known: all of them
        are named, with their index and byte.
    """
    with opened(os.fspath(path)) as source:
        return read_network_of(source)


def read_network_of(source: Source) -> Network:
    """The same of what is opened."""
    binary = source.peek(2) == b"\0B"
    if binary:
        source.skip(2, "a model")
    reader = ModelReader(ValueReader(source, binary))
    values = reader.values
    is_model = values.peek_token() == "<TransitionModel>"
    start = source.position
    if is_model:
        skip_transition_model(reader)
    token = values.peek_token()
    if token == "<Nnet3>":
        return _checked(read_nnet3(reader, is_model), source)
    if token.lower() == "<nnet>":
        begin = source.peek(400).split(None, 2)
        is_nnet2 = is_model or (len(begin) > 1 and begin[1] == b"<NumComponents>")
        network = read_nnet2(reader, is_model) if is_nnet2 else read_nnet1(reader)
        return _checked(network, source)
    if token.startswith("<") and token[1:-1].lower() in MARKERS:
        return _checked(read_nnet1(reader), source)
    found = _OTHERS.get(token) or f"{shown(source.peek(20))}"
    raise InputError(
        f"{source.name} is no network:",
        [Problem(f"{source.name}: byte {source.position or start}", found, _EXPECTED)],
    )


def _checked(network: Network, source: Source) -> Network:
    """Sizes that no network has, and what is behind it, where files were joined by mistake.

    Layers without weights say what they like of their sizes: nothing in the file stands for them.
    """
    sizes = [(one.dim, one.name) for one in network.inputs]
    largest, name = max(sizes + [(one.dim, one.name) for one in network.nodes])
    if largest > _MOST_FEATURES:
        found = f"{largest} features of {name[:60]}"
        source.fail(found, f"at most {_MOST_FEATURES}", at=0)
    contexts = network.left_context + network.right_context
    if contexts * network.inputs[0].dim > _MOST_PADDING:
        found = f"contexts of {contexts} frames of {network.inputs[0].dim} features"
        source.fail(found, f"at most {_MOST_PADDING} numbers", at=0)
    source.skip_spaces()
    if not source.at_end():
        source.fail(shown(source.peek(20)), "the end of the file", "It holds more than a network.")
    return network
