"""Kaldi's acoustic models (nnet1, nnet2, nnet3): read, evaluated, and described as graphs.

Archives and script files are in `open_seq2seq.kaldi_io`.
"""

from open_seq2seq.interop.kaldi.network import Input, Network, Node, Output

__all__ = ["Input", "Network", "Node", "Output"]
