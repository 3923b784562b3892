"""All that decoding needs from files: utterances with logits, symbols, seconds per frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from open_seq2seq.data.normalization import normalizer
from open_seq2seq.decoding.logits_file import read_logits
from open_seq2seq.decoding.symbols import choose_vocabulary
from open_seq2seq.decoding.utterances import StoredUtterance, match_utterances

# What OpenSeq2Seq's models with stride 2 have; bare arrays don't say it.
_USUAL_STEP = 0.02


@dataclass(frozen=True)
class Stored:
    """A set of utterances that can be decoded.

    Args:
      utterances: in the order of the manifest, or of the file of logits.
      vocabulary: gives `symbols` and `decode(ids)`.
      step_size: seconds from one frame to the next.
      notes: what a user should know.
    """

    utterances: list[StoredUtterance]
    vocabulary: Any
    step_size: float
    notes: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Length of the recordings."""
        return self.step_size * sum(len(one.logits) for one in self.utterances)

    @property
    def references(self) -> list[str]:
        """Normalised, lower-cased texts, "" where there is none."""
        return [utterance.reference or "" for utterance in self.utterances]


def read_stored(
    logits: str,
    labels: str | None = None,
    vocab: str | None = None,
    bpe_model: str | None = None,
    step_size: float | None = None,
    need_reference: bool = False,
    text_normalization: str | None = None,
) -> Stored:
    """Reads logits with what belongs to them.

    Args:
      logits: a pickle or .npz; see `read_logits`.
      labels: the manifest, or None where the logits have names.
      vocab, bpe_model: at most one, a file of characters or a SentencePiece model; None: the
        symbols in the file of logits.
      step_size: seconds per frame; None: as the file of logits says, else 0.02 with a note.
      need_reference: whether every utterance must have a text.
      text_normalization: of the texts, as in training; None: none.

    Raises:
      InputError: a file cannot be used, or they do not belong together.
    """
    file = read_logits(logits)
    vocabulary = choose_vocabulary(file, vocab, bpe_model)
    utterances = match_utterances(file, labels, need_reference, normalizer(text_normalization))
    notes = []
    step_size = step_size or file.step_size
    if step_size is None:
        step_size = _USUAL_STEP
        notes.append(f"{logits} has no step_size: a frame is taken for {step_size} s.")
    return Stored(utterances, vocabulary, step_size, notes)
