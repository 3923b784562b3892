"""What the convolutions of an encoder see of its time axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from open_seq2seq.encoders import ConformerEncoder, DeepSpeech2Encoder, TDNNEncoder
from open_seq2seq.layers.attention_context import AttentionContext
from open_seq2seq.layers.time_window import TimeWindow


@dataclass(frozen=True)
class Chunks:
    """Where layers begin that compute frames in chunks, from an utterance's first frame on.

    Args:
      size: frames of a chunk.
    """

    size: int


# What happens to a time axis.
Step: TypeAlias = TimeWindow | Chunks


def _tdnn_windows(encoder: TDNNEncoder) -> list[TimeWindow]:
    return [sub_block.window for block in encoder.blocks for sub_block in block]


def _deepspeech2_windows(encoder: DeepSpeech2Encoder) -> list[TimeWindow]:
    row = [] if encoder.row_conv is None else [encoder.row_conv.window]
    return [*(one.window for one in encoder.convolutions), *row]


def _conformer_windows(encoder: ConformerEncoder) -> list[Step]:
    steps: list[Step] = [*encoder.subsampling.windows]
    context = encoder.context_of_attention
    if context.is_limited:
        for block in encoder.blocks:
            layers = (attention_window(context), block.convolution.window)
            steps += [Chunks(context.chunk), *layers]
    return steps


def attention_window(context: AttentionContext) -> TimeWindow:
    """What an attention sees of the time axis, as if it were a convolution.

    With chunks: of an input that begins and ends with chunks. Without limits: its own frame.
    """
    before, after = (context.before, context.after) if context.is_limited else (0, 0)
    return TimeWindow(before + after + 1, padding=(before, after))


# The time axes of an encoder's layers, from the input upwards.
WINDOWS: dict[type, Callable[[Any], Sequence[Step]]] = {
    TDNNEncoder: _tdnn_windows,
    DeepSpeech2Encoder: _deepspeech2_windows,
    ConformerEncoder: _conformer_windows,
}


def piece_rows(encoder: Any) -> int:
    """Rows of which a piece of a stream has a multiple: the frames that are computed together."""
    chunks = [one.size for one in WINDOWS[type(encoder)](encoder) if isinstance(one, Chunks)]
    return max(chunks, default=1)


def fewest_frames(steps: Sequence[Step]) -> int:
    """Of the input of convolutions that follow each other, for one output of the last."""
    frames = 1
    for window in reversed([one for one in steps if isinstance(one, TimeWindow)]):
        seen = (frames - 1) * window.stride + window.span + 1
        frames = max(seen - sum(window.widths), 1)
    return frames
