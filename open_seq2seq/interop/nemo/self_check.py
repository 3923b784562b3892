"""What is tried of every imported model."""

from __future__ import annotations

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.experiment import Experiment
from open_seq2seq.features.fingerprint import probe_signal
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.interop.nemo.refusal import SUMMARY

# Alone and in a batch. Rounding of float32 grows with a network's depth; what depends on padding is
# off by tenths.
_TOLERANCE = 2e-2


def self_check(experiment: Experiment) -> list[str]:
    """Runs a model on the probe signal: probabilities, the same alone and in a padded batch.

    Returns:
      What was found, a line each.

    Raises:
      InputError: what comes out is no probabilities, or depends on the batch.
    """
    recognizer = Recognizer.of(experiment)
    signal = probe_signal(recognizer.sample_freq)
    short = signal[: len(signal) * 2 // 3]
    (alone,) = recognizer.log_probs([short])
    batched, longer = recognizer.log_probs([short, signal])
    found = ""
    if not (np.isfinite(alone).all() and np.isfinite(longer).all()):
        found = "log-probabilities that are not finite"
    elif np.abs(np.exp(alone.astype(np.float64)).sum(axis=1) - 1).max() > 1e-3:
        found = "numbers that are no log-probabilities"
    if found:
        raise InputError(SUMMARY, [Problem("the probe signal", found, "log-probabilities")])
    difference = float(np.abs(alone - batched).max()) if alone.shape == batched.shape else np.inf
    line = f"a probe signal alone and in a padded batch: log-probabilities within {difference:.1e}"
    if difference > _TOLERANCE:
        expected = f"the same within {_TOLERANCE:g}"
        problem = Problem(
            "the probe signal", f"other log-probabilities in a batch ({difference:.2g})", expected
        )
        raise InputError(SUMMARY, [problem])
    return ["all tensors finite, variances not negative, shapes as the config says", line]
