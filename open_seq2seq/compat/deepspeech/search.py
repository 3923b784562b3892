"""The beam search of DeepSpeech's `Model`: what can be set between two calls, and the decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ctc_decoder_with_lm import BeamSearchDecoder, LanguageModel, Scoring, SearchOptions
from ctc_decoder_with_lm.search_options import SCORER_PACKAGE_SCORING
from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.decoders import DecodingStream
from open_seq2seq.decoders.beam_search import lexicon_note, make_beam_search

# What DeepSpeech's models were exported with.
BEAM_WIDTH = 500


@dataclass
class Search:
    """A `Decoder`, which is replaced when something of it is set; the native one is shared.

    Args:
      decoder: with the scorer's language model, or without any.
      beam_width: hypotheses kept.
      alpha, beta: of the scorer.
      hot_words: word -> boost. A boost counts alpha times, as the word's own score does.
      nbest: candidates.
      note: see `Decoder`.
    """

    decoder: BeamSearchDecoder
    beam_width: int = BEAM_WIDTH
    alpha: float = 0.0
    beta: float = 0.0
    hot_words: Mapping[str, float] = field(default_factory=dict)
    nbest: int = 1
    note: str | None = None

    @classmethod
    def plain(cls, symbols: Sequence[str], frame_shift: float) -> Search:
        """Without a scorer: any sequence of symbols.

        Args:
          symbols: the network's, without the blank.
          frame_shift: seconds from one frame to the next.

        Raises:
          InputError: the decoder is not built.
        """
        # DeepSpeech drops symbols by this rule where there is a scorer only.
        scoring = replace(Scoring.preset(SCORER_PACKAGE_SCORING), min_cutoff=False)
        return cls(make_beam_search(symbols, [], scoring, frame_shift))

    @property
    def pronounced(self) -> bool:
        """See `Decoder`."""
        return self.decoder.pronounced

    @property
    def has_scorer(self) -> bool:
        """Whether there is a language model."""
        return bool(self.decoder.language_models)

    def with_scorer(self, model: LanguageModel) -> Search:
        """The same with a scorer package, or any language model that has its words.

        Alpha and beta are the package's; of another file those of `SearchOptions`.

        Raises:
          InputError: it does not fit the network.
        """
        decoder = BeamSearchDecoder(
            self.decoder.symbols, model, SCORER_PACKAGE_SCORING, step_size=self.decoder.step_size
        )
        usual = SearchOptions()
        package = model.package
        alpha, beta = (package.alpha, package.beta) if package else (usual.alpha, usual.beta)
        note = lexicon_note(decoder)
        return replace(self, decoder=decoder, alpha=alpha, beta=beta, note=note)

    def without_scorer(self) -> Search:
        """The same with any sequence of symbols."""
        plain = Search.plain(self.decoder.symbols, self.decoder.step_size)
        return replace(self, decoder=plain.decoder, alpha=0.0, beta=0.0, note=None)

    def _options(self) -> dict[str, Any]:
        hot = None
        if self.has_scorer and self.hot_words:
            weights = {word: self.alpha * boost for word, boost in self.hot_words.items()}
            hot = self.decoder.hot_words(weights)
        numbers = {"alpha": self.alpha, "beta": self.beta}
        limits = {"beam_width": self.beam_width, "nbest": self.nbest}
        return {**numbers, **limits, "hot_words": hot}

    def decode(self, logits: np.ndarray, lengths: np.ndarray) -> list[DecodeResult]:
        """See `Decoder`."""
        return self.decoder.decode_batch(np.asarray(logits), np.asarray(lengths), **self._options())

    def stream(self) -> DecodingStream:
        """See `Decoder`."""
        return self.decoder.stream(**self._options())
