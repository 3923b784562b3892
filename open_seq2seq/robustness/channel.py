"""What lies between a mouth and a file: a telephone, a lossy codec, a room, a tape."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import scipy.signal
import soundfile

from open_seq2seq.data.audio import resample

TELEPHONE_FREQ = 8000
TELEPHONE_BAND = (300.0, 3400.0)
_TELEPHONE_ORDER = 6

# The rates that the encoders know; for others a recording is converted and converted back.
_OPUS_FREQS = (8000, 12000, 16000, 24000, 48000)
_MP3_FREQS = (8000, 11025, 12000, 16000, 22050, 24000)

_MP3_DELAY = 4096  # samples by which a decoder may be late at most


@dataclass(frozen=True)
class Codec:
    """What libsndfile encodes with.

    Args:
      container, encoding: its names for them.
      compression_level: from 0, the highest bit rate, to 1: linear from 256 to 6 kbit/s for
        Opus; for MP3 between the highest and the lowest of the sample rate's standard, 160 and
        8 kbit/s (64 and 8 up to 12 kHz).
      bitrate_mode: of MP3.
    """

    container: str
    encoding: str
    compression_level: float | None = None
    bitrate_mode: str | None = None


MU_LAW = Codec("WAV", "ULAW")
MP3 = Codec("MP3", "MPEG_LAYER_III", 0.9, "CONSTANT")
OPUS = Codec("OGG", "OPUS", (256 - 12) / (256 - 6))


def telephone(samples: np.ndarray, sample_freq: int, mu_law: bool = False) -> np.ndarray:
    """A recording as a telephone of the fixed network passes it: 300 to 3400 Hz, 8 kHz.

    Args:
      samples: `[n]` float32.
      mu_law: with the 8 bits of G.711 (North America, Japan).

    Returns:
      `[n]` float32 at the same rate.
    """
    narrow = resample(samples, sample_freq, TELEPHONE_FREQ)
    band = scipy.signal.butter(
        _TELEPHONE_ORDER, TELEPHONE_BAND, "bandpass", output="sos", fs=TELEPHONE_FREQ
    )
    narrow = scipy.signal.sosfilt(band, narrow.astype(np.float64)).astype(np.float32)
    if mu_law:
        narrow = _coded(narrow, TELEPHONE_FREQ, MU_LAW)
    return _of_length(resample(narrow, TELEPHONE_FREQ, sample_freq), len(samples))


def mp3(samples: np.ndarray, sample_freq: int) -> np.ndarray:
    """A recording that was an MP3 of 24 kbit/s (16 where the rate is 8 kHz), `[n]` float32.

    Its samples are where they were: the encoder's delay is taken away.
    """
    freq = sample_freq if sample_freq in _MP3_FREQS else _MP3_FREQS[-1]
    given = resample(samples, sample_freq, freq)
    coded = _coded(given, freq, MP3)
    late = coded[_delay(given, coded) :]
    return _of_length(resample(late, freq, sample_freq), len(samples))


def opus(samples: np.ndarray, sample_freq: int) -> np.ndarray:
    """A recording that was an Opus file of 12 kbit/s, as of a voice message, `[n]` float32."""
    freq = sample_freq if sample_freq in _OPUS_FREQS else _OPUS_FREQS[-1]
    given = resample(samples, sample_freq, freq)
    coded = _coded(given, freq, OPUS)
    return _of_length(resample(coded, freq, sample_freq), len(samples))


def encoded(samples: np.ndarray, sample_freq: int, codec: Codec) -> io.BytesIO:
    """A file of the samples, in memory and at its beginning."""
    file = io.BytesIO()
    soundfile.write(
        file,
        # Encoders of whole numbers would wrap around beyond full scale.
        np.clip(samples, -1, 1),
        sample_freq,
        format=codec.container,
        subtype=codec.encoding,
        compression_level=codec.compression_level,
        bitrate_mode=codec.bitrate_mode,
    )
    file.seek(0)
    return file


def impulse_response(
    sample_freq: int, reverberation_time: float, rng: np.random.Generator
) -> np.ndarray:
    """A made-up room: direct sound, then noise that decays exponentially.

    Args:
      reverberation_time: RT60 in seconds: the energy of the noise falls by 60 dB in it.

    Returns:
      `[reverberation_time * sample_freq]` float64. The first number is 1, the direct sound; the
      others together have its energy (a speaker at the room's critical distance).

    Source: the statistical model of Polack (1988), "La transmission de l'energie sonore dans
    les salles".
    """
    count = max(2, round(reverberation_time * sample_freq))
    time = np.arange(count) / sample_freq
    response = rng.standard_normal(count) * 10 ** (-3 * time / reverberation_time)
    response[0] = 0
    response /= np.sqrt(np.sum(np.square(response)))
    response[0] = 1
    return response


def reverberant(
    samples: np.ndarray, sample_freq: int, reverberation_time: float, rng: np.random.Generator
) -> np.ndarray:
    """A recording in such a room, at the power that it had and without what rings on behind it.

    Returns:
      `[n]` float32.
    """
    response = impulse_response(sample_freq, reverberation_time, rng)
    wet = scipy.signal.fftconvolve(samples.astype(np.float64), response)[: len(samples)]
    energy = float(np.sum(np.square(wet)))
    if energy > 0:
        wet *= np.sqrt(np.sum(np.square(samples, dtype=np.float64)) / energy)
    return wet.astype(np.float32)


def at_speed(samples: np.ndarray, sample_freq: int, speed: float) -> np.ndarray:
    """A recording played at another speed, and pitch with it.

    Args:
      speed: above 1 is faster and shorter.

    Returns:
      `[n / speed]` float32.
    """
    return resample(samples, sample_freq, round(sample_freq / speed))


def _coded(samples: np.ndarray, sample_freq: int, codec: Codec) -> np.ndarray:
    """Encodes and decodes, in memory."""
    decoded, _ = soundfile.read(encoded(samples, sample_freq, codec), dtype="float32")
    return np.asarray(decoded)


def _delay(given: np.ndarray, coded: np.ndarray) -> int:
    """By how many samples the second is later, by their correlation."""
    correlation = scipy.signal.correlate(coded, given, method="fft")
    return int(correlation[len(given) - 1 :][:_MP3_DELAY].argmax())


def _of_length(samples: np.ndarray, count: int) -> np.ndarray:
    return np.pad(samples[:count], (0, max(0, count - len(samples))))
