"""Names of OpenSeq2Seq that are elsewhere here, and those that belong to other tasks."""

from __future__ import annotations

import ast
from collections.abc import Iterator

# Modules of OpenSeq2Seq whose components are in another module here.
MOVED_MODULES = {
    "open_seq2seq.decoders.fc_decoder": "open_seq2seq.decoders",
    "open_seq2seq.decoders.fc_decoders": "open_seq2seq.decoders",
    "open_seq2seq.encoders.ds2_encoder": "open_seq2seq.encoders",
    "open_seq2seq.encoders.tdnn_encoder": "open_seq2seq.encoders",
    "open_seq2seq.encoders.w2l_encoder": "open_seq2seq.encoders",
    "open_seq2seq.losses.ctc_loss": "open_seq2seq.losses",
}

# Components that OpenSeq2Seq renamed; configs of its first releases have the old name.
RENAMED = {"Wave2LetterEncoder": "TDNNEncoder"}

# What the names that a config imports say about its task; the first task that fits is meant.
# A name ending in * stands for all names that begin so.
_TASKS = {
    "speech command classification": ("SpeechCommandsDataLayer", "FullyConnectedSCDecoder"),
    "attention-based speech recognition": (
        "ListenAttendSpell*",
        "JointCTCAttentionDecoder",
        "MultiTaskCTCEntropyLoss",
    ),
    "speech synthesis": (
        "Text2Speech*",
        "Tacotron*",
        "Wavenet*",
        "Centaur*",
        "text2speech",
        "tacotron",
        "centaur",
    ),
    "sentiment analysis": ("IMDBDataLayer", "SSTDataLayer"),
    "language modelling": (
        "LSTMLM",
        "LM*",
        "WKTDataLayer",
        "WikiText*",
        "Wikitext*",
        "WeightDrop*",
        "lm",
        "lm_encoders",
        "lm_decoders",
        "lstm_lm",
    ),
    "image classification": (
        "Image2Label",
        "ResNetEncoder",
        "CNNEncoder",
        "CifarDataLayer",
        "ImagenetDataLayer",
        "image2label",
    ),
    "machine translation": (
        "Text2Text",
        "ParallelText*",
        "SpecialTextTokens",
        "Transformer*",
        "ConvS2S*",
        "GNMT*",
        "*RNNEncoderWithEmbedding",
        "RNNDecoderWithAttention",
        "BeamSearchRNNDecoderWithAttention",
        "BasicSequenceLoss",
        "*CrossEntropyLossWithSmoothing",
        "text2text",
        "convs2s",
        "transformer",
    ),
}


def other_task(text: str) -> tuple[str, str] | None:
    """The task that a config is for, by what it imports, if it is not CTC speech recognition.

    Args:
      text: the config's source.

    Returns:
      The task and the imported name that says so, or None.
    """
    imported = list(_imported_from_us(text))
    for task, patterns in _TASKS.items():
        for name in imported:
            if any(_fits(name, pattern) for pattern in patterns):
                return task, name
    return None


def _imported_from_us(text: str) -> Iterator[str]:
    """The last parts of all names that a source imports from `open_seq2seq`, then its modules."""
    modules = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("open_seq2seq"):
            modules += (node.module or "").split(".")[1:]
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                modules += parts[1:] if parts[0] == "open_seq2seq" else []
    yield from modules


def _fits(name: str, pattern: str) -> bool:
    if pattern.startswith("*"):
        return name.endswith(pattern[1:])
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
