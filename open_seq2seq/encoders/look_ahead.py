"""The parameter by which an encoder looks ahead less, and what padding a config may name."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from open_seq2seq.config.schema import Param, Params
from open_seq2seq.errors import Problem
from open_seq2seq.layers.time_window import TimeWindow, fixed_look_ahead

PADDINGS = ("SAME", "VALID", "CAUSAL", "SYMMETRIC")

LOOK_AHEAD = Param(
    "look_ahead",
    (int, type(None)),
    "The most feature frames after its own that an output may depend on. From the first layer "
    "up, each with SAME padding keeps as much of its right padding as is left of them, and pads "
    "the rest on the left; those with another padding stay as they are. None: no limit.",
    None,
    minimum=0,
)

LOOK_AHEAD_SECONDS = Param(
    "look_ahead_seconds",
    (float, type(None)),
    "`look_ahead` in seconds, of which the frames (`window_stride` of the data layer) that fit "
    "count. What the front-end sees ahead comes on top. One of the two may be given.",
    None,
    minimum=0.0,
)


def padding_param(name: str = "padding", **keywords: Any) -> Param:
    """SAME, VALID, CAUSAL, SYMMETRIC or [left, right]; check it with `padding_problems`."""
    return Param(
        name,
        (str, list),
        "SAME: time' = ceil(time / stride). VALID: no padding. CAUSAL: as long as with SAME, all "
        "padding on the left, so that no output looks ahead. SYMMETRIC: as long, half of the "
        "padding on each side at any stride, as PyTorch's networks have it. [left, right]: zero "
        "frames before and after an utterance; other axes are padded as with SAME.",
        **keywords,
    )


def padding_problems(
    padding: Any, kernel_size: int, dilation: int, where: str
) -> Iterator[Problem]:
    """What is wrong with a padding of the right type.

    Args:
      padding: the value.
      kernel_size, dilation: of the time axis.
      where: its place.
    """
    span = (kernel_size - 1) * dilation
    name = where.rpartition("/")[2]
    expected = f"{', '.join(PADDINGS)} or two numbers of frames, [left, right]"
    if isinstance(padding, str):
        if padding not in PADDINGS:
            yield Problem(where, repr(padding), expected, f"Set {name} to 'SAME'.")
        return
    remedy = f"Set {name} to {[span // 2, span - span // 2]}, or to 'SAME'."
    numbers = [n for n in padding if isinstance(n, int) and not isinstance(n, bool) and n >= 0]
    if len(padding) != 2 or len(numbers) != 2:
        yield Problem(where, repr(padding), expected, remedy)
    elif sum(padding) > span:
        # More would be outputs that see nothing but zeros.
        expected = f"at most (kernel_size - 1) * dilation = {span} in all"
        yield Problem(where, repr(padding), expected, remedy)


def look_ahead_problems(
    look_ahead: int | None, windows: Sequence[TimeWindow], where: str
) -> Iterator[Problem]:
    """Whether layers whose padding may not be changed look too far ahead."""
    fixed = fixed_look_ahead(windows)
    if look_ahead is not None and fixed > look_ahead:
        yield Problem(
            where,
            str(look_ahead),
            f"at least {fixed}, by which layers with VALID or [left, right] padding look ahead",
            f"Set look_ahead to {fixed}, or the padding of these layers to 'SAME'.",
        )


def place(where: str, name: str) -> str:
    """The place of a parameter."""
    return f"{where}/{name}" if where else name


def window_of(layer: Params) -> TimeWindow:
    """The time axis of a layer of a config, once its numbers are checked."""
    dilation = (layer.get("dilation") or [1])[0]
    padding = layer["padding"]
    if layer.get("type") == "tcn" and padding == "SAME":
        padding = "CAUSAL"
    return TimeWindow(layer["kernel_size"][0], layer["stride"][0], dilation, padding)


def windows_of_layer(layer: Params) -> list[TimeWindow]:
    """Those of all repetitions, of which with `stride_last` only the last one strides."""
    window, repeat = window_of(layer), layer["repeat"]
    if not layer.get("stride_last"):
        return [window] * repeat
    return [*[dataclasses.replace(window, stride=1)] * (repeat - 1), window]
