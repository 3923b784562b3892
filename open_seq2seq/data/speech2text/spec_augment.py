"""SpecAugment: masks over time and frequency, and the published policies by name.

Park et al. 2019, arXiv:1904.08779 (table 1) and Park et al. 2020, arXiv:1912.05533
(LibriFullAdapt). Time warping is left out: the paper found it the least of the three.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from open_seq2seq.config.schema import Params

# The policies' band widths are for this number of mel features, as in the papers.
POLICY_FEATURES = 80


@dataclass(frozen=True)
class MaskPolicy:
    """How many masks, and how wide they may be.

    Args:
      bands, spans: number of masks over frequency and over time.
      band_width: greatest width of a band, in features.
      span_width: greatest width of a span, in frames.
      span_share: greatest width of a span as a share of the recording (`p` in the paper).
      spans_per_frame: when not 0, as many spans as this times the recording's frames, up
        to `spans` (the adaptive multiplicity of LibriFullAdapt).
    """

    bands: int = 0
    spans: int = 0
    band_width: int = 10
    span_width: int = 50
    span_share: float = 1.0
    spans_per_frame: float = 0.0

    @property
    def is_off(self) -> bool:
        return not self.bands and not self.spans

    def for_features(self, num_features: int) -> MaskPolicy:
        """The policy with its bands scaled from `POLICY_FEATURES` to this number."""
        return replace(self, band_width=round(self.band_width * num_features / POLICY_FEATURES))

    def draw(
        self, frames: int, num_features: int, rng: np.random.Generator
    ) -> tuple[list[slice], list[slice]]:
        """Random spans of frames, and bands of features, for a recording of so many.

        Widths are drawn from zero to the greatest, both included; a span as long as the recording
        is left out.
        """
        bands = [_draw_span(rng, self.band_width, num_features) for _ in range(self.bands)]
        count, width = self.spans, min(self.span_width, int(self.span_share * frames))
        if self.spans_per_frame:
            count = min(count, int(self.spans_per_frame * frames))
        spans = [_draw_span(rng, width, frames) for _ in range(count)]
        return [span for span in spans if span.stop - span.start < frames], bands

    def apply(self, features: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A copy of `features` `[time, feature]` with random bands and spans set to zero.

        Zero is the mean of normalised features. See `draw`.
        """
        masked = features.copy()
        frames, num_features = features.shape
        spans, bands = self.draw(frames, num_features, rng)
        for band in bands:
            masked[:, band] = 0.0
        for span in spans:
            masked[span] = 0.0
        return masked


POLICIES = {
    "LB": MaskPolicy(bands=1, spans=1, band_width=27, span_width=100),
    "LD": MaskPolicy(bands=2, spans=2, band_width=27, span_width=100),
    "SM": MaskPolicy(bands=2, spans=2, band_width=15, span_width=70, span_share=0.2),
    "SS": MaskPolicy(bands=2, spans=2, band_width=27, span_width=70, span_share=0.2),
    # No limit in frames: spans are at most 4 % of the recording, and at most 20.
    "LibriFullAdapt": MaskPolicy(
        bands=2,
        spans=20,
        band_width=27,
        span_width=1_000_000,
        span_share=0.04,
        spans_per_frame=0.04,
    ),
}


def mask_policy(params: Params) -> MaskPolicy:
    """The policy that augmentation parameters without `spec_augment` describe."""
    return MaskPolicy(
        params["n_freq_mask"],
        params["n_time_mask"],
        params["width_freq_mask"],
        params["width_time_mask"],
        params["max_time_mask_share"],
    )


def _draw_span(rng: np.random.Generator, greatest: int, size: int) -> slice:
    """A slice of a width from 0 to `greatest`, beginning in `[0, size - width)`."""
    width = int(rng.integers(0, greatest + 1))
    start = int(rng.integers(0, max(size - width, 1)))
    return slice(start, start + width)
