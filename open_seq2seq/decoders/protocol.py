"""What every decoder does, greedy or with a beam: logits in, texts out."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from open_seq2seq.decode_result import DecodeResult, Partial


class DecodingStream(Protocol):
    """An utterance whose frames come one after the other; cuts do not change the result."""

    def accept(self, logits: np.ndarray) -> None:
        """Takes the next frames, [time, symbol + 1], any number of them; blank last.

        Raises:
          InputError: they are no logits of this network.
        """

    def partial(self) -> Partial:
        """The text so far, the part of it that will not change any more, and its words."""

    def end_cost(self) -> float:
        """How much more probable (natural logarithm) what was heard is if the utterance goes on.

        0: it may as well end here; infinite: it can't.
        """

    def finish(self) -> DecodeResult:
        """The result, as if the utterance ended here; more frames may follow all the same."""

    def reset(self) -> None:
        """Begins another utterance."""


class Decoder(Protocol):
    """From logits to texts; made for a network's symbols and frame shift.

    `note`: what the user should know of it (of its language model), or None.
    `pronounced`: whether texts are words of a lexicon of pronunciations, not the symbols' own.
    """

    note: str | None

    @property
    def pronounced(self) -> bool:
        """See the class."""

    def decode(self, logits: np.ndarray, lengths: np.ndarray) -> list[DecodeResult]:
        """The best hypothesis of each utterance.

        Args:
          logits: [batch, time, symbol + 1], unnormalised, blank last.
          lengths: [batch], the frames that count.

        Returns:
          [batch]; see `greedy_decode` and `ctc_decoder_with_lm` for times, confidences, score.
        """

    def stream(self) -> DecodingStream:
        """Begins an utterance whose frames come one after the other."""
