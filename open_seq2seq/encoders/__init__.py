"""Encoders, by the name a config gives them."""

from open_seq2seq.encoders.crnn import CRNNEncoder
from open_seq2seq.encoders.deepspeech2 import DeepSpeech2Encoder
from open_seq2seq.encoders.tdnn import TDNNEncoder

ENCODERS = {
    "TDNNEncoder": TDNNEncoder,
    "DeepSpeech2Encoder": DeepSpeech2Encoder,
    "CRNNEncoder": CRNNEncoder,
}

__all__ = ["ENCODERS", "CRNNEncoder", "DeepSpeech2Encoder", "TDNNEncoder"]
