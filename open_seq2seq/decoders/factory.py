"""From `decoder_params` to a decoder."""

from __future__ import annotations

from open_seq2seq.config.schema import Params
from open_seq2seq.decoders.beam_search import BeamSearch
from open_seq2seq.decoders.greedy import GreedyDecoder
from open_seq2seq.decoders.protocol import Decoder
from open_seq2seq.vocabulary import SymbolTexts


def make_decoder(params: Params, vocabulary: SymbolTexts, frame_shift: float) -> Decoder:
    """The decoder that the parameters describe; what it needs is loaded here.

    So what is wrong with a language model is said before a long run.

    Args:
      params: checked and filled `DECODER_PARAMS`; file names as they are to be opened.
      vocabulary: the network's symbols, the blank not included; `SymbolTable` for a list of them.
      frame_shift: seconds from one frame of the logits to the next.

    Raises:
      InputError: beam search is asked for, and something it needs is missing or unfit.
    """
    if params["use_language_model"]:
        return BeamSearch(params, vocabulary.symbols, frame_shift)
    return GreedyDecoder(vocabulary, frame_shift)
