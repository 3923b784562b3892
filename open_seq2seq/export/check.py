"""What was written is run, and compared with the network that it was made of.

Converters print errors and write a file all the same, and some are silently wrong: at odd lengths,
at others than the first one, in other layouts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from open_seq2seq.decoders import Decoder
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.inference.exported_stream import ExportedStream, streamed
from open_seq2seq.inference.runtimes.loaded_model import LoadedModel

# Log-probabilities in float32, of any runtime.
TOLERANCE = 1e-4
# Bands without sound hold rounding errors, in the trained model as in the exported one (recordings
# of a lower sample rate, say): where those of the transform alone move its log-probabilities by
# more, a model may be as far off on either side.
_ROUNDING = 2.0
# A few frames have a few such errors: they are drawn again at other levels.
_LEVELS = (1.0, 0.97, 0.89, 0.81, 0.69)
_FEW = 1.0  # seconds
# Seconds: short and long ones, even and odd numbers of frames.
DURATIONS = (0.2, 0.613, 1.0, 2.47, 10.0, 40.0)
_TIMED = 10.0
# Of a stream: the usual chunk, and the longest recording that is taken row by row.
_CHUNK = 0.32
_SHORT = 3.0
_REPEATS = 3


@dataclass(frozen=True)
class Reference:
    """What the trained model says of a recording.

    Args:
      samples: `[n]` float32.
      log_probs: `[time, class]`.
      text: the greedy transcript.
      rounding: by how much log-probabilities move when the front-end's transform is in float64; of
        a short recording at several levels, the largest.
    """

    samples: np.ndarray
    log_probs: np.ndarray
    text: str
    rounding: float

    @property
    def tolerance(self) -> float:
        """How far the log-probabilities of an exported model in float32 may be off."""
        return max(TOLERANCE, _ROUNDING * self.rounding)


@dataclass(frozen=True)
class Comparison:
    """A model file beside the model that it was made of.

    Args:
      difference: of log-probabilities, the largest.
      excess: the same as a share of what rounding may do, see `Reference.tolerance`.
      other_texts: recordings whose greedy transcript is another one.
      recordings: how many were compared.
      real_time_factor: seconds of computing for a second of audio, with one thread.
      problem: what is wrong, None: nothing.
    """

    difference: float
    excess: float
    other_texts: int
    recordings: int
    real_time_factor: float
    problem: str | None = None


def references(model: TrainedModel, decoder: Decoder, speech: np.ndarray) -> list[Reference]:
    """Cuts speech to several lengths, from a single sample on, and asks the trained model.

    Args:
      model: the model, in float32.
      decoder: greedy.
      speech: `[n]` float32 at the model's rate; repeated where it is too short.
    """
    rate = model.extractor.options.sample_freq
    counts = [1, *(int(seconds * rate) for seconds in DURATIONS)]
    speech = np.resize(speech, max(counts))
    found = []
    for count in counts:
        samples = speech[:count]
        log_probs = model.log_probs(samples)
        levels = _LEVELS if count <= _FEW * rate else _LEVELS[:1]
        rounding = max(_rounding(model, np.float32(level) * samples) for level in levels)
        found.append(Reference(samples, log_probs, _text(decoder, log_probs), rounding))
    return found


def _rounding(model: TrainedModel, samples: np.ndarray) -> float:
    exact = model.log_probs(samples, exact=True)
    return float(np.abs(model.log_probs(samples) - exact).max(initial=0))


def compare(
    loaded: LoadedModel, expected: Sequence[Reference], decoder: Decoder, sample_freq: int
) -> Comparison:
    """Runs a model on all recordings, in an order in which lengths grow and shrink."""
    order = [*expected[1::2], *expected[::2][::-1]]
    outputs = (loaded.log_probs(one.samples) for one in order)
    longest = max((one.samples for one in expected), key=len)[: int(_TIMED * sample_freq)]
    found = compared(zip(order, outputs), decoder)
    factor = real_time_factor(lambda: loaded.log_probs(longest), len(longest) / sample_freq)
    return replace(found, real_time_factor=factor)


def compare_stream(
    network: ExportedStream, expected: Sequence[Reference], decoder: Decoder
) -> Comparison:
    """Takes all recordings piece by piece, of several sizes, many of them together."""
    freq, row = network.sample_freq, network.row_samples
    usual = max(round(_CHUNK * freq / row), 1)
    most = max(len(one.samples) for one in expected)
    pairs: list[tuple[Reference, np.ndarray]] = []
    # Row by row the shorter ones; an odd number of rows; the usual chunk; all at once.
    for rows, longest in ((1, int(_SHORT * freq)), (3, most), (usual, most), (most, most)):
        chosen = [one for one in expected if len(one.samples) <= longest]
        outputs = streamed(network, [one.samples for one in chosen], rows)
        pairs += zip(chosen, outputs)
    samples = max((one.samples for one in expected), key=len)[: int(_TIMED * freq)]
    found = compared(pairs, decoder)
    seconds = len(samples) / freq
    factor = real_time_factor(lambda: streamed(network, [samples], usual), seconds)
    return replace(found, real_time_factor=factor)


def compared(pairs: Iterable[tuple[Reference, np.ndarray]], decoder: Decoder) -> Comparison:
    """Log-probabilities beside those that were expected; how long it took is not known."""
    difference, excess, others, count = 0.0, 0.0, 0, 0
    problem = None
    for one, log_probs in pairs:
        count += 1
        if log_probs.shape != one.log_probs.shape:
            shapes = f"{list(log_probs.shape)} instead of {list(one.log_probs.shape)}"
            problem = f"log-probabilities {shapes} for {len(one.samples)} samples"
            break
        apart = float(np.abs(log_probs - one.log_probs).max(initial=0.0))
        apart = apart if np.isfinite(apart) else np.inf
        difference, excess = max(difference, apart), max(excess, apart / one.tolerance)
        others += _text(decoder, log_probs) != one.text
    if problem is not None:
        return Comparison(np.inf, np.inf, count, count, np.nan, problem)
    return Comparison(difference, excess, others, count, np.nan)


def check_difference(path: Path, found: Comparison, is_quantised: bool = False) -> None:
    """Ends the export of a model that is not the trained one.

    Args:
      path: the model's file.
      found: how it compares.
      is_quantised: it may be off by any number.

    Raises:
      InputError: it gives too many or too few log-probabilities, or none; or those of a model in
        float32 are farther off than rounding.
    """
    is_close = np.isfinite(found.difference) if is_quantised else found.excess <= 1
    if found.problem is None and is_close:
        return
    said = found.problem or f"log-probabilities up to {found.difference:.2g} off"
    problem = Problem(
        str(path),
        said,
        f"those of the trained model to {TOLERANCE:g}, or as far as rounding moves them",
        "Leave this format out with --formats, and report it: the conversion is wrong.",
    )
    raise InputError("The exported model is not the trained one:", [problem])


def _text(decoder: Decoder, log_probs: np.ndarray) -> str:
    return decoder.decode(log_probs[None], np.array([len(log_probs)]))[0].text


def real_time_factor(compute: Callable[[], object], seconds: float) -> float:
    """Seconds of computing for a second of audio, the best of some turns."""
    best = np.inf
    for _ in range(_REPEATS):
        start = time.perf_counter()
        compute()
        best = min(best, time.perf_counter() - start)
    return float(best) / seconds
