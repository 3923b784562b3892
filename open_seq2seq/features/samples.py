"""What every front-end takes: one channel of finite floats."""

from __future__ import annotations

import numpy as np

from open_seq2seq.errors import InputError, Problem


def check_samples(samples: np.ndarray) -> None:
    """Raises InputError for what is not one channel of finite floats."""
    expected = "one channel of finite samples in [-1, 1]"
    problem = None
    if samples.ndim != 1:
        problem = Problem("samples", f"an array of shape {list(samples.shape)}", expected)
    elif samples.size == 0:
        problem = Problem("samples", "no samples", "at least one sample")
    elif not np.issubdtype(samples.dtype, np.floating):
        found = f"samples of type {samples.dtype}"
        remedy = "Convert them: 16-bit samples are divided by 32768."
        problem = Problem("samples", found, expected, remedy)
    elif not np.isfinite(samples).all():
        problem = Problem("samples", "NaN or infinite samples", expected)
    if problem:
        raise InputError("Cannot compute features:", [problem])
