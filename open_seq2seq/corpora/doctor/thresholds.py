"""From where on the data doctor speaks up: every threshold, its unit and its reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """The limits of the checks. Levels are in dB relative to full scale (dBFS).

    Where a reason says "measured", docs/data_doctor.md has the measurement.

    Args:
      full_scale: a sample from here on (1.0 is the largest) may be cut off. Not exactly 1, as
        converters cut at 32767 / 32768 and some tools a little below.
      clip_run: so many samples in a row at full scale are clipping; a single one is the peak of
        a recording that was normalised to full scale.
      clip_share: share of clipped samples from which a recording is reported. Below it nobody
        hears it, and Mel energies hardly change.
      frame_seconds: length of the frames whose levels are compared, a pitch period or more.
      silence_below_loud: dB that a silent frame is below the loud ones (their 95th percentile).
        Weak consonants are up to 30 dB below vowels.
      silence_floor: dBFS below which a frame is silent in any case: 16-bit noise is at -98.
      silent_file: dBFS; a recording whose loud frames are below it has nothing in it.
      quiet_speech: dBFS; speech below it has lost 7 of 16 bits, and noise of the converter shows.
      steady_range: dB between the 5th and 95th percentile of frame levels; sentences have 20 and
        more, single words 7 and more (measured), noise, hum and tones 0 to 2.
      steady_seconds: recordings must have so much for that; a single vowel may be steady.
      silence_share: silent share from which a recording is reported; read speech has
        up to 50 % (measured).
      edge_silence: seconds of silence before or after speech. More makes batches long for
        nothing, and often means that the end of the text was cut off or belongs elsewhere.
      dc_level: mean of the samples from which an offset is reported (-50 dBFS) ...
      dc_share: ... if it is also this share of the recording's own level (RMS).
      band_floor: dB below the strongest band (125 Hz) at which a band counts as empty. Natural
        speech stays above -50 dB up to 8 kHz, what a codec or a resampler leaves is below -57
        (measured).
      band_share: share of the band that the features see, up to which a recording must reach.
      cancelling: dB that the mean of the channels is below the channels: two microphones differ
        by 3, opposite phases by 20 and more.
      tail_percentile: duration's usual range ends at this and at 100 minus this percentile ...
      tail_factor: ... and what is beyond it by this factor is an outlier.
      rate_deviations: spreads (1.4826 * median absolute deviation of the logarithm, on either
        side) from the median label rate of the speaker, from which a rate is an outlier.
        It finds 87 % of the recordings that lost a half, and one good one of 700 (measured).
      rate_factor: a label rate within this factor of the median is never an outlier.
      rate_short: widens the limits for short texts, by this over the root of the characters: the
        rate of a word varies more than that of a sentence.
      speaker_rows: speakers with fewer recordings are compared with the whole corpus.
      statistics_rows: fewer recordings have no outliers, as there is no usual range.
      same_envelope: correlation of two recordings' level over time from which they are the same
        recording, encoded, filtered or amplified anew; compared only where text and length agree.
        MP3 and Opus leave 0.99, different recordings have 0.78 at most (measured).
      same_length: seconds that these may differ in length.
      overlap_share: share of the shorter of two segments of a file that both cover.
      repeated_text: a transcript that occurs so often is listed.
      rare_symbol: a symbol that occurs less often is listed: a network hardly learns it.
      leaked_words: a text of at least so many words that is in training and held-out data is
        reported; shorter ones come together by chance.
    """

    full_scale: float = 0.999
    clip_run: int = 3
    clip_share: float = 1e-3
    frame_seconds: float = 0.02
    silence_below_loud: float = 35.0
    silence_floor: float = -80.0
    silent_file: float = -60.0
    quiet_speech: float = -45.0
    steady_range: float = 3.0
    steady_seconds: float = 0.5
    silence_share: float = 0.7
    edge_silence: float = 2.0
    dc_level: float = 0.003
    dc_share: float = 0.1
    band_floor: float = -55.0
    band_share: float = 0.7
    cancelling: float = 10.0
    tail_percentile: float = 2.0
    tail_factor: float = 2.5
    rate_deviations: float = 6.0
    rate_factor: float = 1.5
    rate_short: float = 2.0
    speaker_rows: int = 10
    statistics_rows: int = 20
    same_envelope: float = 0.95
    same_length: float = 0.05
    overlap_share: float = 0.5
    repeated_text: int = 2
    rare_symbol: int = 20
    leaked_words: int = 4
