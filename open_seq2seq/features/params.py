"""The parameters of the feature front-ends, as configs spell them."""

from __future__ import annotations

from typing import Any

import numpy as np

from open_seq2seq.config.schema import Param
from open_seq2seq.features.nemo_params import NEMO_PARAMS

STORED = "stored"
NORMS = ("utterance", "fixed", "running", "none")


def _vector(value: Any) -> np.ndarray:
    return np.asarray(value, dtype=np.float32)


FEATURE_PARAMS: list[Param] = [
    Param("num_audio_features", int, "Number of features per frame.", minimum=1),
    Param(
        "input_type",
        str,
        "Kind of features: log power spectrum, cepstral coefficients or log mel energies; stored: "
        "dataset_files have features that were computed elsewhere (Kaldi's archives), which are "
        "normalised as backend librosa does and otherwise taken as they are.",
        choices=("spectrogram", "mfcc", "logfbank", STORED),
    ),
    Param(
        "backend",
        str,
        "Front-end: psf computes what python_speech_features does, librosa what librosa does, nemo "
        "(logfbank) what NVIDIA NeMo does.",
        default="psf",
        choices=("psf", "librosa", "nemo"),
    ),
    Param(
        "pad_to",
        int,
        "Make the number of frames a multiple of this (0: off): psf appends silence to each "
        "recording before the features, librosa and nemo append zero frames to the batch.",
        default=8,
        minimum=0,
    ),
    Param("window_size", float, "Length of a frame, in seconds.", default=0.02),
    Param("window_stride", float, "Step between frames, in seconds.", default=0.01),
    Param(
        "dither",
        float,
        "Level of the noise added to the signal, relative to its peak (the published models "
        "use 1e-5); the same noise each time outside training. nemo: relative to full scale, "
        "and in training only. psf ignores it.",
        default=0.0,
        minimum=0.0,
    ),
    Param(
        "norm_per_feature",
        bool,
        "Normalise each feature over time instead of all features together. With feature_norm "
        "'utterance', psf ignores it.",
        default=False,
    ),
    Param(
        "norm_range",
        float,
        "Normalise by the mean and deviation of the frames whose power is within so many dB of the "
        "loudest (35 suits speech), so that pauses do not change what speech looks like; fixed "
        "statistics are measured on such frames. None: on all frames, as OpenSeq2Seq did. librosa "
        "only.",
        default=None,
        minimum=1.0,
    ),
    Param(
        "noise_floor",
        float,
        "Add the power of white noise of this level to each band before the logarithm, in dB "
        "relative to the signal's peak (with gain: to full scale); -70 suits recorded speech. What "
        "is far below looks alike, and digital silence like a quiet room. None: the floor is "
        "1e-20 (spectrogram: 1e-30), as in OpenSeq2Seq. librosa only.",
        default=None,
        maximum=0.0,
    ),
    Param(
        "window",
        str,
        "Shape of the window. psf ignores it: Hann for spectrogram, otherwise none.",
        default="hanning",
        choices=("hanning", "hamming", "none"),
    ),
    Param(
        "num_fft",
        int,
        "FFT length for mfcc and logfbank; None: the next power of two from the window. "
        "spectrogram uses the window's length. psf ignores it: at least 512.",
        default=None,
        minimum=1,
    ),
    Param(
        "precompute_mel_basis",
        bool,
        "Accepted for old configs and without effect: mel filters are always made only once.",
        default=False,
        no_effect="mel filters are always made only once.",
    ),
    Param("sample_freq", int, "Sample rate of the features' signal, in Hz.", 16000, minimum=1),
    Param(
        "gain",
        float,
        "Factor for the 16-bit scale signal; None: 1 / (its peak + 1e-5), which needs the whole "
        "recording; 3.0517578125e-05 (1/32768) leaves samples as they are. librosa only.",
        default=None,
    ),
    Param(
        "feature_norm",
        str,
        "Whose mean and deviation normalise the features. utterance: the recording's own; fixed: "
        "those of the training data, the same for every recording; running: those of the recording "
        "up to each frame, begun with those of the training data; none: features stay as they are. "
        "Streams need fixed, running or none. None: fixed where features_mean and "
        "features_std_dev are given, otherwise utterance.",
        default=None,
        choices=NORMS,
    ),
    Param(
        "feature_norm_recordings",
        (int, type(None)),
        "Recordings of the training data that fixed and running measure means and deviations on "
        "when training starts, drawn by random_seed; None: all. Given statistics are not measured.",
        default=1000,
        minimum=1,
    ),
    Param(
        "feature_norm_file",
        str,
        "File of scripts/measure_features.py: its means and deviations are used when training "
        "starts, instead of measuring. The checkpoint keeps them: other modes need no file.",
        default=None,
    ),
    Param(
        "running_prior_frames",
        float,
        "How many frames the training data's mean and deviation count for at the beginning of a "
        "recording (running); 0: nothing, and they are not measured.",
        default=100.0,
        minimum=0.0,
    ),
    Param(
        "running_time_constant",
        (float, type(None)),
        "Seconds after which a frame counts 1/e of what it did (running); None: nothing is "
        "forgotten.",
        default=30.0,
        minimum=0.1,
    ),
    Param(
        "features_mean",
        (list, np.ndarray),
        "Mean of each feature, instead of the recording's own; with feature_norm 'running' that "
        "of the beginning. Without feature_norm, psf ignores it.",
        default=None,
        item=Param("mean", float, "Mean of one feature."),
        convert=_vector,
    ),
    Param(
        "features_std_dev",
        (list, np.ndarray),
        "Standard deviation of each feature, as features_mean. Without feature_norm, psf ignores "
        "it.",
        default=None,
        item=Param("deviation", float, "Standard deviation of one feature."),
        convert=_vector,
    ),
    Param(
        "legacy_mfcc",
        bool,
        "librosa mfcc as OpenSeq2Seq computed it: the DCT of the linear power spectrum, "
        "without mel filters and logarithm.",
        default=False,
    ),
    *NEMO_PARAMS,
]
