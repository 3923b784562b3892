"""From features to log-probabilities: a model's encoder and head as one graph."""

from __future__ import annotations

from collections.abc import Callable

from open_seq2seq.decoders.fully_connected import FullyConnectedCTCDecoder
from open_seq2seq.encoders import (
    ConformerEncoder,
    CRNNEncoder,
    DeepSpeech2Encoder,
    TDNNEncoder,
)
from open_seq2seq.encoders.encoder import Encoder
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.export.networks.conformer import build_conformer
from open_seq2seq.export.networks.crnn import build_crnn
from open_seq2seq.export.networks.deepspeech2 import build_deepspeech2
from open_seq2seq.export.networks.frames import Frames, TimeAxis
from open_seq2seq.export.networks.head import build_ctc_head
from open_seq2seq.export.networks.known import known
from open_seq2seq.export.networks.tdnn import build_tdnn
from open_seq2seq.export.networks.windows import WINDOWS, fewest_frames
from open_seq2seq.graphs.builder import GraphBuilder, Size, Value
from open_seq2seq.models import Speech2Text

# What writes the graph of an encoder: (builder, encoder, Frames) -> Frames.
NETWORKS: dict[type, Callable[..., Frames]] = {
    TDNNEncoder: build_tdnn,
    DeepSpeech2Encoder: build_deepspeech2,
    CRNNEncoder: build_crnn,
    ConformerEncoder: build_conformer,
}
# What writes that of a head: (builder, layer, values) -> log-probabilities.
HEADS: dict[type, Callable[..., Value]] = {FullyConnectedCTCDecoder: build_ctc_head}


def build_network(
    g: GraphBuilder, model: Speech2Text, features: Value, lengths: Value | None
) -> tuple[Value, Value | Size]:
    """Writes a model's evaluation, in float32 whatever its dtype.

    Batch normalizations are part of the kernels, and dropout is gone. Frames past a length are
    set to zero only where a layer would see them.

    Args:
      g: what writes.
      model: the model, with its weights.
      features: `[batch, time, feature]` float32, finite, zero past each length.
      lengths: `[batch]` whole numbers, frames of each recording; None: all of them, which saves
        every mask.

    Returns:
      Log-probabilities `[batch, time', symbol]`, blank last, of which those past a recording's
      end are of no use, and the frames of each recording in them `[batch]` (of all, a single
      number, without `lengths`).

    Raises:
      InputError: the model has an encoder, a head or an activation that no graph is known for.
    """
    if not isinstance(model, Speech2Text):
        raise InputError(
            "This model can't be exported.",
            [
                Problem(
                    "base_model",
                    f"{type(model).__name__}, whose inputs are tokens",
                    "Speech2Text: an exported graph takes recordings",
                    "Export the acoustic model; build_language_model writes the graph of this one.",
                )
            ],
        )
    log_probs, frames = build_model(g, model, _frames(g, features, lengths))
    return log_probs, frames.time.count


def build_model(g: GraphBuilder, model: Speech2Text, frames: Frames) -> tuple[Value, Frames]:
    """Writes encoder and head.

    Args:
      g: what writes.
      model: the model, with its weights.
      frames: features, zero past each length.

    Returns:
      Log-probabilities `[batch, time', symbol]`, and the encoder's frames that they are of.
    """
    head = known(HEADS, model.decoder, "decoder", f"{__name__}.HEADS")
    frames = _encoded(g, model.encoder, frames)
    return head(g, model.decoder, frames.values), frames


def build_encoder(
    g: GraphBuilder, encoder: Encoder, features: Value, lengths: Value | None
) -> Frames:
    """Writes an encoder's evaluation; see `build_network`."""
    return _encoded(g, encoder, _frames(g, features, lengths))


def _encoded(g: GraphBuilder, encoder: Encoder, frames: Frames) -> Frames:
    write = known(NETWORKS, encoder, "encoder", f"{__name__}.NETWORKS")
    windows = WINDOWS.get(type(encoder), lambda _: [])(encoder)
    return write(g, encoder, frames.time.long_enough(g, frames, fewest_frames(windows)))


def _frames(g: GraphBuilder, features: Value, lengths: Value | None) -> Frames:
    has_lengths = lengths is not None
    time = TimeAxis(lengths if has_lengths else g.size(features, 1), masks=has_lengths)
    return Frames(features, time, are_zero_past=True)
