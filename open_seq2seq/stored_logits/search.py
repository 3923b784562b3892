"""Beam search over stored logits: one decoder, called for each pair of alpha and beta."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ctc_decoder_with_lm import BeamSearchDecoder
from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.decoders.greedy import greedy_decode
from open_seq2seq.stored_logits.utterances import StoredUtterance
from open_seq2seq.vocabulary import SymbolTexts

# Utterances a thread decodes between two reports of progress.
_PER_THREAD = 8


@dataclass
class Search:
    """A beam search over a fixed set of utterances.

    Args:
      decoder: the search.
      utterances: what is decoded.
      beam_width: hypotheses kept.
      threads: how many utterances are decoded at the same time.
      options: further arguments of `decode_batch`: cutoffs, hot words, weights.
    """

    decoder: BeamSearchDecoder
    utterances: Sequence[StoredUtterance]
    beam_width: int
    threads: int
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def chunks(self) -> int:
        """How many times `decode` reports progress."""
        return -(-len(self.utterances) // (_PER_THREAD * self.threads))

    def decode(
        self, alpha: float, beta: float, nbest: int = 1, done: Callable[[], None] | None = None
    ) -> list[DecodeResult]:
        """One result for each utterance, in their order.

        Args:
          alpha: weight of the language models, in the scoring's unit.
          beta: bonus of each word.
          nbest: hypotheses in each result.
          done: called after each chunk.
        """
        # Utterances of like length end together, so no thread waits for another.
        order = sorted(range(len(self.utterances)), key=lambda i: len(self.utterances[i].logits))
        results: dict[int, DecodeResult] = {}
        size = _PER_THREAD * self.threads
        for start in range(0, len(order), size):
            chunk = order[start : start + size]
            decoded = self.decoder.decode_batch(
                [self.utterances[index].logits for index in chunk],
                None,
                alpha=alpha,
                beta=beta,
                beam_width=self.beam_width,
                nbest=nbest,
                threads=self.threads,
                **self.options,
            )
            results.update(zip(chunk, decoded))
            if done is not None:
                done()
        return [results[index] for index in range(len(order))]


def decode_greedily(
    utterances: Sequence[StoredUtterance], vocabulary: SymbolTexts, step_size: float
) -> list[DecodeResult]:
    """The greedy result of each utterance; needs neither a language model nor C++."""
    return [
        greedy_decode(one.logits[None], np.array([len(one.logits)]), vocabulary, step_size)[0]
        for one in utterances
    ]
