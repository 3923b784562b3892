"""The parameters of `DeepSpeech2Encoder`, and what must hold between them."""

from __future__ import annotations

from collections.abc import Iterator

from open_seq2seq.config.schema import CALLABLE, Param, Params, Schema
from open_seq2seq.encoders.look_ahead import (
    LOOK_AHEAD,
    LOOK_AHEAD_SECONDS,
    look_ahead_problems,
    padding_param,
    padding_problems,
    place,
    window_of,
)
from open_seq2seq.errors import Problem
from open_seq2seq.layers.time_window import TimeWindow

RNN_TYPES = ("layernorm_lstm", "lstm", "gru", "cudnn_gru", "cudnn_lstm", "relu_rnn")
# These have one implementation, whatever `use_cudnn_rnn` says, so it may not say True.
NOT_IN_CUDNN = ("layernorm_lstm", "relu_rnn")
ARRANGEMENTS = ("interleaved", "stacks")
DATA_FORMATS = ("channels_last", "channels_first", "BTFC", "BTCF", "BCTF", "BCFT", "BFTC")


def is_cudnn(params: Params) -> bool:
    """Whether the cells are cuDNN's variants."""
    return params.get("use_cudnn_rnn") or params["rnn_type"].startswith("cudnn_")


def arrangement(params: Params) -> str:
    """How the layers of both directions are put together."""
    usual = "interleaved" if params.get("use_cudnn_rnn") else "stacks"
    return params.get("rnn_arrangement") or usual


def _pair(name: str, help: str) -> Param:
    return Param(name, list, help, item=Param("axis", int, "Along one axis.", minimum=1))


def _check_layer(layer: Params, where: str) -> Iterator[Problem]:
    for name in ("kernel_size", "stride"):
        if len(layer[name]) != 2:
            remedy = f"Set {name} to {([*layer[name], 1, 1])[:2]}."
            expected = "2 numbers, [time, frequency]"
            yield Problem(f"{where}/{name}", repr(layer[name]), expected, remedy)
    kernel_size = (layer["kernel_size"] or [1])[0]
    yield from padding_problems(layer["padding"], kernel_size, 1, f"{where}/padding")


CONVOLUTION = Schema(
    "a layer of conv_layers",
    [
        _pair("kernel_size", "Taps of the kernel, [time, frequency]."),
        _pair("stride", "Step of the kernel, [time, frequency]."),
        Param("num_channels", int, "Channels of the output.", minimum=1),
        padding_param(),
    ],
    check=_check_layer,
    summary="Convolution over time and frequency, batch normalization, activation.",
)


def windows_of(params: Params) -> list[TimeWindow]:
    """The time axes of the convolutions, and of the row convolution if there is one."""
    windows = [window_of(layer) for layer in params["conv_layers"]]
    if has_row_convolution(params):
        windows.append(TimeWindow(params["row_conv_width"]))
    return windows


def has_row_convolution(params: Params) -> bool:
    """Whether there is a row convolution, of at least two taps."""
    return bool(params.get("row_conv")) and (params.get("row_conv_width") or 0) > 1


def _check_encoder(params: Params, where: str) -> Iterator[Problem]:
    kind = params["rnn_type"]
    if kind in NOT_IN_CUDNN and params.get("use_cudnn_rnn"):
        yield Problem(
            place(where, "rnn_type"),
            f"{kind!r} with use_cudnn_rnn True",
            "one of gru, lstm, cudnn_gru, cudnn_lstm with use_cudnn_rnn",
            f"Set use_cudnn_rnn to False to use {kind}: cuDNN has no such cell.",
        )
    if params.get("row_conv") and params.get("row_conv_width") is None:
        remedy = "Set row_conv_width to 8, or set row_conv to False."
        yield Problem(place(where, "row_conv_width"), "nothing", "int with row_conv", remedy)
    merge = params.get("rnn_merge", "concat")
    if merge == "sum" and arrangement(params) == "stacks":
        remedy = "Set rnn_arrangement to 'interleaved', or set rnn_merge to 'concat'."
        yield Problem(place(where, "rnn_merge"), "'sum'", "concat for two stacks", remedy)
    look_ahead = params.get("look_ahead")
    yield from look_ahead_problems(look_ahead, windows_of(params), place(where, "look_ahead"))
    if look_ahead is not None and params["num_rnn_layers"] and not params["rnn_unidirectional"]:
        yield Problem(
            place(where, "rnn_unidirectional"),
            "False with look_ahead",
            "True",
            "Set rnn_unidirectional to True: a backward layer looks at the whole utterance.",
        )


DEEP_SPEECH_2 = Schema(
    "DeepSpeech2Encoder",
    [
        Param(
            "dropout_keep_prob",
            float,
            "Probability of keeping an output in training: of each layer of two stacks, between "
            "layers otherwise, and of the dense layer.",
            minimum=0.0,
            maximum=1.0,
        ),
        Param(
            "rnn_weight_drop_prob",
            float,
            "Probability in training that a weight of a recurrent kernel is 0, drawn once for all "
            "frames of a batch (weight drop).",
            0.0,
            minimum=0.0,
            maximum=0.9,
        ),
        Param(
            "conv_layers",
            list,
            "The convolutions, from the features upwards; may be empty.",
            item=Param("layer", dict, "One convolution.", schema=CONVOLUTION),
        ),
        Param(
            "activation_fn",
            (str, CALLABLE),
            "Applied after the convolutions, the row convolution and the dense layer: a function, "
            "or a Keras activation's name.",
        ),
        Param("num_rnn_layers", int, "Recurrent layers; 0: none.", minimum=0),
        Param(
            "row_conv",
            bool,
            "Whether a convolution of each channel over time follows the recurrent layers.",
            False,
        ),
        Param("n_hidden", int, "Channels of the dense layer, the output.", minimum=1),
        Param(
            "use_cudnn_rnn",
            bool,
            "The cells and the arrangement of OpenSeq2Seq's cuDNN layers: the reset gate after "
            "the recurrent product, two biases, both directions' outputs as the input of each "
            "layer. cuDNN itself is not needed, and lengths are respected.",
            False,
        ),
        Param("rnn_cell_dim", int, "Units of each recurrent layer and direction.", minimum=1),
        Param(
            "rnn_type",
            str,
            "The cell; relu_rnn is Deep Speech 2's simple one, clipped at 20. cudnn_gru and "
            "cudnn_lstm are cuDNN's cells in either arrangement.",
            choices=RNN_TYPES,
        ),
        Param("rnn_unidirectional", bool, "Only forward in time, not in both directions."),
        Param(
            "row_conv_width",
            int,
            "Taps of the row convolution, half of them ahead; below 2: no row convolution.",
            None,
            minimum=0,
        ),
        Param(
            "data_format",
            str,
            "Accepted for old configs, without effect: inputs and outputs are "
            "[batch, time, feature].",
            "channels_last",
            choices=DATA_FORMATS,
            no_effect="the layout of the arrays inside is chosen by itself.",
        ),
        Param(
            "bn_momentum",
            float,
            "Share of the old value when batch normalization's moving statistics are updated.",
            0.99,
            minimum=0.0,
            maximum=1.0,
        ),
        Param(
            "bn_epsilon", float, "Added to the variance in batch normalization.", 1e-3, minimum=0.0
        ),
        Param(
            "rnn_arrangement",
            (str, type(None)),
            "interleaved: each layer reads both directions of the one below, and dropout is "
            "between layers. stacks: each direction is a stack of its own, joined at the top, "
            "and dropout follows each layer. None: interleaved with use_cudnn_rnn, else stacks.",
            None,
            choices=(*ARRANGEMENTS, None),
        ),
        Param(
            "rnn_merge",
            str,
            "How the two directions are put together: side by side, or added.",
            "concat",
            choices=("concat", "sum"),
        ),
        Param(
            "rnn_batch_norm",
            bool,
            "Batch normalization, over all frames, of each recurrent layer's product with its "
            "input (Deep Speech 2, section 3.2).",
            False,
        ),
        LOOK_AHEAD,
        LOOK_AHEAD_SECONDS,
    ],
    check=_check_encoder,
    summary="Convolutions over time and frequency, recurrent layers, a dense layer.",
)
