"""Small models that stream, of every kind of layer, and their graphs."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from keras import ops

from open_seq2seq.encoders import ConformerEncoder, DeepSpeech2Encoder
from open_seq2seq.export.formats.written import FORMATS, STREAM_FORMATS, Written
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.inference.exported_stream import ExportedStream
from tests.export.small_models import DS2, LIBROSA, RATE, conv, experiment_of, tdnn

GAIN = {"gain": 1 / 32768}
STATISTICS = {"features_mean": [-5.0] * 16, "features_std_dev": [3.0] * 16}
FIXED = {**LIBROSA, **GAIN, **STATISTICS, "feature_norm": "fixed"}
RUNNING = {**LIBROSA, **GAIN, **STATISTICS, "feature_norm": "running"}
FRONT_ENDS: dict[str, dict[str, Any]] = {
    "fixed": FIXED,
    # Sums that forget soon and begin with nothing, of all features together; no dither.
    "running": {**RUNNING, "running_prior_frames": 0.0, "running_time_constant": 0.3,
                "norm_per_feature": False, "dither": 0.0},
    "running for ever": {**RUNNING, "running_time_constant": None},
    # Frames that see farther than a row: with a stride of 1 the first one waits.
    "long window": {**FIXED, "window_size": 0.045, "num_fft": 512, "window": "hamming"},
    "cepstra": {**RUNNING, "input_type": "mfcc", "noise_floor": -50},
    "spectrogram": {**FIXED, "input_type": "spectrogram"},
}  # fmt: skip
sep = {"type": "sep_conv1d"}
ENCODERS: dict[str, tuple[type, dict[str, Any]]] = {
    "quartznet": tdnn(
        conv(**sep, kernel_size=[11], stride=[2]),
        conv(**sep, kernel_size=[13], repeat=3, residual=True),
        conv(**sep, kernel_size=[15], repeat=2, residual=True, num_channels=32),
        conv(**sep, kernel_size=[7], dilation=[2]),
        conv(kernel_size=[1]),
    ),
    "jasper": tdnn(
        conv(kernel_size=[11], stride=[2]),
        conv(repeat=2, residual=True, residual_dense=True),
        conv(kernel_size=[3]),
        conv(repeat=2, residual=True, residual_dense=True, num_channels=32),
        conv(kernel_size=[3], dilation=[2]),
        activation_fn=lambda x: ops.minimum(ops.relu(x), 20.0),
    ),
    "strides": tdnn(
        conv(kernel_size=[4], stride=[3]),
        conv(kernel_size=[1], stride=[2]),
        conv(kernel_size=[6], stride=[2], padding=[3, 1]),
        conv(kernel_size=[3]),
    ),
    "looking ahead little": tdnn(
        conv(**sep, kernel_size=[11], stride=[2]),
        conv(**sep, kernel_size=[13], repeat=2, residual=True),
        look_ahead=9,
    ),
    "causal": tdnn(conv(type="tcn", kernel_size=[5]), conv(padding="CAUSAL", stride=[2])),
    "valid": tdnn(conv(padding="VALID"), conv(padding="VALID", stride=[2]), conv()),
    "images": tdnn(
        conv(type="conv2d", kernel_size=[5, 5], stride=[2, 1], dilation=[1, 1], num_channels=6),
        conv(type="conv2d", kernel_size=[3, 3], stride=[1, 2], dilation=[1, 1], num_channels=8),
    ),
}


def _deepspeech2(rnn_type: str, **more: Any) -> tuple[type, dict[str, Any]]:
    params = {**DS2, "rnn_type": rnn_type, "rnn_unidirectional": True, "row_conv": False, **more}
    return DeepSpeech2Encoder, params


def _conformer(**more: Any) -> tuple[type, dict[str, Any]]:
    params = {"num_layers": 3, "hidden_size": 16, "num_heads": 2, "subsampling_factor": 4,
              "subsampling_channels": 8, "conv_kernel_size": 5, **more}  # fmt: skip
    return ConformerEncoder, params


_CHUNKS = {"attention_context": [8, 3], "attention_style": "chunked_limited"}
ENCODERS |= {
    "conformer": _conformer(attention_context=[7, 2]),
    # What waits at a convolution waits for the next chunk.
    "chunks": _conformer(**_CHUNKS, subsampling="dw_striding"),
    "causal chunks": _conformer(**_CHUNKS, conv_padding="CAUSAL", causal_subsampling=True,
                                conv_normalization="layer_norm", scale_inputs=True),
    "no frames before": _conformer(attention_context=[0, 1], use_bias=False),
}  # fmt: skip
_ROW = {"row_conv": True, "row_conv_width": 5}
ENCODERS |= {
    "gru": _deepspeech2("gru", **_ROW),
    "cudnn_gru": _deepspeech2("cudnn_gru"),
    "lstm": _deepspeech2("lstm", **_ROW, rnn_batch_norm=True),
    "cudnn_lstm": _deepspeech2("cudnn_lstm", look_ahead=0),
    "relu_rnn": _deepspeech2("relu_rnn"),
    "layernorm_lstm": _deepspeech2("layernorm_lstm", **_ROW),
}


@cache
def trained(encoder: str, front_end: str) -> TrainedModel:
    """A model by the names of its parts, whose outputs depend on all it sees."""
    model = TrainedModel.of(experiment_of(*ENCODERS[encoder], FRONT_ENDS[front_end]))
    for variable in model.network.variables:
        if variable.path.endswith(("depthwise_kernel", "row_conv/kernel", "rnn_0_kernel")):
            variable.assign(2.0 * variable)
    return model


@cache
def stream_of(encoder: str, front_end: str, format_name: str = "onnx") -> ExportedStream:
    """Its graph of streams in a format."""
    model = trained(encoder, front_end)
    with TemporaryDirectory() as folder:
        written = (FORMATS | STREAM_FORMATS)[format_name](model, Path(folder))
        return _loaded(model, Path(folder), written)


def _loaded(model: TrainedModel, folder: Path, written: Written) -> ExportedStream:
    file = written.file
    assert file.stream is not None and file.runtime is not None
    path = folder / written.name
    return ExportedStream(path, file.runtime, file.stream, model.classes, RATE, threads=1)
