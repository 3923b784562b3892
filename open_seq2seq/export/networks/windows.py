"""What the convolutions of an encoder see of its time axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from open_seq2seq.encoders import DeepSpeech2Encoder, TDNNEncoder
from open_seq2seq.layers.time_window import TimeWindow


def _tdnn_windows(encoder: TDNNEncoder) -> list[TimeWindow]:
    return [sub_block.window for block in encoder.blocks for sub_block in block]


def _deepspeech2_windows(encoder: DeepSpeech2Encoder) -> list[TimeWindow]:
    row = [] if encoder.row_conv is None else [encoder.row_conv.window]
    return [*(one.window for one in encoder.convolutions), *row]


# The time axes of an encoder's convolutions, from the input upwards.
WINDOWS: dict[type, Callable[[Any], list[TimeWindow]]] = {
    TDNNEncoder: _tdnn_windows,
    DeepSpeech2Encoder: _deepspeech2_windows,
}


def fewest_frames(windows: Sequence[TimeWindow]) -> int:
    """Of the input of convolutions that follow each other, for one output of the last."""
    frames = 1
    for window in reversed(windows):
        seen = (frames - 1) * window.stride + window.span + 1
        frames = max(seen - sum(window.widths), 1)
    return frames
