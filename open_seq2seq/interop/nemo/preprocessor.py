"""NeMo's `AudioToMelSpectrogramPreprocessor` as parameters of our front-end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from open_seq2seq.features.filters_file import StoredFilters
from open_seq2seq.interop.nemo.era import Era
from open_seq2seq.interop.nemo.refusal import refusal
from open_seq2seq.interop.nemo.section import Section
from open_seq2seq.interop.nemo.weights import Used

_CLASSES = ("AudioToMelSpectrogramPreprocessor", "")
# Where the buffers are: PyTorch's own STFT, torchaudio's, and a convolution as STFT (0.10, 0.11).
_WINDOWS = ("featurizer.window", "featurizer._mel_spec_extractor.spectrogram.window")
_FILTERS = ("featurizer.fb", "featurizer._mel_spec_extractor.mel_scale.fb")
_BASIS = "featurizer.stft.forward_basis"
_SHAPES: Mapping[str, Callable[[int], np.ndarray]] = {
    "hann": np.hanning,
    "hamming": np.hamming,
    "blackman": np.blackman,
    "bartlett": np.bartlett,
}
_GUARDS = {"eps": float(np.finfo(np.float32).eps), "tiny": float(np.finfo(np.float32).tiny)}
_MOST_FEATURES, _MOST_FFT = 4096, 1 << 16


@dataclass
class FrontEndChoice:
    """A front-end.

    Args:
      params: parameters of a data layer, but for `filters_file`.
      stored: its window and filters.
      notes: what a user should know, one sentence each.
    """

    params: dict[str, Any]
    stored: StoredFilters
    notes: list[str] = field(default_factory=list)


def read_preprocessor(
    config: Section,
    sample_rate: int,
    tensors: Mapping[str, Callable[[], np.ndarray]],
    used: Used,
    era: Era,
    prefix: str = "preprocessor.",
) -> FrontEndChoice:
    """The front-end of a config, with the window and the filters of the file.

    Args:
      config: the preprocessor's.
      sample_rate: the model's, in Hz, where the preprocessor says none.
      tensors: functions that read the file's, by name.
      used: gets the names of those that are used.
      era: whose edges and lengths it has.
      prefix: of the names.

    Raises:
      InputError: it is another preprocessor, or one that can't be exact.
    """
    _check_kind(config)
    rate = config.whole("sample_rate", sample_rate, most=1_000_000)
    window = _samples(config, "window_size", "n_window_size", 0.02, rate)
    hop = _samples(config, "window_stride", "n_window_stride", 0.01, rate)
    num_fft = _num_fft(config, window)
    features = config.whole("features", 64, most=_MOST_FEATURES)
    times = config.whole("frame_splicing", 1, most=64)
    notes: list[str] = []
    filters = _filters(config, tensors, used, prefix, (num_fft // 2 + 1, features), rate, notes)
    shape = _window(config, tensors, used, prefix, (window, num_fft), notes)
    # NeMo's frame splicing repeats the same frame: equal copies of the features.
    stored = StoredFilters(np.tile(filters, (1, times)).astype(np.float32), shape)
    params: dict[str, Any] = {
        "backend": "nemo",
        "input_type": "logfbank",
        "sample_freq": rate,
        "num_audio_features": features * times,
        "window_size": window / rate,
        "window_stride": hop / rate,
        "num_fft": num_fft,
        "edges": era.edges,
        "frame_count": era.frame_count,
        "pre_emphasis": _pre_emphasis(config),
        "magnitude_power": config.one_of(
            "mag_power", (1, 2), 2.0, "Other powers are unknown here."
        ),
        "take_log": config.flag("log", True),
        "log_guard": config.one_of("log_zero_guard_type", ("add", "clamp"), "add"),
        "log_guard_value": _guard(config),
        **_normalization(config, features, times),
        "dither": max(config.number("dither", 1e-5), 0.0),
        "pad_to": _pad_to(config),
    }
    params["magnitude_power"] = float(params["magnitude_power"])
    config.ignore(
        "pad_value", "window", "lowfreq", "highfreq", "mel_norm", "rng", "nb_augmentation_prob",
        "nb_max_freq", "stft_conv", "stft_exact_pad", "use_grads", "_target_",
        "name", "feat_type", "int_values", "max_duration", "trim_silence", "stft", "use_torch_stft",
    )  # fmt: skip
    if config.unread:
        notes.append(f"not looked at in {config.where}: {', '.join(config.unread)}")
    return FrontEndChoice(params, stored, notes)


def _check_kind(config: Section) -> None:
    kind = config.text("_target_").rpartition(".")[2]
    if kind not in _CLASSES:
        expected = f"{_CLASSES[0]}: other features can't be exact"
        raise config.refused("_target_", expected)
    for key in ("exact_pad", "stft_exact_pad"):
        if config.flag(key, False):
            raise config.refused(key, "false: frames that are not centred are not imported")
    if config.flag("use_torchaudio", False):
        expected = (
            "false: torchaudio's features have other deviations, and NeMo ignores the key from 2.7 "
            "on. For that NeMo's numbers, set it to false in the file's model_config.yaml"
        )
        raise config.refused("use_torchaudio", expected)
    if config.text("feat_type", "logfbank") not in ("logfbank", "mel", "log_mel"):
        raise config.refused("feat_type", "'logfbank'")


def _samples(config: Section, seconds: str, samples: str, default: float, rate: int) -> int:
    """A length that is given in seconds or in samples."""
    if config.get(samples) is not None:
        return config.whole(samples, 1, most=1 << 20)
    length = config.number(seconds, default) * rate
    if not 1 <= length < 1 << 20:
        raise config.refused(seconds, f"at least a sample at {rate} Hz")
    if seconds == "window_stride" and abs(length - round(length)) > 1e-6:
        raise config.refused(seconds, f"whole samples at {rate} Hz, not {length:.3f}")
    # As NeMo rounds: down, but for what is not exact in binary.
    return int(length) if abs(length - round(length)) > 1e-6 else round(length)


def _num_fft(config: Section, window: int) -> int:
    if config.get("n_fft") is None:
        return 1 << max(window - 1, 0).bit_length()
    num_fft = config.whole("n_fft", 512, most=_MOST_FFT)
    if num_fft < window:
        raise config.refused("n_fft", f"at least the window's {window} samples")
    if num_fft % 2:
        raise config.refused("n_fft", "an even number")
    return num_fft


def _filters(
    config: Section,
    tensors: Mapping[str, Callable[[], np.ndarray]],
    used: Used,
    prefix: str,
    shape: tuple[int, int],
    rate: int,
    notes: list[str],
) -> np.ndarray:
    """`[bin, feature]`: the file's, or those of librosa, which it was made with."""
    for name in (prefix + one for one in _FILTERS):
        if name not in tensors:
            continue
        values = np.asarray(tensors[name](), np.float32)
        used.used[name] = "the mel filters of the front-end"
        # torchaudio's is the transpose.
        values = values.reshape(values.shape[-2:]) if values.ndim == 3 else values
        values = values if name.endswith("mel_scale.fb") else values.T
        return _checked(values, shape, name)
    import librosa

    low, high = config.number("lowfreq", 0.0), config.get("highfreq")
    norm = config.get("mel_norm", "slaney")
    if norm not in ("slaney", None):
        raise config.refused("mel_norm", "'slaney' or null")
    notes.append("the file has no mel filters: librosa's, as the config describes them")
    mel = librosa.filters.mel(
        sr=rate,
        n_fft=2 * (shape[0] - 1),
        n_mels=shape[1],
        fmin=low,
        fmax=None if high is None else config.number("highfreq", rate / 2),
        norm=norm,
    )
    return np.ascontiguousarray(mel.T, np.float32)


def _window(
    config: Section,
    tensors: Mapping[str, Callable[[], np.ndarray]],
    used: Used,
    prefix: str,
    sizes: tuple[int, int],
    notes: list[str],
) -> np.ndarray | None:
    """`[window_length]`: the file's, or the one that the config names; None: rectangular."""
    length, num_fft = sizes
    for name in (prefix + one for one in _WINDOWS):
        if name in tensors:
            used.used[name] = "the window of the front-end"
            values = np.asarray(tensors[name](), np.float32)
            return _checked(values, (length,), name)
    basis = prefix + _BASIS
    if basis in tensors:
        # Its first row is the cosine of frequency 0, times the window in the middle of the FFT.
        values = np.asarray(tensors[basis](), np.float32)
        used.used[basis] = "its window, that of the front-end"
        inverse = prefix + "featurizer.stft.inverse_basis"
        if inverse in tensors:
            used.unused[inverse] = "turns spectra into samples"
        values = _checked(values.reshape(len(values), -1), (num_fft + 2, num_fft), basis)[0]
        left = (num_fft - length) // 2
        return values[left : left + length].copy()
    kind = config.text("window", "hann")
    is_null = "window" in config.values and config.values["window"] is None
    notes.append("the file has no window: the one that the config names")
    if config.flag("stft_conv", False) and kind == "hann":
        return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)
    shape = None if is_null else _SHAPES.get(kind)
    return None if shape is None else shape(length).astype(np.float32)


def _checked(values: np.ndarray, shape: tuple[int, ...], name: str) -> np.ndarray:
    if values.shape != shape or not np.isfinite(values).all():
        found = f"shape {list(values.shape)}"
        if values.shape == shape:
            found = "values that are not finite"
        raise refusal(name, found, f"{list(shape)} finite numbers, as the config has it")
    return np.ascontiguousarray(values)


def _pre_emphasis(config: Section) -> float | None:
    if "preemph" in config.values and config.get("preemph") is None:
        return None
    return config.number("preemph", 0.97)


def _guard(config: Section) -> float:
    value = config.get("log_zero_guard_value", 2.0**-24)
    if value in _GUARDS:
        return _GUARDS[value]
    number = config.number("log_zero_guard_value", 2.0**-24)
    if number <= 0:
        raise config.refused("log_zero_guard_value", "more than 0, 'eps' or 'tiny'")
    return number


def _normalization(config: Section, features: int, times: int) -> dict[str, Any]:
    kind = config.get("normalize", "per_feature")
    if isinstance(kind, Mapping):
        fixed = config.part("normalize")
        vectors = [_vector(fixed, name, features) for name in ("fixed_mean", "fixed_std")]
        mean, deviation = (np.tile(vector, times).tolist() for vector in vectors)
        return {"feature_norm": "fixed", "features_mean": mean, "features_std_dev": deviation}
    if kind == "per_feature":
        return {"norm_per_feature": True}
    if kind == "all_features":
        return {"norm_per_feature": False}
    return {"feature_norm": "none"}


def _vector(fixed: Section, name: str, features: int) -> np.ndarray:
    value = fixed.get(name)
    try:
        vector = np.asarray(value, np.float32).reshape(-1)
    except (TypeError, ValueError, OverflowError):
        vector = np.zeros(0, np.float32)
    if vector.shape != (features,) or not np.isfinite(vector).all():
        raise fixed.refused(name, f"{features} finite numbers, one for each feature")
    if name == "fixed_std" and (vector < 1e-5).any():
        raise fixed.refused(name, "deviations of at least 1e-5")
    return vector


def _pad_to(config: Section) -> int:
    """Frames of a batch are a multiple of this; it changes no number here."""
    if config.get("pad_to") == "max":
        return 0
    return config.whole("pad_to", 16, least=0, most=4096)
