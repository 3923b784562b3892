"""The parameters of masks over normalised features, wherever they are drawn."""

from __future__ import annotations

from open_seq2seq.config.schema import Param

MASK_PARAMS = [
    Param("n_freq_mask", int, "Number of bands of features set to zero.", 0, minimum=0),
    Param("n_time_mask", int, "Number of spans of frames set to zero.", 0, minimum=0),
    Param("width_freq_mask", int, "Greatest width of a band, in features.", 10, minimum=0),
    Param("width_time_mask", int, "Greatest width of a span, in frames.", 50, minimum=0),
    Param(
        "max_time_mask_share",
        float,
        "Greatest width of a span as a share of the recording.",
        1.0,
        minimum=0,
        maximum=1,
    ),
]
