"""DeepSpeech's and Coqui STT's Python interface: their programs with our models.

from open_seq2seq.compat.deepspeech import Model

model = Model("my_model")  # an exported folder, or a config file
model.enableExternalScorer("kenlm.scorer")
print(model.stt(samples))  # int16, one channel, model.sampleRate()

What differs from theirs: docs/deepspeech.md. Facts about theirs are from
native_client/python/__init__.py and native_client/deepspeech.h of mozilla/DeepSpeech 0.9.3 and
coqui-ai/STT 1.4.
"""

from open_seq2seq.compat.deepspeech.errors import DeepSpeechError
from open_seq2seq.compat.deepspeech.metadata import (
    CandidateTranscript,
    Metadata,
    TokenMetadata,
)
from open_seq2seq.compat.deepspeech.model import Model
from open_seq2seq.compat.deepspeech.stream import Stream
from open_seq2seq.version import __version__

__all__ = [
    "CandidateTranscript",
    "DeepSpeechError",
    "Metadata",
    "Model",
    "Stream",
    "TokenMetadata",
    "version",
]


def version() -> str:
    """The framework's version."""
    return __version__
