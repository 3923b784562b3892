"""Batch normalization by TensorFlow's fused operation."""

from __future__ import annotations

import tensorflow as tf

from open_seq2seq.tensors import Tensor


def batch_normalize(
    inputs: Tensor, gamma: Tensor, beta: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """`open_seq2seq.ops.normalization.batch_normalize` on TensorFlow; same contract."""
    is_image = len(inputs.shape) == 4
    outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        inputs if is_image else inputs[:, None],
        gamma,
        beta,
        epsilon=epsilon,
        is_training=True,
    )
    return outputs if is_image else outputs[:, 0], mean, variance
