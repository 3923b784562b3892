"""Kaldi's acoustic models (nnet1, nnet2, nnet3): read, evaluated, and described as graphs.

Archives and script files are in `open_seq2seq.kaldi_io`.
"""

from open_seq2seq.interop.kaldi.evaluate import Evaluator, Stream
from open_seq2seq.interop.kaldi.network import Input, Network, Node, Output
from open_seq2seq.interop.kaldi.reading import read_network

__all__ = ["Evaluator", "Input", "Network", "Node", "Output", "Stream", "read_network"]
