"""What a layer inside an encoder says of the labels, given to the layers above it."""

from __future__ import annotations

from collections.abc import Sequence

from keras import ops

from open_seq2seq.layers.projection import ProjectionLike
from open_seq2seq.tensors import Tensor


class Conditioning(ProjectionLike):
    """`outputs + dense(softmax(logits))`.

    Self-conditioned CTC (J. Nozaki, T. Komatsu: Relaxing the conditional independence assumption of
    CTC-based ASR by conditioning on intermediate predictions, Interspeech 2021).

    Args:
      initializer, regularizer: of the kernel; None: Glorot uniform, and none.
    """

    def build(
        self, outputs_shape: Sequence[int | None], logits_shape: Sequence[int | None]
    ) -> None:
        self.add_dense(logits_shape, outputs_shape[-1])
        self.built = True

    def call(self, outputs: Tensor, logits: Tensor) -> Tensor:
        """What the next layer takes.

        Args:
          outputs: [batch, time, channel] of a layer.
          logits: [batch, time, symbol + 1], what the head makes of them.
        """
        assert self.dense is not None
        return outputs + self.dense(ops.softmax(ops.cast(logits, "float32")))
