"""Stationary noise at a given ratio to the recording's power."""

from __future__ import annotations

import numpy as np
import scipy.fft


def white(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As much power at every frequency: `[n]` normal numbers."""
    return rng.standard_normal(len(samples))


def speech_shaped(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise with the recording's own long-term spectrum: its magnitudes at random phases, `[n]`.

    So it covers speech most where speech is strongest, as many speakers at once do. Such noise
    is the masker of hearing tests (Plomp and Mimpen, Audiology 18, 1979).
    """
    spectrum = np.abs(scipy.fft.rfft(samples.astype(np.float64)))
    phases = rng.uniform(0, 2 * np.pi, len(spectrum))
    return scipy.fft.irfft(spectrum * np.exp(1j * phases), len(samples))


KINDS = {"white": white, "speech_shaped": speech_shaped}


def with_noise(
    samples: np.ndarray, kind: str, ratio: float, rng: np.random.Generator
) -> np.ndarray:
    """A recording with noise added.

    Args:
      samples: `[n]` float32.
      kind: one of `KINDS`.
      ratio: signal to noise, in dB: of the powers of the recording and of the noise, over all
        samples of both.

    Returns:
      `[n]` float32; digital silence stays what it is.
    """
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    noise = KINDS[kind](samples, rng)
    noise_power = float(np.mean(np.square(noise)))
    if power == 0.0 or noise_power == 0.0:
        return samples
    noise *= np.sqrt(power / noise_power) * 10 ** (-ratio / 20)
    return (samples + noise).astype(np.float32)
