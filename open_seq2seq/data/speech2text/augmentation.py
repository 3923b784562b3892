"""Augmentation: speed, pauses, rooms, noise, level, vocal tract length, masks.

All randomness comes from the generator that is passed in, so the same seed gives the
same result in any worker, and both front-ends get the same audio.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import overload

import numpy as np

from open_seq2seq.config.schema import Param, Params, Schema
from open_seq2seq.data.audio import resample, resampled_length
from open_seq2seq.data.speech2text.pauses import PAUSES, Pauses
from open_seq2seq.data.speech2text.rooms import ROOMS, Rooms
from open_seq2seq.data.speech2text.spec_augment import POLICIES, MaskPolicy, mask_policy
from open_seq2seq.data.speech2text.vocal_tract import warp
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.features.mask_params import MASK_PARAMS

# A drawn factor means a new filter for each recording. For one second of audio at factor
# 1.077 MQ takes 0.2 ms and HQ 0.6 ms, most of it making the filter, and the two differ
# only close to the Nyquist frequency.
SPEED_QUALITY = "MQ"

# Beyond these, speech is no longer speech.
SHORTEST_FACTOR, LONGEST_FACTOR = 0.5, 2.0
GREATEST_VTLP = 0.3

_SPEED_HELP = (
    "r: change the speed by a factor drawn from 1-r to 1+r; a list: by one of its factors. "
    "Above 1 is slower, longer and lower; 0 is off."
)
_FACTOR = Param("factor", float, "One factor.", minimum=SHORTEST_FACTOR, maximum=LONGEST_FACTOR)
_MASKS = {param.name: param for param in MASK_PARAMS}


def _check(values: Params, where: str) -> Iterable[Problem]:
    prefix = f"{where}/" if where else ""
    for name in ("speed_perturbation_ratio", "time_stretch_ratio"):
        ratio = values.get(name)
        if isinstance(ratio, (list, tuple)) and not ratio:
            remedy = f"Set {name} to [0.9, 1.0, 1.1], or remove it."
            yield Problem(prefix + name, "an empty list", "at least one factor", remedy)
        elif isinstance(ratio, (int, float)) and ratio > SHORTEST_FACTOR:
            remedy = f"Set {name} to 0.1: factors from 0.9 to 1.1."
            if ratio <= LONGEST_FACTOR:  # the factor itself is meant
                remedy = f"Set {name} to [{float(ratio)!r}] for this factor, or set {name} to 0.1."
            yield Problem(prefix + name, f"{ratio!r}", f"at most {SHORTEST_FACTOR}", remedy)
    if values.get("speed_perturbation_ratio") and values.get("time_stretch_ratio"):
        expected = "only speed_perturbation_ratio, of which it is the old name"
        remedy = "Remove time_stretch_ratio."
        yield Problem(f"{prefix}time_stretch_ratio", "both names", expected, remedy)
    if values.get("spec_augment"):
        for name in _MASKS:
            if values.get(name, _MASKS[name].default) != _MASKS[name].default:
                expected = "masks either by spec_augment or one by one"
                remedy = f"Remove {name}, or remove spec_augment."
                yield Problem(prefix + name, f"{values[name]}", expected, remedy)
    low, high = values.get("noise_level_min"), values.get("noise_level_max")
    given = high if low is None else low
    if given is not None and (low is None or high is None):
        missing, step = ("noise_level_min", -20) if low is None else ("noise_level_max", 20)
        remedy = f"Set {missing} to {given + step}, or remove the other one."
        yield Problem(prefix + missing, "nothing", "both noise levels or none", remedy)
    elif low is not None and high is not None and low > high:
        remedy = f"Set noise_level_min to {high} and noise_level_max to {low}."
        expected = f"at most noise_level_max, {high}"
        yield Problem(f"{prefix}noise_level_min", f"{low}", expected, remedy)
    lowest, highest = values.get("level_min") or 0.0, values.get("level_max") or 0.0
    if lowest > highest:
        remedy = f"Set level_min to {highest:g} or less, or raise level_max."
        expected = f"at most level_max, {highest:g}"
        yield Problem(f"{prefix}level_min", f"{lowest:g}", expected, remedy)


AUGMENTATION = Schema(
    "augmentation",
    [
        Param("speed_perturbation_ratio", (float, list), _SPEED_HELP, 0.0, minimum=0, item=_FACTOR),
        Param(
            "time_stretch_ratio",
            (float, list),
            "Old name of speed_perturbation_ratio.",
            default=None,
            minimum=0,
            item=_FACTOR,
        ),
        Param(
            "noise_level_min",
            int,
            "Lowest level of added white noise, in dB relative to the recording's peak.",
            default=None,
        ),
        Param(
            "noise_level_max",
            int,
            "Upper end of its level, in dB; not reached unless equal to noise_level_min.",
            default=None,
        ),
        Param(
            "noise_probability",
            float,
            "Share of the recordings that noise is added to.",
            1.0,
            minimum=0,
            maximum=1,
        ),
        Param(
            "pauses",
            dict,
            "Silence put before, into and behind recordings; {} takes its defaults, None: off.",
            default=None,
            schema=PAUSES,
        ),
        Param(
            "rooms",
            dict,
            "Recordings as they sound in simulated rooms; {} takes its defaults, None: off.",
            default=None,
            schema=ROOMS,
        ),
        Param(
            "level_min",
            float,
            "Lowest change of the level, in dB. What comes beyond full scale is clipped.",
            0.0,
        ),
        Param("level_max", float, "Highest change of the level, in dB.", 0.0),
        Param(
            "num_forms",
            int,
            "Number of forms of each recording (noise, pauses, room and level are drawn once for "
            "each), of which every epoch draws one, so that cache_features can keep them. 0: new "
            "ones in every epoch, which are not cached.",
            0,
            minimum=0,
        ),
        Param(
            "vtlp_ratio",
            float,
            "r: shift the formants by a factor drawn from 1-r to 1+r (vocal tract length "
            "perturbation); 0 is off. Not for mfcc.",
            0.0,
            minimum=0,
            maximum=GREATEST_VTLP,
        ),
        Param(
            "spec_augment",
            str,
            "A published policy of masks: LB, LD, SM, SS (arXiv:1904.08779) or LibriFullAdapt "
            "(arXiv:1912.05533), without time warping; bands are scaled from 80 features.",
            default=None,
            choices=tuple(POLICIES),
        ),
        *_MASKS.values(),
    ],
    check=_check,
    summary="Random changes of the training audio; absent parameters are off.",
)


class Augmenter:
    """Changes recordings and their features at random.

    Args:
      params: the parameters of `AUGMENTATION`; None changes nothing.
      sample_freq: the samples' rate, in Hz.
      frequencies: `[feature]`, where each feature lies, in Hz; None: nowhere (mfcc).

    Raises:
      InputError: the parameters are not valid.
    """

    PARAMS = AUGMENTATION

    def __init__(
        self,
        params: Params | None,
        sample_freq: int,
        frequencies: np.ndarray | None = None,
    ):
        self.params = self.PARAMS.parse(params or {}, "augmentation")
        self.sample_freq = sample_freq
        self._frequencies = frequencies
        speed = self.params["speed_perturbation_ratio"] or self.params["time_stretch_ratio"] or 0.0
        self._factors = np.asarray(speed) if isinstance(speed, list) else None
        self._ratio = 0.0 if isinstance(speed, list) else speed
        bounds = [1 - self._ratio, 1 + self._ratio] if self._factors is None else self._factors
        self.shortest_factor = float(min(bounds))
        self.longest_factor = float(max(bounds))
        preset = self.params["spec_augment"]
        self._preset = POLICIES[preset] if preset else None
        self._masks = mask_policy(self.params)
        self.pauses = Pauses(self.params["pauses"], sample_freq)
        self.rooms = Rooms(self.params["rooms"], sample_freq)
        self.num_forms: int = self.params["num_forms"] if self._draws else 0

    @property
    def cacheable(self) -> bool:
        """Whether a recording has only a few forms before the masks, which may be cached.

        It has one, or one for each speed factor of a list; noise, pauses, rooms, level and a range
        of factors make it another one each time, unless `num_forms` says how many there are.
        """
        return self._ratio == 0.0 and (self.num_forms > 0 or not self._draws)

    @property
    def form_key(self) -> str:
        """Names what `waveform` depends on besides its arguments; empty where it draws nothing."""
        if not self._draws:
            return ""
        names = ("noise_level_min", "noise_level_max", "noise_probability", "level_min")
        # Without rooms as it was before there were any, so that caches stay valid.
        rooms = [] if self.rooms.is_off else [self.rooms.params]
        values = (self.params[name] for name in (*names, "level_max"))
        return json.dumps([self.pauses.params, *values, *rooms])

    @property
    def _draws(self) -> bool:
        """Whether `waveform` draws anything."""
        levels = self.params["level_min"] or self.params["level_max"]
        noise = self.params["noise_level_min"] is not None
        return bool(noise or levels or self.pauses.longest or not self.rooms.is_off)

    def problems(self, num_features: int) -> list[Problem]:
        """What does not fit to these features, and to their number."""
        problems = []
        width = self.params["width_freq_mask"]
        if self.params["n_freq_mask"] and width > num_features:
            expected = f"at most num_audio_features, {num_features}"
            remedy = f"Set width_freq_mask to {max(num_features // 8, 1)}."
            problems.append(Problem("augmentation/width_freq_mask", f"{width}", expected, remedy))
        if self.params["vtlp_ratio"] and self._frequencies is None:
            found, expected = f"{self.params['vtlp_ratio']} with mfcc", "features that are bands"
            remedy = "Remove vtlp_ratio, or set input_type to 'logfbank'."
            problems.append(Problem("augmentation/vtlp_ratio", found, expected, remedy))
        return problems

    def speed_factors(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draws speed factors for n recordings, `[n]` float64; ones when this is off."""
        if self._factors is not None:
            return rng.choice(self._factors, n)
        if self._ratio == 0.0:
            return np.ones(n)
        return rng.uniform(self.shortest_factor, self.longest_factor, n)

    @overload
    def output_samples(self, n: int, factor: float) -> int: ...
    @overload
    def output_samples(self, n: np.ndarray, factor: np.ndarray) -> np.ndarray: ...
    def output_samples(self, n: int | np.ndarray, factor: float | np.ndarray) -> int | np.ndarray:
        """Length of `waveform`'s result: ints or arrays of samples and factors."""
        rates = self._rates(factor)
        samples = resampled_length(np.asarray(n, np.int64), self.sample_freq, rates)
        return int(samples) if np.ndim(samples) == 0 else samples

    def waveform(
        self,
        samples: np.ndarray,
        speed_factor: float,
        rng: np.random.Generator,
        pauses: np.ndarray | None = None,
    ) -> np.ndarray:
        """Changes the speed by a factor, puts in pauses, adds a room, noise, changes the level.

        Args:
          samples: `[n]` float32.
          speed_factor: one of `speed_factors`; above 1 is longer and slower.
          rng: source of the noise, of levels and places.
          pauses: `[3]` int64, a row of `pauses.draw`; None: there are none.

        Returns:
          `[output_samples(n, speed_factor) + pauses.sum()]` float32.
        """
        # Played back at sample_freq, audio resampled to a higher rate is slower and lower.
        rate = int(self._rates(speed_factor))
        samples = resample(samples, self.sample_freq, rate, SPEED_QUALITY)
        if pauses is not None:
            samples = self.pauses.insert(samples, pauses, rng)
        return self._levelled(self._noisy(self.rooms.apply(samples, rng), rng), rng)

    def _noisy(self, samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        low, high = self.params["noise_level_min"], self.params["noise_level_max"]
        probability = self.params["noise_probability"]
        if low is None or (probability < 1 and rng.random() >= probability):
            return samples
        level = rng.integers(low, max(high, low + 1))
        peak = float(np.abs(samples).max(initial=0.0))
        noise = rng.standard_normal(len(samples), dtype=np.float32)
        noise *= np.float32(peak * 10.0 ** (level / 20.0))
        noise += samples
        return noise

    def _levelled(self, samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        low, high = self.params["level_min"], self.params["level_max"]
        if not (low or high):
            return samples
        return np.clip(samples * np.float32(10.0 ** (rng.uniform(low, high) / 20.0)), -1.0, 1.0)

    def _rates(self, factor: float | np.ndarray) -> np.ndarray:
        """Sample rates to convert to, halves rounded up: one sample never becomes none."""
        return np.floor(np.multiply(self.sample_freq, factor) + 0.5).astype(np.int64)

    def spectrogram(self, features: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Shifts formants, then sets random bands and spans of normalised features to zero.

        Zero is their mean. See `vocal_tract.warp` and `spec_augment.MaskPolicy`.

        Args:
          features: `[time, feature]`; not changed.
          rng: source of the factor, of widths and places.

        Returns:
          `[time, feature]`: a changed copy, or `features` itself when all this is off.

        Raises:
          InputError: the parameters do not fit to the features.
        """
        num_features = features.shape[1]
        problems = self.problems(num_features)
        if problems:
            raise InputError("The augmentation does not fit the features:", problems)
        ratio = self.params["vtlp_ratio"]
        if ratio and self._frequencies is not None:
            factor = rng.uniform(1 - ratio, 1 + ratio)
            features = warp(features, self._frequencies, factor, self.sample_freq)
        masks = self._policy(num_features)
        return features if masks.is_off else masks.apply(features, rng)

    def kept(
        self, frames: int, num_features: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """What masks leave of features that are computed later: `[time]` and `[feature]` bool.

        Without `vtlp_ratio` these are the masks that `spectrogram` draws.
        """
        kept_frames, kept_features = np.ones(frames, bool), np.ones(num_features, bool)
        masks = self._policy(num_features)
        if not masks.is_off:
            spans, bands = masks.draw(frames, num_features, rng)
            for span in spans:
                kept_frames[span] = False
            for band in bands:
                kept_features[band] = False
        return kept_frames, kept_features

    def _policy(self, num_features: int) -> MaskPolicy:
        return self._preset.for_features(num_features) if self._preset else self._masks
