"""The neural language model: tokens -> embeddings -> causal encoder -> logits of the next token."""

from __future__ import annotations

import math

import keras
from keras import ops

from open_seq2seq.config.schema import Params
from open_seq2seq.data.protocols import DataLayer
from open_seq2seq.losses import BatchLosses, LossFunction
from open_seq2seq.models.params import LANGUAGE_MODEL
from open_seq2seq.models.speech2text import split_component
from open_seq2seq.tensors import Tensor


class NeuralLanguageModel(keras.Model):
    """An encoder between an embedding and its transpose (Press and Wolf 2017), and the loss.

    Args:
      params: the model's parameters, checked and filled by `PARAMS.parse`.
      vocab_size: tokens of the vocabulary.
      policy: the Keras dtype policy, from `models.precision.dtype_policy`.
    """

    PARAMS = LANGUAGE_MODEL
    task = "text"
    inputs_spec = ((None, None), "int32")

    def __init__(self, params: Params, vocab_size: int, policy: str = "float32"):
        super().__init__(name="language_model", dtype=policy)
        encoder_params, shared = split_component(params, "encoder", policy)
        self.encoder = params["encoder"](encoder_params, name="encoder", **shared)
        self.loss_fn: LossFunction = params["loss"](params["loss_params"])
        width = self.encoder.width
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(vocab_size, width),
            # Outputs of unit variance then give logits of unit variance.
            initializer=keras.initializers.RandomNormal(stddev=width**-0.5),
            autocast=False,
        )
        self.bias = self.add_weight(
            name="bias", shape=(vocab_size,), initializer="zeros", autocast=False
        )
        # Builds every layer now, so that variables exist before a checkpoint is read.
        self(keras.KerasTensor(*self.inputs_spec), keras.KerasTensor((None,), "int32"))

    @classmethod
    def for_data(cls, params: Params, data: DataLayer, policy: str) -> NeuralLanguageModel:
        """The model for a data layer's vocabulary."""
        return cls(params, len(data.vocabulary.symbols), policy)

    def call(
        self, tokens: Tensor, lengths: Tensor, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Logits and their lengths.

        Args:
          tokens: `[batch, time]` int32.
          lengths: `[batch]` int32, tokens of each line.
          training: whether dropout is on.

        Returns:
          Logits `[batch, time, vocab_size]` float32 of the token after each, and the lengths.
        """
        scale = math.sqrt(self.embeddings.shape[1])
        embedded = scale * ops.take(self.embeddings, tokens, axis=0)
        outputs, lengths = self.encoder(
            ops.cast(embedded, self.compute_dtype), lengths, training=training
        )
        logits = ops.matmul(ops.cast(outputs, "float32"), ops.transpose(self.embeddings))
        return logits + self.bias, lengths

    def compute_losses(
        self,
        tokens: Tensor,
        lengths: Tensor,
        targets: Tensor,
        target_lengths: Tensor,
        training: bool = False,
    ) -> BatchLosses:
        """As `Speech2Text.compute_losses`; a line's loss is the sum over its tokens, in nats."""
        logits, lengths = self(tokens, lengths, training=training)
        losses = self.loss_fn(logits, lengths, targets, target_lengths)
        return BatchLosses(losses, logits, lengths)

    def output_length(self, frames: Tensor) -> Tensor:
        """Logits for so many tokens."""
        return frames
