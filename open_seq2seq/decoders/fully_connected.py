"""The CTC head: one dense layer to the symbols and the blank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from open_seq2seq.config.schema import CALLABLE, Param, Schema
from open_seq2seq.decoders.decode_result import DecodeResult
from open_seq2seq.decoders.greedy import greedy_decode
from open_seq2seq.ops.initializers import fresh_initializer


def _accepted(name: str, kind: Any, help: str, why: str) -> Param:
    """A parameter of old configs that does nothing."""
    return Param(name, kind, help, None, no_effect=why)


class FullyConnectedCTCDecoder(keras.layers.Layer):
    """A dense layer with bias, in float32 under every dtype policy.

    Args:
      params: see `PARAMS`.
      vocab_size: symbols of the vocabulary; the blank comes after them.
      regularizer: of the kernel.
      initializer: of the kernel; None is Glorot uniform.
    """

    PARAMS = Schema(
        "FullyConnectedCTCDecoder",
        [
            Param(
                "use_language_model",
                bool,
                "Beam search with a language model in evaluation and inference. Not part of this "
                "version, which decodes greedily and says so.",
                False,
                no_effect="this version decodes greedily; the logits that infer_logits_to_pickle "
                "writes can be decoded elsewhere.",
            ),
            Param(
                "infer_logits_to_pickle",
                bool,
                "In inference, write the logits of all utterances to a pickle file.",
                False,
            ),
            Param("beam_width", int, "Hypotheses kept in beam search.", 512, minimum=1),
            Param("alpha", float, "Weight of the language model.", 2.0),
            Param("beta", float, "Bonus of each word.", 1.0),
            Param("trie_weight", float, "Weight of the trie of words in beam search.", 0.1),
            Param("lm_path", str, "The KenLM language model, binary or ARPA.", None),
            Param("trie_path", str, "The trie of the language model's words.", None),
            Param("alphabet_config_path", str, "The vocabulary file for beam search.", None),
            _accepted(
                "decoder_library_path",
                str,
                "OpenSeq2Seq's beam search library; accepted, not used.",
                "the decoder does not load OpenSeq2Seq's library.",
            ),
            _accepted(
                "logits_to_outputs_func",
                CALLABLE,
                "OpenSeq2Seq's replacement of the decoding; accepted, not used.",
                "the decoding is the decoder's own.",
            ),
            _accepted(
                "tgt_vocab_size",
                int,
                "Accepted for old configs; the data layer's vocabulary counts.",
                "the data layer's vocabulary counts.",
            ),
            *(
                _accepted(
                    name,
                    object,
                    "Of OpenSeq2Seq's first releases; accepted, not used.",
                    "OpenSeq2Seq's first releases had it for their language model.",
                )
                for name in (
                    "lm_weight",
                    "word_count_weight",
                    "valid_word_count_weight",
                    "lm_binary_path",
                    "lm_trie_path",
                )
            ),
        ],
        summary="One dense layer; its greedy path is the transcript.",
    )

    def __init__(
        self,
        params: Mapping[str, Any],
        vocab_size: int,
        regularizer: Any = None,
        initializer: Any = None,
        **kwargs: Any,
    ):
        # bfloat16 logits have 3 digits: too few for the differences that CTC sums up.
        super().__init__(**{**kwargs, "dtype": "float32"})
        self._given_params = dict(params)
        self.params = self.PARAMS.parse(params)
        self.vocab_size = vocab_size
        self.regularizer = keras.regularizers.get(regularizer)
        self.initializer = keras.initializers.get(initializer or "glorot_uniform")
        self.fully_connected = keras.layers.Dense(
            vocab_size + 1,
            kernel_initializer=fresh_initializer(self.initializer),
            kernel_regularizer=self.regularizer,
            name="fully_connected",
            dtype="float32",
        )

    def build(self, outputs_shape: Sequence[int | None]) -> None:
        self.fully_connected.build(outputs_shape)

    def call(self, outputs: Any) -> Any:
        """The logits of an encoder's outputs.

        Args:
          outputs: [batch, time, channel], any float dtype.

        Returns:
          [batch, time, vocab_size + 1] float32, unnormalised, blank last.
        """
        return self.fully_connected(outputs)

    def decode(
        self, logits: np.ndarray, lengths: np.ndarray, vocabulary: Any, step_size: float
    ) -> list[DecodeResult]:
        """The text of each utterance.

        Args:
          logits: [batch, time, vocab_size + 1].
          lengths: [batch] frames.
          vocabulary: the data layer's.
          step_size: seconds from one frame of the logits to the next.

        Returns:
          [batch] results; see `greedy_decode` for times, confidences and score.
        """
        return greedy_decode(logits, lengths, vocabulary, step_size)

    def get_config(self) -> dict[str, Any]:
        own = {
            "params": self._given_params,
            "vocab_size": self.vocab_size,
            "regularizer": keras.regularizers.serialize(self.regularizer),
            "initializer": keras.initializers.serialize(self.initializer),
        }
        return {**super().get_config(), **own}
