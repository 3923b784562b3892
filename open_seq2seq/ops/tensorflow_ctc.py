"""The CTC loss on TensorFlow's sparse CPU operation.

It is about ten times faster than the dense formulation behind `keras.ops.ctc_loss`,
but stops the whole batch at an empty label and knows infeasible rows only by their
loss; both are decided here, before it runs.
"""

from __future__ import annotations

import tensorflow as tf

from open_seq2seq.ops.ctc_alignment import shortest_alignment
from open_seq2seq.tensors import Tensor

# Symbols less likely than e^-85 count as that likely.
_LEAST_LOG_PROB = -85.0


def sparse_ctc_loss(
    logits: Tensor, logit_lengths: Tensor, labels: Tensor, label_lengths: Tensor
) -> Tensor:
    """`open_seq2seq.ops.ctc.ctc_loss` for the TensorFlow backend; same contract."""
    logits = tf.cast(logits, tf.float32)
    labels = tf.cast(labels, tf.int32)
    logit_lengths = tf.cast(logit_lengths, tf.int32)
    label_lengths = tf.cast(label_lengths, tf.int32)
    # A batch in which all labels are empty may come without a label column.
    labels = tf.cond(
        tf.shape(labels)[1] > 0, lambda: labels, lambda: tf.pad(labels, [[0, 0], [0, 1]])
    )
    return _loss(logits, logit_lengths, labels, label_lengths)


@tf.custom_gradient
def _loss(logits: Tensor, logit_lengths: Tensor, labels: Tensor, label_lengths: Tensor) -> Tensor:
    loss, gradient = _loss_and_gradient(logits, logit_lengths, labels, label_lengths)
    finite = tf.math.is_finite(loss)

    def backward(upstream: Tensor) -> tuple[Tensor, None, None, None]:
        scale = tf.where(finite, upstream, 0.0)[:, None, None]
        # A row's gradient may hold nan, which no scale of zero would remove.
        safe = tf.where(finite[:, None, None], gradient, 0.0)
        return safe * scale, None, None, None

    return loss, backward


def _loss_and_gradient(
    logits: Tensor, logit_lengths: Tensor, labels: Tensor, label_lengths: Tensor
) -> tuple[Tensor, Tensor]:
    """The loss [batch] and its gradient with respect to the logits, zero past each length."""
    empty = tf.equal(label_lengths, 0)
    counts = tf.sequence_mask(logit_lengths, tf.shape(logits)[1])[:, :, None]
    finite = tf.reduce_all(tf.math.is_finite(logits) | ~counts, axis=[1, 2])
    feasible = logit_lengths >= shortest_alignment(labels, label_lengths)
    aligned = feasible & ~empty & finite
    loss, gradient = _sparse_op(logits, logit_lengths, labels, label_lengths, aligned)
    blank_loss, blank_gradient = _only_blanks(logits, counts)

    loss = tf.where(aligned, loss, tf.where(feasible, blank_loss, float("inf")))
    loss = tf.where(finite, loss, float("nan"))
    gradient = tf.where(empty[:, None, None], blank_gradient, gradient)
    return loss, tf.where(counts, gradient, 0.0)


def _sparse_op(
    logits: Tensor, logit_lengths: Tensor, labels: Tensor, label_lengths: Tensor, aligned: Tensor
) -> tuple[Tensor, Tensor]:
    """The operation itself; rows that are not `aligned` stand in with one label and all frames."""
    frames = tf.shape(logits)[1]
    # The operation takes the logarithm of probabilities: one below the smallest float would
    # make every alignment impossible.
    logits = tf.where(aligned[:, None, None], logits, 0.0)
    logits = tf.maximum(tf.nn.log_softmax(logits), _LEAST_LOG_PROB)
    lengths = tf.where(aligned, logit_lengths, frames)
    counts = tf.sequence_mask(tf.where(aligned, label_lengths, 1), tf.shape(labels)[1])
    labels = tf.where(aligned[:, None], labels, 0)
    indices = tf.where(counts)
    loss, gradient = tf.raw_ops.CTCLoss(
        inputs=tf.transpose(logits, [1, 0, 2]),
        labels_indices=indices,
        labels_values=tf.gather_nd(labels, indices),
        sequence_length=lengths,
        preprocess_collapse_repeated=False,
        ctc_merge_repeated=True,
        ignore_longer_outputs_than_inputs=True,
    )
    return loss, tf.transpose(gradient, [1, 0, 2])


def _only_blanks(logits: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Loss and gradient of an empty label: every frame that counts is a blank."""
    logits = tf.where(counts, logits, 0.0)
    log_probs = tf.nn.log_softmax(logits)
    loss = -tf.reduce_sum(tf.where(counts[:, :, 0], log_probs[:, :, -1], 0.0), axis=1)
    blank = tf.one_hot(tf.shape(logits)[2] - 1, tf.shape(logits)[2])
    return loss, tf.exp(log_probs) - blank
