"""All that decoding needs from files: utterances with logits, symbols, seconds per frame."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from open_seq2seq.data.normalization import NORMALIZERS, lower_caser, normalizer
from open_seq2seq.data.transcripts import empty_note
from open_seq2seq.stored_logits.logits_file import read_logits
from open_seq2seq.stored_logits.symbols import choose_vocabulary
from open_seq2seq.stored_logits.utterances import StoredUtterance, match_utterances
from open_seq2seq.vocabulary import SymbolTexts, is_separated

# What OpenSeq2Seq's models with stride 2 have; bare arrays don't say it.
_USUAL_STEP = 0.02


@dataclass(frozen=True)
class Stored:
    """A set of utterances that can be decoded.

    Args:
      utterances: in the order of the manifest, or of the file of logits.
      vocabulary: of the logits.
      step_size: seconds from one frame to the next.
      notes: what a user should know.
      lower: how texts are lower-cased before they are compared.
    """

    utterances: list[StoredUtterance]
    vocabulary: SymbolTexts
    step_size: float
    notes: list[str] = field(default_factory=list)
    lower: Callable[[str], str] = str.lower

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
    blank: int | None = None,
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
      blank: its class in the file of logits; None: the last one.

    Raises:
      InputError: a file cannot be used, or they do not belong together.
    """
    file = read_logits(logits, blank)
    vocabulary = choose_vocabulary(file, vocab, bpe_model)
    lower, normalize = (
        lower_caser(text_normalization, vocabulary.symbols),
        normalizer(text_normalization),
    )
    utterances = match_utterances(file, labels, need_reference, lambda text: lower(normalize(text)))
    notes = [f"{logits}: {note}" for note in file.notes]
    step_size = step_size or file.step_size
    if step_size is None:
        step_size = _USUAL_STEP
        notes.append(f"{logits} has no step_size: a frame is taken for {step_size} s.")
    note = references_note(utterances, vocabulary.symbols, lower)
    if note and need_reference:
        notes.append(note)
    if need_reference:
        empty = sum(not (one.reference or "").strip() for one in utterances)
        notes += [empty_note(empty, len(utterances))] if empty else []
    return Stored(utterances, vocabulary, step_size, notes, lower)


def references_note(
    utterances: Sequence[StoredUtterance], symbols: Sequence[str], lower: Callable[[str], str]
) -> str | None:
    """A sentence where references have characters that the model cannot write; else None.

    Each of them counts as an error that no decoding can avoid.
    """
    if is_separated(symbols):
        return None  # phonemes write no characters
    # SentencePiece normalises what it writes: ½ is 1⁄2 there.
    can = set(unicodedata.normalize("NFKC", lower("".join(symbols)))) | set(lower("".join(symbols)))
    outside: Counter[str] = Counter()
    count = 0
    for utterance in utterances:
        unknown = [c for c in utterance.reference or "" if c not in can and not c.isspace()]
        outside.update(unknown)
        count += bool(unknown)
    if not outside:
        return None
    shown = ", ".join(f"{c!r} {times} times" for c, times in outside.most_common(5))
    remedies = []
    texts = [utterance.reference or "" for utterance in utterances]
    for name in NORMALIZERS:
        normalize = normalizer(name)
        left = sum(not can.issuperset(lower(normalize(text)).replace(" ", "")) for text in texts)
        remedies.append((left, name))
    left, name = min(remedies)
    mends = f" --text_normalization={name} mends {count - left} of them." if left < count else ""
    return (
        f"WARNING: {count} of {len(texts)} references have characters that the model cannot write "
        f"({shown}{', ...' if len(outside) > 5 else ''}): they count as errors.{mends}"
    )
