"""What the framework raises: the decoder's, which is usable without the framework."""

from ctc_decoder_with_lm.errors import (
    MOST_LISTED,
    InputError,
    Lines,
    OpenSeq2SeqError,
    Problem,
    RunError,
    problem_lines,
)

__all__ = [
    "MOST_LISTED",
    "InputError",
    "Lines",
    "OpenSeq2SeqError",
    "Problem",
    "RunError",
    "problem_lines",
]
