"""Batch normalization by TensorFlow's fused operation."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def batch_normalize(inputs: Any, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Any, Any]:
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
