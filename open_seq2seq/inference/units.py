"""What an evaluation counts: words, or phonemes."""

from __future__ import annotations

from dataclasses import dataclass

from open_seq2seq.data.manifest import Utterance
from open_seq2seq.data.protocols import SpeechRecordings
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.vocabulary import is_separated

_SHOWN = 3


@dataclass(frozen=True)
class Units:
    """What is compared.

    Args:
      label: of the error rate, "WER" or "PER".
      in_words: whether an utterance's `words` are its reference, instead of its transcript.
    """

    label: str = "WER"
    in_words: bool = False

    def reference(self, utterance: Utterance) -> str:
        """What should have been recognised."""
        return (utterance.words if self.in_words else utterance.transcript) or ""


def units_of(recognizer: Recognizer, data: SpeechRecordings) -> Units:
    """What a recogniser's texts are compared with.

    A network of phonemes gives words where its decoder has a lexicon; its manifests' transcripts
    are phonemes.

    Raises:
      InputError: texts are words, and utterances have only phonemes.
    """
    if not is_separated(recognizer.vocabulary.symbols):
        return Units()
    if not recognizer.decoder.pronounced:
        return Units("PER")
    without = [one.source for one in data.utterances if one.words is None]
    if without:
        found = f"{len(without)} rows without words: {', '.join(without[:_SHOWN])}"
        expected = "a column words: the lexicon makes words of the phonemes"
        remedy = "`open-seq2seq lexicon --manifest ... --output ...` writes it."
        raise InputError("Words cannot be counted:", [Problem("manifest", found, expected, remedy)])
    return Units("WER", in_words=True)
