"""The front-end of NVIDIA NeMo (`AudioToMelSpectrogramPreprocessor`), of each of its eras."""

from __future__ import annotations

from typing import Any

import numpy as np

from open_seq2seq.errors import Problem
from open_seq2seq.features import filters, spectrum
from open_seq2seq.features.centred_front_end import CentredFrontEnd
from open_seq2seq.features.dither import dither_noise
from open_seq2seq.features.filters_file import StoredFilters, read_filters
from open_seq2seq.features.options import FeatureOptions


class NemoFrontEnd(CentredFrontEnd):
    """Log mel energies as NeMo computes them, of recordings one by one.

    Dither (in training only), pre-emphasis, a centred STFT whose edges are zero or reflected, the
    magnitude or its square, mel filters, `ln(x + guard)` or `ln(max(x, guard))`. The signal is not
    scaled. What NeMo's pre-emphasis puts behind a recording in a padded batch, which 2.5.0 masks,
    is never there: each is computed for itself.

    Recordings shorter than a hop have one frame here, and none in NeMo.

    Args:
      options: the parameters.
      exact: transform in float64, which tells how much of a difference is rounding.
    """

    def __init__(self, options: FeatureOptions, exact: bool = False):
        stored = _filters(options)
        super().__init__(
            options,
            stored.window,
            stored.filters,
            emphasis=options.pre_emphasis,
            reflects=options.edges == "reflected",
            exact=exact,
        )
        self.guard = np.float32(options.log_guard_value)

    def frames(self, samples: Any) -> Any:
        """Number of frames for `samples` (at least 1) samples; see `frame_count`."""
        hop, rule = self.options.hop_length, self.options.frame_count
        if rule == "centred":
            return samples // hop + 1
        begun = (samples + hop - 1) // hop
        return begun if rule == "begun_hops" else np.maximum(samples // hop, 1)

    def levelled(
        self, samples: np.ndarray, rng: np.random.Generator | None = None, position: int = 0
    ) -> np.ndarray:
        """See `FrontEnd`: the samples themselves, in training with dither."""
        if rng is None or self.options.dither <= 0:
            return samples
        return samples + np.float32(self.options.dither) * dither_noise(len(samples), rng)

    def streaming_problems(self) -> list[Problem]:
        """None: the level is that of the samples."""
        return []

    def _convert(self, power: np.ndarray, out: np.ndarray) -> None:
        """A block's power spectra to its features."""
        if self.options.magnitude_power == 1:
            np.sqrt(power, out=power)
        assert self.matrix is not None
        spectrum.project(power, self.matrix, out)
        if not self.options.take_log:
            return
        if self.options.log_guard == "add":
            out += self.guard
        else:
            np.maximum(out, self.guard, out=out)
        spectrum.logarithm(out)


def _filters(options: FeatureOptions) -> StoredFilters:
    """Those of the file, or Slaney's and the window that is named."""
    if options.filters_file is not None:
        return read_filters(options.filters_file)
    mel = filters.slaney_mel_filters(
        options.sample_freq, options.fft_length, options.num_audio_features
    )
    return StoredFilters(mel.T.copy(), filters.window(options.window, options.window_length))
