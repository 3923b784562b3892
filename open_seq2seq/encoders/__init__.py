"""Encoders, by the name a config gives them."""

from open_seq2seq.encoders.conformer import ConformerEncoder
from open_seq2seq.encoders.crnn import CRNNEncoder
from open_seq2seq.encoders.deepspeech2 import DeepSpeech2Encoder
from open_seq2seq.encoders.tdnn import TDNNEncoder
from open_seq2seq.encoders.text.lstm_lm import LSTMLMEncoder
from open_seq2seq.encoders.text.transformer_lm import TransformerLMEncoder

ENCODERS = {
    "TDNNEncoder": TDNNEncoder,
    "DeepSpeech2Encoder": DeepSpeech2Encoder,
    "ConformerEncoder": ConformerEncoder,
    "CRNNEncoder": CRNNEncoder,
}

# Those of language models, which are given embedded tokens.
LM_ENCODERS = {
    "TransformerLMEncoder": TransformerLMEncoder,
    "LSTMLMEncoder": LSTMLMEncoder,
}

__all__ = [
    "ENCODERS",
    "LM_ENCODERS",
    "CRNNEncoder",
    "ConformerEncoder",
    "DeepSpeech2Encoder",
    "LSTMLMEncoder",
    "TDNNEncoder",
    "TransformerLMEncoder",
]
