"""The CTC loss per utterance, on the fastest path the backend has.

On TensorFlow this is the sparse CPU operation (`tensorflow_ctc.py`); everywhere
else the forward algorithm of Graves et al. 2006 (equations 6-8), written with
`keras.ops` and differentiated by the backend.
"""

from __future__ import annotations

import keras
from keras import ops

from open_seq2seq.ops.ctc_alignment import shortest_alignment
from open_seq2seq.tensors import Tensor

# Stands for log 0: finite, so that no gradient becomes inf - inf.
_LOG_ZERO = -1e30


def ctc_loss(
    logits: Tensor, logit_lengths: Tensor, labels: Tensor, label_lengths: Tensor
) -> Tensor:
    """Minus the log probability of each utterance's labels.

    Args:
      logits: [batch, time, symbol + 1], unnormalised, blank last; computed in float32.
      logit_lengths: [batch], the frames that count.
      labels: [batch, label] integers, what lies past a row's length is ignored.
      label_lengths: [batch], may be 0: the loss is then that of blanks only.

    Returns:
      [batch] float32 in nats: `inf` where no alignment exists (fewer frames than
      labels plus repeated neighbours), `nan` where the logits are not finite. The
      gradient is exactly zero past each length and for rows whose loss is not finite.
    """
    if keras.backend.backend() == "tensorflow":
        from open_seq2seq.ops.tensorflow_ctc import sparse_ctc_loss

        return sparse_ctc_loss(logits, logit_lengths, labels, label_lengths)
    return plain_ctc_loss(logits, logit_lengths, labels, label_lengths)


def plain_ctc_loss(
    logits: Tensor, logit_lengths: Tensor, labels: Tensor, label_lengths: Tensor
) -> Tensor:
    """`ctc_loss` in `keras.ops` alone: the forward variables in log space, frame by frame."""
    logits = ops.cast(logits, "float32")
    labels = ops.cast(labels, "int32")
    logit_lengths = ops.cast(logit_lengths, "int32")
    label_lengths = ops.cast(label_lengths, "int32")
    frames, classes = ops.shape(logits)[1], ops.shape(logits)[2]

    # Only finite numbers enter what is differentiated: the gradient of a masked
    # inf or nan would be nan.
    counts = ops.arange(frames, dtype="int32")[None, :] < logit_lengths[:, None]
    logits = ops.where(counts[:, :, None], logits, 0.0)
    finite = ops.all(ops.isfinite(logits), axis=(1, 2))
    feasible = logit_lengths >= shortest_alignment(labels, label_lengths)
    usable = ops.logical_and(finite, feasible)
    logits = ops.where(usable[:, None, None], logits, 0.0)

    log_probs = ops.log_softmax(logits, axis=-1)  # [batch, time, symbol + 1]
    states = _states(labels, label_lengths, classes - 1)  # [batch, 2 label + 1]
    emissions = ops.take_along_axis(log_probs, states[:, None, :], axis=2)
    log_alpha = _forward(emissions, states, counts, classes - 1)
    loss = -_final(log_alpha, label_lengths)
    # Without frames, only the empty label is possible, with certainty.
    loss = ops.where(logit_lengths == 0, 0.0, loss)
    loss = ops.where(usable, loss, float("inf"))
    return ops.where(finite, loss, float("nan"))


def _states(labels: Tensor, label_lengths: Tensor, blank: Tensor) -> Tensor:
    """The labels with a blank before, between and after them: [batch, 2 label + 1]."""
    width = ops.shape(labels)[1]
    counts = ops.arange(width, dtype="int32")[None, :] < label_lengths[:, None]
    labels = ops.where(counts, labels, blank)
    pairs = ops.stack([ops.full_like(labels, blank), labels], axis=2)
    pairs = ops.reshape(pairs, (ops.shape(labels)[0], 2 * width))
    return ops.concatenate(
        [pairs, ops.full((ops.shape(labels)[0], 1), blank, dtype="int32")], axis=1
    )


def _forward(emissions: Tensor, states: Tensor, counts: Tensor, blank: Tensor) -> Tensor:
    """Log forward variables at each row's last frame: [batch, state]."""
    width = ops.shape(states)[1]
    position = ops.arange(width, dtype="int32")[None, :]
    # A label may follow the one two states before it, unless they are the same.
    before = ops.concatenate([ops.full_like(states[:, :2], blank), states[:, :-2]], axis=1)
    can_skip = ops.logical_and(ops.not_equal(states, blank), ops.not_equal(states, before))
    can_skip = ops.logical_and(can_skip, position >= 2)

    log_alpha = ops.where(position < 2, emissions[:, 0], _LOG_ZERO)
    if emissions.shape[1] == 1:
        return log_alpha

    def step(log_alpha: Tensor, frame: Tensor) -> tuple[Tensor, Tensor]:
        emission, in_length = frame[:, :-1], frame[:, -1:] > 0
        one_back = _shifted(log_alpha, 1)
        two_back = ops.where(can_skip, _shifted(log_alpha, 2), _LOG_ZERO)
        reached = ops.logaddexp(ops.logaddexp(log_alpha, one_back), two_back)
        following = ops.maximum(reached + emission, _LOG_ZERO)
        return ops.where(in_length, following, log_alpha), None

    # One tensor for both: scan takes several only when their length is known beforehand.
    by_frame = ops.concatenate([emissions, ops.cast(counts, "float32")[:, :, None]], axis=2)
    log_alpha, _ = ops.scan(step, log_alpha, ops.transpose(by_frame, (1, 0, 2))[1:])
    return log_alpha


def _shifted(log_alpha: Tensor, places: int) -> Tensor:
    """The row moved right by `places` states, log 0 coming in."""
    empty = ops.full_like(log_alpha[:, :places], _LOG_ZERO)
    return ops.concatenate([empty, log_alpha[:, :-places]], axis=1)


def _final(log_alpha: Tensor, label_lengths: Tensor) -> Tensor:
    """The log probability of ending in the last label or in the blank after it: [batch]."""
    last = 2 * label_lengths[:, None]
    blank = ops.take_along_axis(log_alpha, last, axis=1)[:, 0]
    label = ops.take_along_axis(log_alpha, ops.maximum(last - 1, 0), axis=1)[:, 0]
    return ops.where(label_lengths > 0, ops.logaddexp(blank, label), blank)
